"""Ordered sets of samples, and splits of them."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy
from numpy.typing import NDArray

from slicebank import _native
from slicebank._errors import BadArgument
from slicebank._sample import Sample, data_url
from slicebank._table import Table

if TYPE_CHECKING:
    from slicebank._bank import Bank
    from slicebank._dataset import Dataset

_THUMBNAILS = 12


def places_of(key: Any, size: int) -> NDArray[numpy.uint64]:
    """Places that a slice, a list of whole numbers or a mask array stands for.

    Raises IndexError for a place that is not there.
    """
    if isinstance(key, slice):
        return numpy.arange(*key.indices(size), dtype=numpy.int64).astype(numpy.uint64)
    array = numpy.asarray(key)
    if array.dtype == numpy.bool_:
        if array.shape != (size,):
            raise IndexError(f"a mask of shape {array.shape} for {size} samples")
        return numpy.flatnonzero(array).astype(numpy.uint64)
    if array.size == 0:
        return numpy.empty(0, numpy.uint64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"not places in a selection: {key!r}")
    array = array.astype(numpy.int64)
    array = numpy.where(array < 0, array + size, array)
    if array.min() < 0 or array.max() >= size:
        raise IndexError(f"there are {size} samples")
    return array.astype(numpy.uint64)


class Selection:
    """An ordered set of sample ids that a query gave, bound to a bank's generation.

    ``sel[3]`` reads a sample, ``sel[10:20]`` and ``sel[[5, 3]]`` are selections, ``|``, ``&``, ``-``
    and ``^`` are union, intersection, difference and symmetric difference, in the left one's
    order. Pickles as (path, generation, ids): 8 bytes a sample.
    """

    def __init__(self, bank: Bank, native: _native.Selection) -> None:
        self._bank = bank
        self._native = native
        self._ids: NDArray[numpy.uint64] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restored, (self._bank, self._native.id_bytes(), self.generation, self.query))

    @property
    def bank(self) -> Bank:
        return self._bank

    @property
    def ids(self) -> NDArray[numpy.uint64]:
        """(N,) of uint64, read-only."""
        if self._ids is None:
            ids = self._native.ids()
            ids.setflags(write=False)
            self._ids = ids
        return self._ids

    @property
    def generation(self) -> int:
        """Of the bank when the selection was made."""
        return self._native.generation

    @property
    def query(self) -> str:
        """The words that found it."""
        return self._native.query

    @property
    def fingerprint(self) -> str:
        """32 hex digits over bank and ids in order: equal selections, equal fingerprints."""
        return self._native.fingerprint()

    def __len__(self) -> int:
        return len(self._native)

    @overload
    def __getitem__(self, key: int) -> Sample: ...
    @overload
    def __getitem__(self, key: slice | Sequence[int] | NDArray[Any]) -> Selection: ...
    def __getitem__(self, key: Any) -> Any:
        """A sample by place, or the selection of a slice, a list of places or a mask array."""
        if isinstance(key, (int, numpy.integer)):
            place = int(key)
            size = len(self)
            if place < 0:
                place += size
            if not 0 <= place < size:
                raise IndexError(f"place {key} of {size} samples")
            return self._bank.sample(int(self.ids[place]))
        return self._of(self._native.taken(places_of(key, len(self))))

    def __iter__(self) -> Iterator[Sample]:
        for id in self.ids:
            yield self._bank.sample(int(id))

    def samples(
        self, *, image: bool = True, masks: bool = True, threads: int = 2
    ) -> list[Sample]:
        """All of them at once, decoded by C++ threads. For selections that fit into memory."""
        read = self._bank._native.read_many(self.ids, image, masks, [], threads)
        return [Sample(self._bank, fields) for fields in read]

    def _of(self, native: _native.Selection) -> Selection:
        return Selection(self._bank, native)

    # --- Sets.

    def __or__(self, other: Selection) -> Selection:
        return self._of(self._native.united(other._native))

    def __and__(self, other: Selection) -> Selection:
        return self._of(self._native.intersected(other._native))

    def __sub__(self, other: Selection) -> Selection:
        return self._of(self._native.minus(other._native))

    def __xor__(self, other: Selection) -> Selection:
        return (self - other) | (other - self)

    def __contains__(self, id: object) -> bool:
        return bool((self.ids == id).any())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def where(self, filter: str) -> Selection:
        """Those of them that a filter finds, in the order they have here."""
        return self & self._bank.where(filter)

    def take(self, count: int) -> Selection:
        """The first ``count``."""
        return self._of(self._native.head(count))

    def select(self, places: Sequence[int] | NDArray[Any]) -> Selection:
        """Those at these places."""
        return self[places]

    def shuffle(self, seed: int = 0) -> Selection:
        """In an order drawn from the seed, the same on every machine."""
        return self._of(self._native.shuffled(seed))

    def shard(self, count: int, index: int) -> Selection:
        """Every ``count``-th, from place ``index`` on."""
        if not 0 <= index < count:
            raise BadArgument(f"shard {index} of {count}", "shards count from 0", "bad_argument")
        return self[index::count]

    def save(self, name: str) -> None:
        """Keeps it in the bank; ``bank.selection(name)`` gives it back. Raises Locked."""
        self._native.save(name)

    # --- Splits.

    def split(
        self,
        ratios: Mapping[str, float] | None = None,
        *,
        folds: int = 0,
        group: str = "subject",
        stratify: Sequence[str] = (),
        seed: int = 0,
        honour_official: bool = False,
        join_equal_pixels: bool = True,
        keep: str | None = None,
        name: str = "split",
        save: bool = False,
    ) -> SplitSet:
        """Disjoint sides, so that no group stands on two and each label is spread as wanted.

        ``train, val, test = sel.split({"train": .8, "val": .1, "test": .1}, stratify=["class"])``

        Args:
            ratios: side to share, any positive sum. Or ``folds``: k sides fold0 ... fold{k-1}.
            group: what is never torn apart: subject (aliases joined), volume or sample.
            stratify: of class, modality, sequence, dataset, region.
            seed: the same seed gives the same sides on every machine.
            honour_official: groups with an official split keep it.
            join_equal_pixels: one image under two names counts as one group.
            keep: a saved split; whoever it places stays.
            name, save: ``save=True`` keeps it in the bank under the name.

        Raises:
            BadArgument: ratios, folds or words that make no sense, or an empty selection.
        """
        if (ratios is None) == (folds == 0):
            raise BadArgument("a split needs ratios or folds, not both", "", "bad_argument")
        made = _native.make_split(
            self._native,
            name,
            list((ratios or {}).items()),
            folds,
            group,
            list(stratify),
            seed,
            honour_official,
            join_equal_pixels,
            keep,
        )
        split = SplitSet(self._bank, made.data, made.text)
        if save:
            split.save()
        return split

    # --- Out.

    def dataset(
        self,
        classes: Sequence[str] | None = None,
        transform: Callable[[dict[str, Any]], Any] | None = None,
        **options: Any,
    ) -> Dataset:
        """A map-style dataset for training; see :class:`slicebank.Dataset`."""
        from slicebank._dataset import Dataset

        return Dataset(self, classes, transform, **options)

    def table(self) -> Table:
        """A row a sample: id, dataset, modality, sequence, region, patient, volume, axis, slice,
        name, height, width, channels, pixel_type, official_split, masks (how many), classes.
        """
        return Table(_native.sample_table(self._bank._native, self.ids))

    def masks_table(self) -> Table:
        """A row a mask: sample_id, class, raw_class, instance, area (pixels), x0, y0, x1, y1."""
        return Table(_native.mask_table(self._bank._native, self.ids))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow stream of :meth:`table`."""
        return self.table().__arrow_c_stream__(requested_schema)

    def to_pandas(self) -> Any:
        """:meth:`table` as a ``pandas.DataFrame``."""
        return self.table().to_pandas()

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """:meth:`table` as a Parquet file. Needs pyarrow."""
        self.table().to_parquet(path)

    def export(
        self,
        destination: str | os.PathLike[str],
        format: str,
        *,
        progress: Callable[[int, int], object] | None = None,
        jobs: int = 0,
        **settings: str,
    ) -> dict[str, Any]:
        """Writes them as files: one of :func:`slicebank.export_formats`.

        Args:
            destination: a folder that does not exist or is empty; it is whole or not there.
            progress: called with (done, total) in samples.
            settings: what the one format knows (docs/exporters/).

        Returns:
            samples, masks, files, bytes and ``losses``: what the format cannot hold.
        """
        return _native.export_folder(
            self._native, os.fspath(destination), format, progress, settings, jobs
        )

    # --- To look at.

    def picture(self, columns: int = 0, side: int = 256) -> bytes:
        """PNG: a contact sheet of all of them, with outlines and a legend."""
        captions = [str(int(id)) for id in self.ids]
        return _native.sheet_png(self._bank._native, self.ids, captions, side, columns)

    def __repr__(self) -> str:
        words = f", {self.query!r}" if self.query else ""
        return f"Selection({len(self)} samples{words}, generation {self.generation})"

    def _repr_html_(self) -> str:
        tiles = []
        for id in self.ids[:_THUMBNAILS]:
            png = _native.overlay_png(self._bank._native, int(id), False, False, "", 128)
            tiles.append(
                f'<figure style="display:inline-block;margin:4px"><img src="{data_url(png)}"'
                f' alt="sample {id}"><figcaption>{id}</figcaption></figure>'
            )
        return f"<p>{html.escape(repr(self))}</p><div>{''.join(tiles)}</div>"


