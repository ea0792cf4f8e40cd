"""Ordered sets of samples, and splits of them."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy
from numpy.typing import NDArray

from slicebank import _native
from slicebank._errors import BadArgument
from slicebank._sample import Sample, data_url
from slicebank._split import SplitSet, make_splits, split_words
from slicebank._table import Table

if TYPE_CHECKING:
    from slicebank._aliases import Aliases
    from slicebank._bank import Bank
    from slicebank._dataset import Dataset
    from slicebank._split import Held
    from slicebank.filters import Condition

_THUMBNAILS = 12

Generation = int | str
"""A generation by its number, or the last one of a day or until a time in UTC: ``"2026-11-29"``."""


def as_of_text(as_of: Generation | None) -> str | None:
    """What the compiled half reads; it refuses other words."""
    return None if as_of is None else str(as_of)


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
        return self._of(self._native.symmetric_difference(other._native))

    def __contains__(self, id: object) -> bool:
        return bool((self.ids == id).any())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def where(self, filter: str | Condition) -> Selection:
        """Those of them that a filter finds, in the order they have here."""
        return self & self._bank.where(filter)

    def as_of(self, generation: Generation) -> Selection:
        """Those of them that were in the bank then, in the order they have here; see Bank.where."""
        return self._of(self._native.as_of(str(generation)))

    def deleted(self) -> NDArray[numpy.uint64]:
        """Ids of those that have been deleted since it was made or saved, in its order."""
        return self._native.deleted()

    def take(self, count: int) -> Selection:
        """The first ``count``."""
        return self._of(self._native.head(count))

    def select(self, places: Sequence[int] | NDArray[Any]) -> Selection:
        """Those at these places."""
        return self[places]

    def shuffle(self, seed: int = 0) -> Selection:
        """In an order drawn from the seed, the same on every machine."""
        return self._of(self._native.shuffled(seed))

    def sampled(self, count: int, seed: int = 0) -> Selection:
        """``count`` of them, every set of so many equally likely, in the order they have here; all
        of them where there are no more. The same everywhere for a seed.
        """
        return self._of(self._native.sampled(count, seed))

    def sort(self, by: str) -> Selection:
        """Ordered by fields of the sample: ``"patient, slice DESC"``. Equal ones keep the order they
        have here; missing values come last. Raises QueryError pointing at the word.
        """
        return self._of(self._native.sorted_by(by))

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
        leave_out: str = "",
        hold_out: Held | None = None,
        group: str = "subject",
        stratify: Sequence[str] = (),
        weight: str = "samples",
        seed: int = 0,
        honour_official: bool = False,
        join_equal_pixels: bool = True,
        keep: str | SplitSet | None = None,
        keep_sides: Sequence[str] = (),
        aliases: Aliases | None = None,
        name: str = "split",
        save: bool = False,
    ) -> SplitSet:
        """Disjoint sides, so that no group stands on two and each label is spread as wanted.

        ``train, val, test = sel.split({"train": .8, "val": .1, "test": .1}, stratify=["class"])``

        Args:
            ratios: side to share, any positive sum. Or ``folds``: k sides fold0 ... fold{k-1}. Or
                ``leave_out``: a side for each dataset, modality or sequence, to leave out in turn.
            hold_out: side to a filter or a selection: the groups it finds are that side, whole, and it
                takes nobody else; the rest is divided by the other ratios.
            group: what is never torn apart: subject (aliases joined), volume or sample.
            stratify: of class, modality, sequence, dataset, region.
            weight: of a class spread samples, masks, pixels, or presence (groups that have it).
            seed: the same seed gives the same sides on every machine.
            honour_official: groups with an official split keep it.
            join_equal_pixels: one image under two names counts as one group.
            keep: an earlier split, or a saved one's name; whoever it places stays, and new samples
                are dealt out. With ``keep_sides`` only these sides stay, exactly as they are, and the
                others are drawn anew: ``keep="main", keep_sides=["test"], seed=8``.
            aliases: who else is known to be one person.
            name, save: ``save=True`` keeps it in the bank under the name.

        docs/splits.md says what is balanced, how, and what the report means.

        Raises:
            BadArgument: words that make no sense, or an empty selection. NotFound: ``keep``, or
            nothing to hold out.
        """
        words = split_words(
            ratios,
            folds,
            leave_out,
            group=group,
            stratify=stratify,
            weight=weight,
            seed=seed,
            honour_official=honour_official,
            join_equal_pixels=join_equal_pixels,
            keep_sides=keep_sides,
            aliases=aliases,
            name=name,
        )
        (split,) = make_splits(self, words, keep, hold_out, 1)
        if save:
            split.save()
        return split

    def split_repeats(
        self,
        repeats: int,
        ratios: Mapping[str, float] | None = None,
        *,
        folds: int = 0,
        group: str = "subject",
        stratify: Sequence[str] = (),
        weight: str = "samples",
        seed: int = 0,
        hold_out: Held | None = None,
        aliases: Aliases | None = None,
        name: str = "split",
        save: bool = False,
    ) -> list[SplitSet]:
        """The same folds or ratios over again under other seeds: name-1, name-2, ...; the first has
        ``seed`` itself. Arguments: see :meth:`split`.
        """
        if repeats < 1:
            raise BadArgument(f"{repeats} repeats", "1 or more", "bad_argument")
        words = split_words(
            ratios,
            folds,
            "",
            group=group,
            stratify=stratify,
            weight=weight,
            seed=seed,
            honour_official=False,
            join_equal_pixels=True,
            keep_sides=(),
            aliases=aliases,
            name=name,
        )
        made = make_splits(self, words, None, hold_out, repeats)
        if save:
            _native.save_splits(self._bank._native, [each._data for each in made])
        return made

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

    def facets(self) -> Table:
        """How many of its samples have each value of each facet (modality, sequence, dataset, region,
        class, axis, official_split), also where none has: facet, value, samples. In milliseconds.
        """
        return Table(_native.facet_table(self._native))

    def subjects(self) -> Table:
        """The people behind it: subject, dataset, patient, samples (how many of it)."""
        return Table(_native.subject_table(self._native))

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
