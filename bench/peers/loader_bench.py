#!/usr/bin/env python3
"""Batches for training: slicebank's Loader and Dataset beside what people use.

    loader_bench.py [--work DIR] [--sides 256 512] [--rounds 3] [--json FILE]

Every contender gives the same slices in the same shuffled order, in batches of 16, as torch
tensors: the image as uint8 (N, 1, H, W), the label map as uint8 (N, H, W); a pass is an
epoch. Contenders take turns in each round, so that a busy machine slows all alike; a figure
is the median over rounds, after one round that is thrown away. Sums over all pixels are compared
before anything is timed. Peers that are not installed are named and left out. All is in the
page cache. Peers store one label map a slice, which is cheaper than one file a mask.

The 0 or 2 behind a name is DataLoader's num_workers; `Loader` has 2 C++ threads, and so has
`Dataset` in the process that trains; in a worker it has 1. Worker processes are persistent,
so that no epoch pays for their start.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import pickle
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy

import slicebank as sb

BATCH = 16
CLASSES = ["liver", "spleen", "left kidney", "right kidney", "aorta", "vertebrae"]
Order = list[int]
Contender = Callable[[Order], Iterable[tuple[Any, Any]]]


def has(module: str) -> bool:
    found = importlib.util.find_spec(module) is not None
    if not found:
        print(f"{module} is not installed: left out", file=sys.stderr)
    return found


def shuffled(order: Order) -> Any:
    """A sampler that gives what the round wants."""

    class Sampler:
        def __init__(self) -> None:
            self.order = order

        def __iter__(self) -> Iterator[int]:
            return iter(self.order)

        def __len__(self) -> int:
            return len(self.order)

    return Sampler()


class DataLoaderContender:
    """A map-style dataset under torch's DataLoader."""

    def __init__(self, dataset: Any, workers: int, collate: Any = None) -> None:
        from torch.utils.data import DataLoader

        self.sampler = shuffled(list(range(len(dataset))))
        self.loader = DataLoader(
            dataset,
            batch_size=BATCH,
            sampler=self.sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=collate,
        )

    def __call__(self, order: Order) -> Iterable[tuple[Any, Any]]:
        self.sampler.order = order
        for batch in self.loader:
            if isinstance(batch, dict):
                yield batch["image"], batch["label_map"]
            else:
                yield batch[0], batch[1]


class LoaderContender:
    """slicebank's own: the order comes as a sequential pass over a selection in that order."""

    def __init__(self, selection: sb.Selection, options: dict[str, Any], threads: int) -> None:
        self.selection, self.options, self.threads = selection, options, threads

    def __call__(self, order: Order) -> Iterable[tuple[Any, Any]]:
        from slicebank.torch import to_tensors

        dataset = sb.Dataset(self.selection[order], **self.options)
        for batch in sb.Loader(dataset, BATCH, threads=self.threads, output=to_tensors):
            yield batch["image"], batch["label_map"]


class PngFolder:
    """image and label map as two PNG files, read with OpenCV."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = str(folder), count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        import cv2

        cv2.setNumThreads(1)
        image = cv2.imread(f"{self.folder}/{i}_image.png", cv2.IMREAD_UNCHANGED)
        return image[None], cv2.imread(f"{self.folder}/{i}_label.png", cv2.IMREAD_UNCHANGED)


class NpzFolder(PngFolder):
    """One compressed npz a slice, as MedSAM has them."""

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        with numpy.load(f"{self.folder}/{i}.npz") as file:
            return file["image"][None], file["label"]


class LmdbPickle(PngFolder):
    """MONAI's LMDBDataset: one pickle of arrays a value."""

    environment: Any = None

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        if self.environment is None:
            import lmdb

            self.environment = lmdb.open(self.folder, readonly=True, lock=False, readahead=False)
        with self.environment.begin() as transaction:
            item = pickle.loads(transaction.get(str(i).encode()))
        return item["image"][None], item["label"]

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "count": self.count}


class HuggingFace(PngFolder):
    """datasets with PNG bytes in Arrow, decoded with OpenCV (faster than its own PIL)."""

    table: Any = None

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        import cv2

        if self.table is None:
            import datasets

            self.table = datasets.load_from_disk(self.folder)
        row = self.table[i]
        image, label = (
            cv2.imdecode(numpy.frombuffer(row[key], numpy.uint8), cv2.IMREAD_UNCHANGED)
            for key in ("image", "label")
        )
        return image[None], label


