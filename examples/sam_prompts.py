"""A SAM-style loop: one random instance a slice, a jittered box, points inside and outside.

The model here is a stand-in that answers with the filled box, so that the loop, its keys and
its scores can be seen without weights: put yours in its place.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy
from numpy.typing import NDArray
from phantom_bank import arguments, bank_or_phantom

import slicebank as sb


def box_model(image: NDArray[Any], boxes: NDArray[Any]) -> NDArray[numpy.uint8]:
    """(N, H, W) of 0 and 1 for boxes (N, 4)."""
    height, width = image.shape[-2:]
    masks = numpy.zeros((len(boxes), height, width), numpy.uint8)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes.astype(int)):
        mask[y0:y1, x0:x1] = 1
    return masks


def dice(a: NDArray[numpy.uint8], b: NDArray[numpy.uint8]) -> float:
    both = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / both if both else 1.0


def main() -> int:
    parser = arguments("Prompts from a bank for a promptable model.")
    parser.add_argument("--batches", type=int, default=6)
    args = parser.parse_args()
    with bank_or_phantom(args.bank) as bank:
        dataset = sb.Dataset(
            bank.where("mask(area > 100)"),
            keys="sam",
            size=256,
            resize="fit",
            channels="rgb",
            intensity="percentile",
            range=(0, 255),
            one_instance=True,
            min_area=100,
            positive_points=2,
            negative_points=1,
            box_jitter=5,
            seed=7,
        )
        scores: list[float] = []
        for number, batch in enumerate(sb.Loader(dataset, 8, shuffle=True)):
            if number == args.batches:
                break
            for image, boxes, truth, points, labels in zip(
                batch["image"],
                batch["boxes"],
                batch["label"],
                batch["point_coords"],
                batch["point_labels"],
            ):
                answers = box_model(image, boxes)
                scores += [dice(answer, mask) for answer, mask in zip(answers, truth)]
                # A positive point lies on its instance, a negative one beside it.
                for mask, places, kinds in zip(truth, points.astype(int), labels):
                    for (x, y), kind in zip(places, kinds):
                        if kind >= 0 and mask[y, x] != kind:
                            print("a point lies on the wrong side", file=sys.stderr)
                            return 1
        print(f"{len(scores)} prompts, mean Dice of the filled box {numpy.mean(scores):.3f}")
    return 0 if scores else 1


if __name__ == "__main__":
    sys.exit(main())
