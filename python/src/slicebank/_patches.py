"""3-D patches of volumes as a map-style dataset, with classes oversampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy

from slicebank import _native
from slicebank._dataset import Item, MapStyle
from slicebank._errors import BadArgument

if TYPE_CHECKING:
    from slicebank._bank import Bank
    from slicebank._selection import Selection

Sides = tuple[int, int, int]

_VOLUMES_KNOWN = 1024


class PatchDataset(MapStyle):
    """Volumes of which each item is one patch, drawn anew for each epoch: for 3-D training, with
    ``torch.utils.data.DataLoader`` and slicebank's samplers, or a loop.

    With ``foreground_probability`` a patch is centred, as far as the volume's sides allow, on a voxel
    of one of the classes that are in the volume: each class equally likely, and each of its voxels.
    Otherwise, and where the volume has none of them, each place inside of the volume is
    equally likely. nnU-Net draws a third so. The voxel is found without looking at the
    volume, and no slice outside of the patch is decoded for it but one, whose masks are read.

    Every item is a dictionary; arrays own their memory:

    ===============  =============================================================
    image            (C, D, H, W): d along the axis, h and w as the slices have them
    label_map        (D, H, W): 0 background, k + 1 for ``classes[k]``; later classes win
    masks            (K, D, H, W) of uint8, with ``masks=True``
    label_mask       (K,) of uint8: 1 known in every slice of the patch, 0 unknown
    volume_id        of the volume
    origin_dhw       (3,) of int64: where the patch begins, from the first stored slice; below 0
                     where the volume is smaller than the patch, which then lies around it
    ===============  =============================================================

    Args:
        selection: its volumes, whole, in the order in which they come up: split by subject or volume.
        size_dhw: of a patch.
        classes: what label_map, masks and label_mask are about, in this order.
        transform: called with each item; what it returns is the item.
        foreground_classes: to centre on; none: ``classes``, and without those any mask.
        foreground_probability: of a patch to be centred on a voxel of theirs.
        axis, dtype, label_map, masks, missing, pad: see Bank.volume.
        seed: of everything random, with the epoch and the item's place: see Dataset.
        threads: that decode the slices of a patch, in the calling process.

    Raises:
        BadArgument: options that make no sense. NotFound: no such class, with the nearest.
    """

    def __init__(
        self,
        selection: Selection,
        size_dhw: Sides,
        classes: Sequence[str] = (),
        transform: Callable[[Item], Any] | None = None,
        *,
        foreground_classes: Sequence[str] = (),
        foreground_probability: float = 1 / 3,
        axis: str | None = None,
        dtype: str | None = None,
        label_map: bool = True,
        masks: bool = False,
        missing: str = "raise",
        pad: float = 0.0,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        if isinstance(classes, str) or isinstance(foreground_classes, str):
            raise BadArgument("classes are lists of names", "classes=[...]", "bad_argument")
        if len(size_dhw) != 3 or min(size_dhw) < 1:
            raise BadArgument(f"patches of {size_dhw}", "(d, h, w), each 1 or more", "bad_argument")
        if not 0 <= foreground_probability <= 1:
            raise BadArgument(f"probability {foreground_probability}", "from 0 to 1", "bad_argument")
        self.bank: Bank = selection.bank
        self.volume_ids = _native.volume_ids(selection._native)
        self.size_dhw: Sides = (int(size_dhw[0]), int(size_dhw[1]), int(size_dhw[2]))
        self.classes = list(classes)
        self.transform = transform
        self.foreground_classes = list(foreground_classes) or self.classes
        self.foreground_probability = foreground_probability
        self.seed = seed
        self._aims = [self.bank.class_id(name) for name in self.foreground_classes]
        self._axis = axis
        self._missing = missing
        self._options: dict[str, Any] = {
            "image": True,
            "dtype": dtype,
            "classes": [self.bank.class_id(name) for name in self.classes],
            "label_map": label_map and bool(self.classes),
            "masks": masks,
            "pad": pad,
            "missing": missing,
            "threads": threads,
            "size_dhw": self.size_dhw,
        }
        self._start()

    def _start(self) -> None:
        self._known = lru_cache(maxsize=_VOLUMES_KNOWN)(self._look_up)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_known"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def _look_up(
        self, volume_id: int
    ) -> tuple[_native.VolumeSlices, _native.VolumeForeground, Sides]:
        """Slices, foreground and (d, h, w) of a volume."""
        bank = self.bank._native
        slices = _native.volume_slices(bank, volume_id, self._axis)
        foreground = _native.VolumeForeground(bank, slices, self._aims, self._missing)
        indices = slices.slice_indices
        depth = len(indices) if self._missing == "close" else indices[-1] - indices[0] + 1
        meta = bank.meta(int(slices.ids()[0]))
        return slices, foreground, (depth, meta["height"], meta["width"])

    def __len__(self) -> int:
        return len(self.volume_ids)

    def __getitem__(self, index: int) -> Any:
        """A patch of the volume at this place."""
        place, position, epoch = self._drawn(index)
        volume_id = int(self.volume_ids[place])
        slices, foreground, volume_dhw = self._known(volume_id)
        random = numpy.random.SeedSequence((self.seed, epoch, position))
        chance, *words = random.generate_state(4, numpy.uint64).tolist()
        voxel = None
        if chance < self.foreground_probability * 2**64:
            voxel = foreground.draw(self.seed, epoch, position)
        if voxel is None:
            origin = [_begin(*each) for each in zip(words, self.size_dhw, volume_dhw)]
        else:
            origin = _native.patch_around(voxel, self.size_dhw, volume_dhw)
        item: Item = _native.load_volume(
            self.bank._native, slices, origin_dhw=(origin[0], origin[1], origin[2]), **self._options
        )
        del item["slice_indices"], item["spacing_dhw_mm"]
        item.update(volume_id=volume_id, origin_dhw=numpy.array(origin, numpy.int64))
        return item if self.transform is None else self.transform(item)

    def __repr__(self) -> str:
        return (
            f"PatchDataset({len(self)} volumes, {self.size_dhw}, classes={self.classes!r},"
            f" seed={self.seed})"
        )


def _begin(word: int, size: int, side: int) -> int:
    """Of a patch along one side: anywhere inside by the 64-bit word, or around the volume."""
    return -((size - side) // 2) if size > side else word * (side - size + 1) >> 64
