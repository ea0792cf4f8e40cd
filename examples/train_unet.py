"""Trains a small U-Net for a few steps: with PyTorch where it is installed, else in numpy.

    python examples/train_unet.py                    # a phantom bank
    python examples/train_unet.py demo.bank --classes liver spleen --steps 200

The loss must fall; if it does not, the exit code is 1.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from phantom_bank import arguments, bank_or_phantom

import slicebank as sb

Step = Callable[[dict[str, Any]], float]


def numpy_step(channels: int, classes: int) -> Step:
    from numpy_unet import UNet

    net = UNet(channels, classes)

    def step(batch: dict[str, Any]) -> float:
        return net.train_step(
            batch["image"], batch["masks"].astype("f4"), batch["label_mask"].astype("f4")
        )

    return step


def torch_step(channels: int, classes: int) -> Step:
    import torch
    from torch import nn

    from slicebank.torch import to_tensors

    class UNet(nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self, width: int = 8) -> None:
            super().__init__()
            self.down = nn.Conv2d(channels, width, 3, padding=1)
            self.bottom = nn.Conv2d(width, 2 * width, 3, padding=1)
            self.up = nn.Conv2d(3 * width, width, 3, padding=1)
            self.head = nn.Conv2d(width, classes, 3, padding=1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            skip = torch.relu(self.down(image))
            deep = torch.relu(self.bottom(nn.functional.max_pool2d(skip, 2)))
            grown = nn.functional.interpolate(deep, scale_factor=2.0)
            joined = torch.relu(self.up(torch.cat([skip, grown], 1)))
            logits: torch.Tensor = self.head(joined)
            return logits

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = UNet().to(device)
    adam = torch.optim.Adam(net.parameters(), 3e-3)

    def step(batch: dict[str, Any]) -> float:
        tensors = to_tensors(batch)
        image = tensors["image"].to(device)
        target = tensors["masks"].to(device).float()
        # Classes that nobody looked for count nothing.
        known = tensors["label_mask"].to(device).float()[:, :, None, None].expand_as(target)
        loss = nn.functional.binary_cross_entropy_with_logits(
            net(image), target, weight=known, reduction="sum"
        ) / known.sum().clamp(min=1)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return float(loss.detach())

    return step


def batches(loader: sb.Loader) -> Iterator[dict[str, Any]]:
    """Epoch after epoch."""
    for _ in itertools.count():
        yield from loader


def main() -> int:
    parser = arguments("Train a small U-Net on the slices of a bank.")
    parser.add_argument("--classes", nargs="+", help="default: the four most frequent")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--size", type=int, default=64, help="side in pixels, even")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--backend", choices=["auto", "numpy", "torch"], default="auto")
    args = parser.parse_args()

    with bank_or_phantom(args.bank) as bank:
        classes = args.classes or bank.classes[:4]
        names = ", ".join(f"'{name}'" for name in classes)
        found = bank.where(f"class IN ({names})")
        train, val = found.split({"train": 0.8, "val": 0.2}, stratify=["class"], seed=7)
        print(f"{bank}\nclasses: {names}; {len(train)} slices to train on, {len(val)} kept")

        loader = sb.Loader(
            train,
            args.batch_size,
            sampler=sb.BalancedSampler(train, by="class", seed=7),
            classes=classes,
            size=args.size,
            resize="fit",
            interpolation="area",
            channels="gray",
            intensity="percentile",
            flip_horizontal=0.5,
        )
        backend = args.backend
        if backend == "auto":
            backend = "numpy" if find_spec("torch") is None else "torch"
        print(f"backend: {backend}")
        make = numpy_step if backend == "numpy" else torch_step
        step = make(1, len(classes))
        losses = []
        for number, batch in enumerate(itertools.islice(batches(loader), args.steps)):
            losses.append(step(batch))
            if number % 10 == 0 or number == args.steps - 1:
                print(f"step {number:4d}  loss {losses[-1]:.4f}", flush=True)
    few = max(1, len(losses) // 5)
    first, last = sum(losses[:few]) / few, sum(losses[-few:]) / few
    print(f"mean loss of the first {few} steps {first:.4f}, of the last {few} {last:.4f}")
    if last >= first:
        print("the loss did not fall", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