def _restored(bank: Bank, ids: bytes, generation: int, query: str) -> Selection:
    return Selection(bank, _native.selection_of_bytes(bank._native, ids, generation, query))


class SplitSet:
    """Named disjoint sides. Iterates over the sides as selections, in their order:
    ``train, val = split``; ``split["train"]`` is one of them.
    """

    def __init__(self, bank: Bank, data: _native.SplitData, text: str = "") -> None:
        self._bank = bank
        self._data = data
        self._text = text

    @property
    def name(self) -> str:
        return self._data.name

    @property
    def sides(self) -> list[str]:
        return list(self._data.sides)

    @property
    def params(self) -> dict[str, Any]:
        """How it was made."""
        return dict(json.loads(self._data.params_json or "{}"))

    @property
    def report(self) -> dict[str, Any]:
        """How well it came out: per label wanted against got (docs/splits.md)."""
        return dict(json.loads(self._data.report_json or "{}"))

    def __getitem__(self, side: str) -> Selection:
        return Selection(self._bank, _native.side_of(self._bank._native, self._data, side))

    def __iter__(self) -> Iterator[Selection]:
        return (self[side] for side in self.sides)

    def __len__(self) -> int:
        return len(self._data.sides)

    def folds(self) -> Iterator[tuple[Selection, Selection]]:
        """(train, validation) for each side in turn: validation is the side, train all others."""
        for side in self.sides:
            train: Selection | None = None
            for other in self.sides:
                if other != side:
                    train = self[other] if train is None else train | self[other]
            if train is not None:
                yield train, self[side]

    def audit(self) -> dict[str, Any]:
        """Whether it leaks; see Bank.audit."""
        return self._bank.audit(self)

    def save(self) -> None:
        """Keeps it in the bank under its name, instead of one of the same name. Raises Locked."""
        _native.save_split(self._bank._native, self._data)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{side} {len(self[side])}" for side in self.sides)
        return f"SplitSet({self.name!r}: {sizes})" + (f"\n{self._text}" if self._text else "")

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"
