"""A selection as a map-style dataset, and how its items become a batch."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy

from slicebank import _native
from slicebank._errors import BadArgument
from slicebank._samplers import Draw
from slicebank._selection import places_of
from slicebank._spec import spec_of

if TYPE_CHECKING:
    from slicebank._selection import Selection

Item = dict[str, Any]
_Returned = TypeVar("_Returned")

# Arrays that have one row an instance, so that samples of a batch differ in length.
RAGGED = frozenset(
    {
        "instance_masks",
        "boxes",
        "prompt_boxes",
        "centroids",
        "class_ids",
        "instance_ids",
        "areas",
        "point_coords",
        "point_labels",
    }
)

# Other projects' words for the same things.
KEYS: dict[str, dict[str, str]] = {
    "slicebank": {},
    "monai": {"masks": "label", "label_map": "label"},
    "sam": {"masks": "label", "instance_masks": "label", "prompt_boxes": "boxes", "boxes": "tight_boxes"},
}


class ItemList(list[Item]):
    """What ``__getitems__`` returns: a list of items, and the batch whose memory they share."""

    batch: Item

    def __init__(self, items: Sequence[Item], batch: Item) -> None:
        super().__init__(items)
        self.batch = batch

    def __reduce__(self) -> tuple[Any, ...]:
        return (ItemList, (list(self), self.batch))


def batch_dict(batch: _native.Batch, keys: Mapping[str, str], instances: bool) -> Item:
    """A batch's arrays under the names that were asked for. Ragged ones are lists."""
    found = batch.arrays(False)
    result = {keys.get(name, name): value for name, value in found.items()}
    if instances:
        rows = [batch.instances(i) for i in range(len(batch))]
        for name in RAGGED:
            result[keys.get(name, name)] = [row[name] for row in rows]
    result["id"] = batch.ids()
    result["original_size"] = [batch.source_size(i) for i in range(len(batch))]
    return result


def collate(items: Sequence[Item]) -> Item:
    """Items as one batch of numpy arrays: what to give DataLoader as ``collate_fn``.

    Arrays of one shape are stacked on a new first axis; those that differ (one row an
    instance, or slices of several sizes) become lists. The items that ``__getitems__`` of a
    Dataset without ``transform`` gave lie side by side already and are not copied.
    """
    if isinstance(items, ItemList):
        return items.batch
    if not items:
        raise BadArgument("a batch of nothing", "", "bad_argument")
    batch: Item = {}
    for name, first in items[0].items():
        values = [item[name] for item in items]
        if isinstance(first, numpy.ndarray):
            same = all(
                isinstance(value, numpy.ndarray) and value.shape == first.shape for value in values
            )
            batch[name] = numpy.stack(values) if same and name not in RAGGED else values
        elif isinstance(first, (bool, int, float, numpy.number)) and not isinstance(first, str):
            batch[name] = numpy.asarray(values, numpy.uint64 if name == "id" else None)
        else:
            batch[name] = values
    return batch


class MapStyle:
    """What datasets share: ``__len__`` items by place, each drawn by (seed, epoch, position)."""

    epoch: int = 0

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def set_epoch(self, epoch: int) -> None:
        """Of what is random, where the sampler does not tell it."""
        self.epoch = epoch

    def _place(self, index: int) -> int:
        size = len(self)
        place = index + size if index < 0 else index
        if not 0 <= place < size:
            raise IndexError(f"place {index} of {size} items")
        return place

    def _drawn(self, index: Any) -> tuple[int, int, int]:
        """Its place, position and epoch: a Draw's own, or those of the index itself."""
        place = self._place(int(index))
        if isinstance(index, Draw):
            return place, index.position, index.epoch
        return place, place, self.epoch


