"""For PyTorch: the only module that imports it.

``slicebank.torch.collate`` is a ``collate_fn`` that makes tensors, ``to_tensors`` an ``output`` of
slicebank.Loader, ``loader`` both with pinned memory, if asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy
import torch

from slicebank._dataset import Item
from slicebank._dataset import collate as _collate
from slicebank._loader import Loader

# Old and new releases alike cannot calculate with these.
_WIDER = {
    numpy.dtype("uint16"): numpy.dtype("int32"),
    numpy.dtype("uint32"): numpy.dtype("int64"),
    numpy.dtype("uint64"): numpy.dtype("int64"),
}


def to_tensor(array: Any) -> torch.Tensor:
    """A tensor over the same memory; uint16, uint32 and uint64 are copied as int32, int64."""
    wider = _WIDER.get(array.dtype)
    return torch.from_numpy(array if wider is None else array.astype(wider))


def to_tensors(batch: Item) -> Item:
    """A batch with tensors for arrays; lists of arrays become lists of tensors."""
    return {name: _value(value) for name, value in batch.items()}


def _value(value: Any) -> Any:
    if isinstance(value, numpy.ndarray):
        return to_tensor(value)
    if isinstance(value, list) and value and isinstance(value[0], numpy.ndarray):
        return [to_tensor(each) for each in value]
    return value


def collate(items: Sequence[Item]) -> Item:
    """Items of a Dataset as one batch of tensors, for DataLoader's ``collate_fn``."""
    return to_tensors(_collate(items))


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
