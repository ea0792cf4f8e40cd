"""Classification on a MedMNIST file: import, official split, image-level labels, softmax.

    python examples/medmnist_classification.py ~/data/pneumoniamnist.npz

Without a file, one of the same layout is painted: bright and dark blobs.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy

import slicebank as sb


def paint(path: Path, seed: int = 7) -> None:
    """A file in MedMNIST's layout with two classes, 28 x 28 pixels."""
    random = numpy.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    for side, count in (("train", 240), ("val", 40), ("test", 80)):
        labels = random.integers(0, 2, (count, 1)).astype(numpy.uint8)
        images = random.integers(60, 120, (count, 28, 28)).astype(numpy.uint8)
        y, x = numpy.mgrid[:28, :28]
        blob = ((x - 14) ** 2 + (y - 14) ** 2) < 49
        images[labels[:, 0] == 1] += (blob * 70).astype(numpy.uint8)
        arrays[f"{side}_images"] = images
        arrays[f"{side}_labels"] = labels
    numpy.savez_compressed(path, **arrays)


def main() -> int:
    parser = argparse.ArgumentParser(description="Classification on a MedMNIST file.")
    parser.add_argument("npz", nargs="?", type=Path)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slicebank-example-") as folder:
        source = Path(folder) / "source"
        source.mkdir()
        if args.npz is None:
            paint(source / "pneumoniamnist.npz")
        else:
            shutil.copy(args.npz, source / args.npz.name)
        report = sb.import_(f"{folder}/m.bank", source, format="medmnist")
        bank = sb.open(f"{folder}/m.bank")
        print(f"{report['samples']} images, {report['skipped']} skipped")
        names = sorted({name for sample in bank.all().take(200) for name in sample.labels})
        split = bank.official_split()
        train, test = split["train"], split["test"]
        options: dict[str, Any] = {"classes": names, "labels": True, "channels": "gray", "size": 28}
        pixels = 28 * 28
        weights = numpy.zeros((pixels + 1, len(names)))

        def features(batch: dict[str, numpy.ndarray]) -> numpy.ndarray:
            flat = batch["image"].reshape(len(batch["image"]), -1) / 255.0 - 0.4
            return numpy.concatenate([flat, numpy.ones((len(flat), 1))], 1)

        for epoch in range(args.epochs):
            total = 0.0
            loader = sb.Loader(train, 32, shuffle=True, seed=epoch, **options)
            for batch in loader:
                rows, wanted = features(batch), numpy.nan_to_num(batch["labels"])
                scores = 1 / (1 + numpy.exp(-rows @ weights))
                weights -= 0.05 * rows.T @ (scores - wanted) / len(rows)
                total += float(numpy.abs(scores - wanted).mean())
            print(f"epoch {epoch}  mean error {total / len(loader):.3f}")
        right = count = 0
        for batch in sb.Loader(test, 64, **options):
            guess = (features(batch) @ weights).argmax(axis=1)
            right += int((guess == numpy.nan_to_num(batch["labels"]).argmax(axis=1)).sum())
            count += len(guess)
        print(f"classes {names}: {right} of {count} test images right")
    return 0 if right > 0.8 * count or args.npz is not None else 1


if __name__ == "__main__":
    sys.exit(main())