class Dataset(MapStyle):
    """A selection, decoded and brought into shape by C++ threads: ``__len__``,
    ``__getitem__``, ``__getitems__``. For ``torch.utils.data.DataLoader``, Grain, or a loop.

    Every item is a dictionary of numpy arrays that own their memory:

    ===============  =============================================================
    image            (C, H, W), or (H, W, C) with ``layout="hwc"``
    masks            (K, H, W) of uint8: 1 where any mask of ``classes[k]``, or of one below it, is
    label_map        (H, W): 0 background, k + 1 for ``classes[k]``; later classes win
    label_mask       (K,) of uint8: 1 known (present, or looked for and absent), 0 unknown
    labels           (K,) of float32: image-level; NaN unknown
    instance_masks   (N, H, W) of uint8; N differs from item to item
    boxes            (N, 4) of float32: tight, half-open x0, y0, x1, y1 in output pixels
    prompt_boxes     (N, 4): the same, jittered by up to ``box_jitter`` pixels a side
    centroids        (N, 2) x, y · areas (N,) pixels · class_ids (N,) · instance_ids (N,)
    point_coords     (N, P, 2) of float32 x, y · point_labels (N, P): 1 on the instance, 0 outside
                     of it, -1 where there is no such pixel
    id               of the sample · original_size (height, width) of the slice
    ===============  =============================================================

    Args:
        selection: what it is about.
        classes: what masks, label_map, label_mask and labels are about, in this order. A class
            stands for all below it.
        transform: called with each item; what it returns is the item.
        image: False leaves the pixels out, and does not even read them.
        size: of the output: a side, or (height, width). None: the crop's, or each slice's own.
        resize: to ``size``: ``none`` pads, ``fit`` keeps the aspect and pads, ``stretch``.
        interpolation: ``bilinear`` (half-pixel centres), ``area``, ``nearest``; masks: nearest.
        crop: ``none``, ``center``, ``random``, ``foreground``; of ``crop_size`` (source pixels; None:
            ``size``). ``foreground`` is centred on a pixel of ``crop_classes`` (none: ``classes``) with
            ``crop_probability``.
        pad_value, pad_align: ``center`` or ``top_left``.
        flip_horizontal, flip_vertical: probabilities. rot90: quarter turns.
        intensity: ``none``, ``window`` (``window`` = level, width), ``percentile`` (``percentiles``),
            ``min_max``, ``z_score``, ``mean_std`` (``mean``, ``std``), by the whole slice's values; what maps
            to a range maps to ``range`` (None: 0..1 for floats, 0..255 for integers).
        dtype: of the image: float32, float16, uint8, int16, uint16; integers are rounded and
            saturated.
        layout: ``chw`` or ``hwc``. channels: ``keep``, ``rgb``, ``gray``.
        masks, label_map, labels, instances: which targets; none named: masks, where there are
            classes.
        one_instance: one of the sample's instances, drawn by the seed. min_area: smaller ones
            are left out (pixels). positive_points, negative_points, box_jitter: prompts.
        keys: ``slicebank``, ``monai`` (image, label) or ``sam`` (image, label, boxes, point_coords,
            point_labels, original_size).
        seed: of everything random, with the epoch and the item's place.
        threads: of ``__getitems__``, in the calling process: 2, and 1 in a process that
            multiprocessing started, as DataLoader's workers are.

    What is random depends on (seed, epoch, place): with slicebank's samplers the place in the
    epoch's order, which any number of workers and ranks shares; else the index. Our samplers
    tell the epoch as well; with others, call ``set_epoch`` (it does not reach persistent workers).

    Raises:
        BadArgument: options that make no sense. NotFound: no such class, with the nearest.
    """

    def __init__(
        self,
        selection: Selection,
        classes: Sequence[str] | None = None,
        transform: Callable[[Item], Any] | None = None,
        *,
        keys: str = "slicebank",
        seed: int = 0,
        threads: int | None = None,
        **options: Any,
    ) -> None:
        if keys not in KEYS:
            raise BadArgument(f"keys: {keys!r}", f"one of {', '.join(KEYS)}", "bad_argument")
        self.selection = selection
        self.classes = list(classes or ())
        self.transform = transform
        self.seed = seed
        self.threads = threads
        self._options = dict(options)
        self._spec = spec_of(selection.bank, classes, **options)
        self._names = keys
        self._start()

    def _start(self) -> None:
        self._keys = KEYS[self._names]
        self._instances: bool = self._spec["instances"]
        self._maker = _native.BatchMaker(self.selection.bank._native, self._spec)
        self._ids = self.selection.ids

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_maker", "_ids", "_keys")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: Any) -> Any:
        """An item; or the items of a slice, a list of places or a mask array."""
        if not isinstance(index, (int, numpy.integer)):
            return self.__getitems__([int(place) for place in places_of(index, len(self))])
        place, position, epoch = self._drawn(index)
        item: Item = self._maker.item(
            int(self._ids[place]), position, self.seed, epoch, self._instances
        )
        if self._keys:
            item = {self._keys.get(name, name): value for name, value in item.items()}
        return item if self.transform is None else self.transform(item)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Many items, decoded by several threads; DataLoader calls it with a whole batch."""
        draws = [each for each in indices if isinstance(each, Draw)]
        if draws and (len(draws) < len(indices) or len({each.epoch for each in draws}) > 1):
            return [self[each] for each in indices]
        places = [self._place(int(each)) for each in indices]
        epoch = draws[0].epoch if draws else self.epoch
        positions = [each.position for each in draws] or places
        same = self._spec["size"] is not None or self._spec["crop_size"] is not None
        if not places or not same:
            # Slices of several sizes do not stack: they are made one by one.
            return [self[each] for each in indices]
        ids = self._ids[numpy.asarray(places)]
        batch = self._maker.batch(
            ids, numpy.asarray(positions, numpy.uint64), self.seed, epoch, self._thread_count(), False
        )
        stacked = batch_dict(batch, self._keys, self._instances)
        items = [{name: values[i] for name, values in stacked.items()} for i in range(len(places))]
        for item in items:
            item["id"] = int(item["id"])
        if self.transform is not None:
            return [self.transform(item) for item in items]
        return ItemList(items, stacked)

    def _thread_count(self) -> int:
        if self.threads is not None:
            return self.threads
        return 2 if multiprocessing.parent_process() is None else 1

    def __repr__(self) -> str:
        # Stable: Grain compares it when it goes back to a checkpoint.
        options = "".join(f", {name}={value!r}" for name, value in sorted(self._options.items()))
        return (
            f"Dataset({self.selection.fingerprint}, classes={self.classes!r}, seed={self.seed},"
            f" keys={self._names!r}{options})"
        )