class WebDatasetContender:
    """Two shards of PNGs, one a worker, in their own order: it cannot follow another."""

    def __init__(self, shards: list[str], workers: int) -> None:
        import webdataset
        from torch.utils.data import DataLoader

        def decode(data: bytes) -> Any:
            import cv2

            return cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_UNCHANGED)

        dataset = (
            webdataset.WebDataset(shards, shardshuffle=False, empty_check=False)
            .shuffle(64)
            .to_tuple("image.png", "label.png")
            .map_tuple(lambda data: decode(data)[None], decode)
            .batched(BATCH)
        )
        self.loader = DataLoader(
            dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0
        )

    def __call__(self, order: Order) -> Iterable[tuple[Any, Any]]:
        yield from self.loader


def png_bytes(array: Any) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", array)[1])


def slices_of(dataset: sb.Dataset) -> Iterator[tuple[int, Any, Any]]:
    for i in range(len(dataset)):
        item = dataset[i]
        yield i, item["image"][0], item["label_map"]


def write_peers(dataset: sb.Dataset, root: Path) -> None:
    """The same slices in every peer's form, once."""
    for name in ("png", "npz", "shards"):
        (root / name).mkdir(parents=True)
    count = len(dataset)
    if has("cv2"):
        shards = [tarfile.open(root / "shards" / f"{n}.tar", "w") for n in range(2)]
        for i, image, label in slices_of(dataset):
            for kind, array in (("image", image), ("label", label)):
                data = png_bytes(array)
                (root / "png" / f"{i}_{kind}.png").write_bytes(data)
                entry = tarfile.TarInfo(f"{i:06d}.{kind}.png")
                entry.size = len(data)
                shards[i * 2 // count].addfile(entry, io.BytesIO(data))
        for shard in shards:
            shard.close()
    for i, image, label in slices_of(dataset):
        numpy.savez_compressed(root / "npz" / f"{i}.npz", image=image, label=label)
    if has("lmdb"):
        import lmdb

        environment = lmdb.open(str(root / "lmdb"), map_size=1 << 36)
        with environment.begin(write=True) as transaction:
            for i, image, label in slices_of(dataset):
                transaction.put(str(i).encode(), pickle.dumps({"image": image, "label": label}, 5))
        environment.close()
    if has("datasets") and has("cv2"):
        import datasets

        rows: dict[str, list[bytes]] = {"image": [], "label": []}
        for _, image, label in slices_of(dataset):
            rows["image"].append(png_bytes(image))
            rows["label"].append(png_bytes(label))
        datasets.disable_progress_bars()
        datasets.Dataset.from_dict(rows).save_to_disk(str(root / "hf"))


def contenders(selection: sb.Selection, options: dict[str, Any], root: Path) -> dict[str, Contender]:
    from slicebank.torch import collate

    count = len(selection)
    ours = sb.Dataset(selection, **options)
    found: dict[str, Contender] = {
        "slicebank Loader, 2 threads": LoaderContender(selection, options, 2),
        "slicebank Dataset, 0": DataLoaderContender(ours, 0, collate),
        "slicebank Dataset, 2": DataLoaderContender(ours, 2, collate),
    }
    if has("cv2"):
        for workers in (0, 2):
            png = PngFolder(root / "png", count)
            found[f"PNG folder, OpenCV, {workers}"] = DataLoaderContender(png, workers)
    found["npz, 2"] = DataLoaderContender(NpzFolder(root / "npz", count), 2)
    if (root / "lmdb").exists():
        found["LMDB + pickle, 2"] = DataLoaderContender(LmdbPickle(root / "lmdb", count), 2)
    if has("webdataset") and has("cv2"):
        shards = [str(root / "shards" / f"{n}.tar") for n in range(2)]
        found["WebDataset, 2"] = WebDatasetContender(shards, 2)
    if (root / "hf").exists():
        found["HF datasets, 2"] = DataLoaderContender(HuggingFace(root / "hf", count), 2)
    return found


def bytes_below(path: Path) -> int:
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def gray_bank(side: int, work: Path, subjects: int) -> sb.Bank:
    """The phantom's CT slices as they should be kept: one channel, a mask a class."""
    import cv2

    painted = sb.phantom(work / f"painted{side}.bank", subjects=subjects, slices=8, side=side)
    folder = work / f"gray{side}"
    (folder / "images").mkdir(parents=True)
    for name in CLASSES:
        (folder / "masks" / name).mkdir(parents=True)
    for sample in painted.where("modality = 'CT'"):
        assert sample.image is not None
        cv2.imwrite(str(folder / "images" / f"{sample.id}.png"), sample.image.reshape(side, side, -1)[..., 0])
        for name in CLASSES:
            if name in sample.masks:
                mask = sample.masks[name].astype(numpy.uint8) * 255
                cv2.imwrite(str(folder / "masks" / name / f"{sample.id}.png"), mask)
    sb.import_(work / f"{side}.bank", folder, format="images", set={"modality": "CT"})
    return sb.open(work / f"{side}.bank")


def measure(side: int, work: Path, subjects: int, rounds: int) -> dict[str, Any]:
    selection = gray_bank(side, work, subjects).all()
    options: dict[str, Any] = {
        "classes": CLASSES,
        "label_map": True,
        "dtype": "uint8",
        "size": side,
    }
    root = work / f"peers{side}"
    write_peers(sb.Dataset(selection, **options), root)
    running = contenders(selection, options, root)
    count = len(selection)
    sums = {}
    for name, contender in running.items():
        pixels = [(int(i.sum()), int(m.sum())) for i, m in contender(list(range(count)))]
        sums[name] = tuple(map(sum, zip(*pixels)))
    if len(set(sums.values())) != 1:
        raise SystemExit(f"the contenders disagree about the pixels: {sums}")
    random = numpy.random.default_rng(1)
    times: dict[str, list[float]] = {name: [] for name in running}
    for number in range(rounds + 1):
        order = [int(i) for i in random.permutation(count)]
        for name, contender in running.items():
            begun = time.perf_counter()
            given = sum(len(image) for image, _ in contender(order))
            spent = time.perf_counter() - begun
            if given != count:
                raise SystemExit(f"{name} gave {given} slices of {count}")
            if number:
                times[name].append(spent)
    base = "PNG folder, OpenCV, 2"
    rows = []
    print(f"\n{side} x {side}, {count} slices, batches of {BATCH}, {os.cpu_count()} cores")
    print(f"{'':30}{'slices/s':>10}{'x PNG, 2':>10}   lowest .. highest ratio")
    for name, spent in times.items():
        speed = count / statistics.median(spent)
        ratios = [b / s for b, s in zip(times.get(base, spent), spent)]
        ratio = statistics.median(ratios)
        print(f"{name:30}{speed:10.0f}{ratio:10.2f}   {min(ratios):.2f} .. {max(ratios):.2f}")
        rows.append({"name": name, "slices_per_second": speed, "ratio": ratio, "ratios": ratios})
    sizes = {each.name: bytes_below(each) for each in sorted(root.iterdir())}
    sizes["bank"] = bytes_below(work / f"{side}.bank")
    overhead = getitem_overhead(selection)
    return {"side": side, "slices": count, "rows": rows, "bytes": sizes, "getitem_us": overhead}


def getitem_overhead(selection: sb.Selection) -> dict[str, float]:
    """What ``dataset[i]`` adds to the C++ call that decodes a slice, in CPU microseconds."""
    found = {}
    for name, classes in (("image", None), ("image and masks", CLASSES)):
        few = selection.take(64)
        dataset = sb.Dataset(few, classes, size=16, resize="fit", dtype="uint8")
        ids = [int(id) for id in few.ids]
        read = dataset._maker.sample

        def seconds(call: Callable[[int], Any]) -> float:
            begun = time.thread_time()
            for place in range(len(ids)):
                call(place)
            return time.thread_time() - begun

        differences = []
        for _ in range(100):
            plain = seconds(lambda place: read(ids[place], place, 0, 0))
            differences.append((seconds(dataset.__getitem__) - plain) / len(ids) * 1e6)
        found[name] = statistics.median(differences)
        print(f"dataset[i] above the C++ read of {name}: {found[name]:.1f} us")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--subjects", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if not (has("torch") and has("cv2")):
        print("the loader bench needs PyTorch and OpenCV", file=sys.stderr)
        return 1
    if args.work is not None:
        Path(args.work).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.work, prefix="loader-") as folder:
        results = [measure(side, Path(folder), args.subjects, args.rounds) for side in args.sides]
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
