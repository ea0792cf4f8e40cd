"""For PyTorch: the only module that imports it.

``slicebank.torch.collate`` is a ``collate_fn`` that makes tensors, ``to_tensors`` an ``output`` of
slicebank.Loader, ``TensorLoader`` a Loader of tensors, on a device or in pinned memory if asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import get_worker_info

from slicebank._dataset import Item
from slicebank._dataset import collate as _collate
from slicebank._loader import Loader
from slicebank._torch_blocks import shared_batch, to_tensor, value_of


def to_tensors(batch: Item) -> Item:
    """A batch with tensors for arrays; lists of arrays become lists of tensors."""
    return {name: value_of(value) for name, value in batch.items()}


def collate(items: Sequence[Item]) -> Item:
    """Items of a Dataset as one batch of tensors, for DataLoader's ``collate_fn``.

    In a worker process they lie in one block of shared memory, which is used again as soon as the
    last tensor of its batch is gone in the process that trains.
    """
    batch = _collate(items)
    return to_tensors(batch) if get_worker_info() is None else shared_batch(batch)


def pinned(batch: Item) -> Item:
    """The batch's tensors in page-locked memory, for copies that do not wait."""
    return {
        name: value.pin_memory() if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }


class TensorLoader:
    """A Loader whose batches are tensors, on a device if one is named."""

    def __init__(self, loader: Loader, device: Any = None, pin_memory: bool = False) -> None:
        self.loader = loader
        self.device = device
        self.pin_memory = pin_memory

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Item]:
        for arrays in self.loader:
            batch = to_tensors(arrays)
            if self.pin_memory:
                batch = pinned(batch)
            if self.device is not None:
                batch = {
                    name: value.to(self.device, non_blocking=True)
                    if isinstance(value, torch.Tensor)
                    else value
                    for name, value in batch.items()
                }
            yield batch

    def set_epoch(self, epoch: int) -> None:
        self.loader.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        return self.loader.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.loader.load_state_dict(state)


__all__ = ["TensorLoader", "collate", "pinned", "to_tensor", "to_tensors"]
