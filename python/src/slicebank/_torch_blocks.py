"""How a batch of tensors goes from a worker process to the one that trains. Only for
slicebank.torch.

DataLoader hands over each tensor by itself, in shared memory made for it, with a descriptor and
a connection of its own. Fresh shared memory costs more than filling it: 2 ms against 0.05 ms for
2 MB. So a batch travels as one block, and a worker uses its blocks again.

Who may write: a block is BUSY from when a worker takes it until the last tensor over it is gone
in the process that received it, which then marks it FREE in the block itself. A fork of that
process makes what is alive RETIRED: the child may go on reading, so nobody writes there again. The
memory has no name, and goes with the last process that has it.
"""

from __future__ import annotations

import os
import weakref
from typing import Any

import numpy
import torch
from numpy.typing import NDArray

Flag = NDArray[numpy.uint8]
Item = dict[str, Any]

_BUSY, _FREE, _RETIRED = 0, 1, 2
_ALIGNED = 64
_BLOCKS_MAX = 8  # that a worker remembers; one it forgets is freed, not used again

# Old and new releases alike cannot calculate with these.
_WIDER: dict[numpy.dtype[Any], numpy.dtype[Any]] = {
    numpy.dtype("uint16"): numpy.dtype("int32"),
    numpy.dtype("uint32"): numpy.dtype("int64"),
    numpy.dtype("uint64"): numpy.dtype("int64"),
}


def to_tensor(array: Any) -> torch.Tensor:
    """A tensor over the same memory; uint16, uint32 and uint64 are copied as int32, int64."""
    wider = _WIDER.get(array.dtype)
    return torch.from_numpy(array if wider is None else array.astype(wider))


def value_of(value: Any) -> Any:
    """A tensor for an array, tensors for a list of them, anything else as it is."""
    if isinstance(value, numpy.ndarray):
        return to_tensor(value)
    if isinstance(value, list) and value and isinstance(value[0], numpy.ndarray):
        return [to_tensor(each) for each in value]
    return value


class _Placed:
    """Stands for a tensor: the byte of the block it begins at, its type and shape."""

    __slots__ = ("begin", "dtype", "shape")

    def __init__(self, begin: int, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
        self.begin = begin
        self.dtype = dtype
        self.shape = shape

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Placed, (self.begin, self.dtype, self.shape))

    def view(self, block: torch.Tensor) -> torch.Tensor:
        count = self.dtype.itemsize
        for side in self.shape:
            count *= side
        return block[self.begin : self.begin + count].view(self.dtype).view(self.shape)


def _views(block: torch.Tensor, value: Any) -> Any:
    if isinstance(value, list):
        return [_views(block, each) for each in value]
    return value.view(block) if isinstance(value, _Placed) else value


# --- In a worker.

_blocks: list[torch.Tensor] = []
_blocks_pid = 0


def _flag(block: torch.Tensor) -> Flag:
    flag: Flag = block[-_ALIGNED:].numpy()
    return flag


def _block(size: int) -> torch.Tensor:
    """A BUSY block of at least ``size`` bytes and its flag."""
    global _blocks_pid
    if _blocks_pid != os.getpid():  # those of a parent are the parent's
        _blocks.clear()
        _blocks_pid = os.getpid()
    for block in list(_blocks):
        state = int(_flag(block)[0])
        if state == _FREE and block.numel() >= size + _ALIGNED:
            _flag(block)[0] = _BUSY
            return block
        if state != _BUSY:  # too small, or not to be written to any more
            _blocks[:] = [each for each in _blocks if each is not block]
    storage: Any = torch.UntypedStorage
    # Ragged batches differ in size; pages that are never touched cost nothing.
    room = size + size // 4 // _ALIGNED * _ALIGNED + _ALIGNED
    block = torch.empty(0, dtype=torch.uint8).set_(storage._new_shared(room))
    _flag(block)[0] = _BUSY
    _blocks.append(block)
    del _blocks[:-_BLOCKS_MAX]
    return block


class SharedBatch(dict[str, Any]):
    """A batch on its way out of a worker; it arrives as a plain dictionary."""

    def __init__(self, batch: Item, block: torch.Tensor) -> None:
        super().__init__(batch)
        self.block = block

    def __reduce__(self) -> tuple[Any, ...]:
        begin = self.block.data_ptr()
        end = begin + self.block.numel() - _ALIGNED

        def place(value: Any) -> Any:
            if isinstance(value, list):
                return [place(each) for each in value]
            # What somebody put in since travels as it is.
            if not isinstance(value, torch.Tensor) or value.requires_grad:
                return value
            if not begin <= value.data_ptr() < end or not value.is_contiguous():
                return value
            return _Placed(value.data_ptr() - begin, value.dtype, tuple(value.shape))

        return (_arrived, (self.block, {name: place(value) for name, value in self.items()}))


def shared_batch(batch: Item) -> Item:
    """A batch of arrays as tensors, copied into one block of shared memory."""
    size = 0
    todo: list[tuple[NDArray[Any], _Placed]] = []

    def laid(value: Any) -> Any:
        nonlocal size
        if isinstance(value, list) and value and isinstance(value[0], numpy.ndarray):
            return [laid(each) for each in value]
        if not isinstance(value, numpy.ndarray) or value.size == 0:
            return value_of(value)
        wider = _WIDER.get(value.dtype)
        dtype: numpy.dtype[Any] = value.dtype if wider is None else wider
        placed = _Placed(size, torch.from_numpy(numpy.empty(0, dtype)).dtype, value.shape)
        size += -(-value.size * dtype.itemsize // _ALIGNED) * _ALIGNED
        todo.append((value, placed))
        return placed

    places = {name: laid(value) for name, value in batch.items()}
    if not todo:
        return places
    block = _block(size)
    for array, placed in todo:
        numpy.copyto(placed.view(block).numpy(), array, casting="unsafe")
    return SharedBatch({name: _views(block, value) for name, value in places.items()}, block)


# --- Where it arrives.

_living: dict[int, Flag] = {}


def _release(key: int, pid: int) -> None:
    flag = _living.pop(key, None)
    if flag is not None and pid == os.getpid() and flag[0] == _BUSY:
        flag[0] = _FREE


def _retire() -> None:
    for flag in list(_living.values()):
        flag[0] = _RETIRED


os.register_at_fork(before=_retire, after_in_child=_living.clear)


def _arrived(block: torch.Tensor, places: Item) -> Item:
    owner: NDArray[Any] = block.numpy()  # gone when the last tensor over it is
    _living[id(owner)] = _flag(block)
    end = weakref.finalize(owner, _release, id(owner), os.getpid())
    end.atexit = False
    base = torch.from_numpy(owner)
    return {name: _views(base, value) for name, value in places.items()}
