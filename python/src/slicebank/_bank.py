"""The door: a bank of slices."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from slicebank import _native
from slicebank._audit import Audits
from slicebank._errors import BadArgument, NotFound
from slicebank._sample import Sample
from slicebank._selection import Generation, Selection, as_of_text
from slicebank._split import SplitSet
from slicebank._table import Table
from slicebank.filters import Condition

StrPath = str | os.PathLike[str]


class Bank(Audits):
    """A bank, open for reading: what :func:`slicebank.open` gives.

    It may be shared by threads, pickled (its path travels) and used after a fork: each process
    opens the files for itself, and nothing that a process holds outlives it. A sample is read under a
    transaction of its own, so an import may go on beside any number of readers.
    """

    def __init__(self, path: StrPath, *, check: bool = False) -> None:
        self._native: _native.Bank = _native.Bank.open(os.fspath(path), check)
        self._family = lru_cache(maxsize=4096)(self._family_of)
        self._name = lru_cache(maxsize=65536)(self._native.class_name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopened, (self.path, self.uuid))

    def __enter__(self) -> Bank:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close: files go when the last handle does."""

    @property
    def path(self) -> str:
        """The directory, canonical."""
        return self._native.path

    @property
    def uuid(self) -> str:
        """The bank's own name, the same wherever it is moved to."""
        return self._native.uuid

    @property
    def generation(self) -> int:
        """Grows by one with every batch that is committed."""
        return self._native.generation()

    def info(self) -> dict[str, Any]:
        """Counts and sizes: samples, masks, labels, volumes, subjects, datasets, bytes."""
        return self._native.info()

    def __len__(self) -> int:
        """Samples in the bank."""
        return int(self._native.info()["samples"])

    # --- Choosing.

    def where(
        self, filter: str | Condition = "", *, as_of: Generation | None = None
    ) -> Selection:
        """The samples that a filter finds, ascending by id; without one, all of them.

        ``bank.where("modality = 'CT' AND mask(class = 'liver' AND area > 500)")``: see
        docs/query_language.md; :mod:`slicebank.filters` makes the same by code. Raises QueryError,
        whose ``column`` points at the word.

        ``as_of``: only what was in the bank at that generation, ``7`` or ``"2026-11-29"`` (UTC; also
        ``"2026-11-29T14:30"``): the last one until then; see :meth:`generations`. The filter asks what is
        known of those samples now, and what was deleted since cannot be had again. Raises NotFound for
        a generation that is not known, BadArgument for other words.
        """
        return Selection(self, _native.select(self._native, str(filter), as_of_text(as_of)))

    def all(self) -> Selection:
        """Every sample."""
        return self.where()

    def generations(self) -> Table:
        """What each generation was, ascending: generation, kind (insert, erase, repair, begin),
        next_sample (the first id not given out yet), samples (in the bank then), removed (samples
        that it took out), committed_at (UTC; ``None``: not known). Raises QueryError for a bank
        that only an older slicebank has written: its log begins with the next commit.
        """
        return self.table("generations")

    def count(self, filter: str | Condition = "") -> int:
        """How many samples a filter finds."""
        return _native.count(self._native, str(filter))

    def explain(self, filter: str | Condition = "") -> str:
        """How a filter is understood and answered, as text: its tree, what the facets tell, SQL
        and plan. Runs nothing but EXPLAIN. Raises QueryError.
        """
        return _native.explain_text(self._native, str(filter))

    def explain_parts(self, filter: str | Condition = "") -> dict[str, Any]:
        """The same in parts: text, tree, normal, facets, ids (SQL), ids_values, plan, count."""
        return _native.explain(self._native, str(filter))

    def query(self, filter: str | Condition = "", limit: int | None = None) -> Table:
        """The samples that a filter finds as a table, a row each: see Selection.table."""
        found = self.where(filter)
        return (found if limit is None else found.take(limit)).table()

    def ids(self, ids: Sequence[int] | NDArray[Any]) -> Selection:
        """A selection of these ids, in this order. Raises BadArgument for an id given twice."""
        native = _native.selection_of_ids(self._native, ids, self.generation, "ids")
        return Selection(self, native)

    def selection(self, name: str) -> Selection:
        """A selection saved by Selection.save. Raises NotFound."""
        return Selection(self, _native.load_selection(self._native, name))

    def forget_selection(self, name: str) -> None:
        """Takes a saved selection out of the bank. Raises NotFound, Locked."""
        _native.forget_selection(self._native, name)

    @property
    def saved_selections(self) -> list[str]:
        """Names for :meth:`selection`."""
        return self._native.saved_selections()

    # --- Reading.

    def sample(self, id: int, *, image: bool = True, masks: bool = True) -> Sample:
        """A sample by its id. Raises NotFound for one that never was or was deleted."""
        return Sample(self, self._native.read(id, image, masks, []))

    def crop(
        self, id: int, box: Sequence[int], *, image: bool = True, masks: bool = True
    ) -> Sample:
        """A part of a sample, without decoding more of the rest than the codec has to.

        Args:
            box: half-open ``x0, y0, x1, y1`` in pixels, as ``Mask.box`` and ``Sample.boxes`` have it.

        Returns:
            What :meth:`sample` gives, with image ``[y0:y1, x0:x1]``, (y1 - y0, x1 - x0) or
            (y1 - y0, x1 - x0, C), and masks alike; a mask with nothing in the box is there, empty.
            Boxes, height and width are the crop's; ``meta`` is the whole slice's.

        Raises:
            BadArgument: a box that is empty or reaches out of the image. NotFound: no such sample.
            For 3-D see :meth:`volume`.
        """
        sides = tuple(operator.index(side) for side in box)
        if len(sides) != 4:
            raise BadArgument(f"a box of {len(sides)} numbers", "x0, y0, x1, y1", "bad_argument")
        return Sample(self, self._native.crop(id, sides, image, masks))

    def image(self, id: int) -> NDArray[Any]:
        """Its pixels alone: (H, W) or (H, W, C)."""
        return self._native.image(id)

    # --- Names.

    @property
    def datasets(self) -> list[dict[str, Any]]:
        """Each source: name, version, citation, licences, classes under their own names."""
        return self._native.datasets()

    @property
    def classes(self) -> list[str]:
        """Canonical names of the classes that occur, the most frequent first."""
        return [str(name) for name in self.stats(["class"])["class"] if name != "(none)"]

    def class_name(self, class_id: int) -> str:
        """Canonical name of a class number."""
        return self._name(class_id)

    def class_id(self, name: str) -> int:
        """Number of a class by canonical name or alias. Raises NotFound naming the nearest."""
        return self._native.class_id(name)

    def _family_of(self, name: str) -> frozenset[int]:
        return frozenset(self._native.class_members(self.class_id(name)))

    def _class_family(self, name: str) -> frozenset[int]:
        """The class and everything below it."""
        return self._family(name)

    # --- Tables.

    def stats(
        self,
        by: Sequence[str] = ("modality", "class"),
        where: str | Condition = "",
        *,
        subjects: bool = True,
        as_of: Generation | None = None,
    ) -> Table:
        """Samples, masks and subjects by one or more of modality, sequence, region, dataset,
        class, official_split, patient, axis, split:NAME.

        ``subjects=False`` leaves people uncounted (0): a table by modality, dataset or class of the
        whole bank then comes at once, from counts the writer keeps. ``as_of``: see :meth:`where`.
        Raises QueryError.
        """
        text = as_of_text(as_of)
        return Table(_native.stats(self._native, _words(by), str(where), subjects, text))

    def stats_chart(
        self,
        by: Sequence[str] = ("modality", "class"),
        where: str | Condition = "",
        *,
        measure: str = "samples",
        logarithmic: bool = False,
        as_of: Generation | None = None,
    ) -> str:
        """The same as a bar chart, SVG: the last word of ``by`` down the side, a series for each
        value of the words before it. ``measure``: samples, masks or subjects.
        """
        text = as_of_text(as_of)
        return _native.stats_svg(self._native, _words(by), str(where), measure, logarithmic, text)

    def table(self, view: str = "samples") -> Table:
        """A whole view of the index: datasets, subjects, volumes, samples, masks, labels, classes,
        coverage, splits, imports or problems (docs/query_language.md). Raises QueryError.
        """
        quoted = view.replace('"', '""')
        return self.sql(f'SELECT * FROM "{quoted}"', rows_max=1 << 62)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow stream of all samples, a row each; see Selection.table."""
        return self.all().__arrow_c_stream__(requested_schema)

    def sql(self, text: str, *, seconds: float = 60.0, rows_max: int = 10_000_000) -> Table:
        """Any one SELECT on the index's views: datasets, subjects, volumes, samples, masks,
        labels, classes, coverage, splits, imports, problems. Read-only, bounded in time and
        rows; Ctrl-C ends it. Raises QueryError, Interrupted, LimitExceeded.
        """
        return Table(_native.sql(self._native, text, seconds, rows_max))

    # --- Splits.

    @property
    def splits(self) -> dict[str, list[str]]:
        """Saved splits and their sides."""
        return self._native.splits()

    def split(self, name: str) -> SplitSet:
        """A saved split. Raises NotFound naming the nearest."""
        return SplitSet(self, _native.find_split(self._native, name))

    def side(self, split_and_side: str) -> Selection:
        """One side of a saved split: ``bank.side("main:train")``."""
        return Selection(self, _native.split_side(self._native, split_and_side))

    def official_split(self) -> SplitSet:
        """The split that came with the data: train, val, test in any of their spellings."""
        return SplitSet(self, _native.official_split(self._native))

    def delete_split(self, name: str) -> None:
        """Takes a saved split out of the bank. Raises NotFound naming the nearest, Locked."""
        _native.delete_split(self._native, name)

    # --- Volumes.

    def volume(
        self,
        volume_id: int,
        *,
        classes: Sequence[str] = (),
        axis: str | None = None,
        dtype: str | None = None,
        label_map: bool = True,
        masks: bool = False,
        image: bool = True,
        missing: str = "raise",
        origin_dhw: tuple[int, int, int] | None = None,
        size_dhw: tuple[int, int, int] | None = None,
        pad: float = 0.0,
        threads: int = 2,
    ) -> dict[str, Any]:
        """A volume, or with ``origin_dhw`` and ``size_dhw`` a patch of it.

        Args:
            volume_id: ``sample.meta["volume_id"]``.
            classes: what label_map and masks are about, in this order.
            axis: that the slices were cut along; ``None``: the one with the most.
            dtype: of the image; ``None``: as stored.
            missing: a slice that is not stored is an error (``raise``), 0 (``blank``) or left
                out (``close``).

        Returns:
            image (C, D, H, W); label_map (D, H, W), 0 background and k + 1 for ``classes[k]``;
            masks (K, D, H, W); label_mask (K,); slice_indices; spacing_dhw_mm or ``None``; axis;
            affine_4x4; name.
        """
        slices = _native.volume_slices(self._native, volume_id, axis)
        numbers = [self.class_id(name) for name in classes]
        loaded = _native.load_volume(
            self._native,
            slices,
            image,
            dtype,
            numbers,
            label_map and bool(numbers),
            masks,
            pad,
            missing,
            threads,
            origin_dhw,
            size_dhw,
        )
        loaded.update(axis=slices.axis, affine_4x4=slices.affine_4x4, name=slices.key)
        return loaded

    # --- Whole.

    def verify(self, level: int = 2) -> dict[str, Any]:
        """Compares what is there with what should be: 1 structure, 2 every hash, 3 every pixel."""
        return _native.verify(self.path, level)

    def digest(self, decode: bool = False) -> str:
        """32 hex digits that are equal for two banks that hold the same."""
        return self._native.logical_digest(decode)

    def __repr__(self) -> str:
        info = self.info()
        return (
            f"Bank({self.path!r}, generation {info['generation']}: {info['samples']} samples,"
            f" {info['masks']} masks, {info['subjects']} subjects, {info['datasets']} datasets)"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{self!r}</pre>" + self.stats(["dataset", "modality"])._repr_html_()


def _words(by: Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)


@lru_cache(maxsize=64)
def _shared(path: str, pid: int) -> Bank:
    return Bank(path)


def _reopened(path: str, uuid: str) -> Bank:
    """The bank that was pickled; of a path, one a process."""
    bank = _shared(path, os.getpid())
    if bank.uuid != uuid:
        bank = Bank(path)
    if bank.uuid != uuid:
        raise NotFound(
            f"{path} is another bank now ({bank.uuid}, pickled was {uuid})",
            "open it again and choose anew",
            "not_found",
        )
    return bank


def open(path: StrPath, *, check: bool = False) -> Bank:
    """Opens a bank for reading.

    Args:
        path: its directory.
        check: walk the record file's tree before trusting it (about 3 % of the file is read).

    Raises:
        NotFound: there is no bank. WrongVersion: of a newer slicebank, or of a machine of
        another kind. NeedsReindex: its index does not belong to its records. Corrupt: damaged.
    """
    return Bank(path, check=check)


def create(path: StrPath) -> Bank:
    """Makes an empty bank. Raises AlreadyExists."""
    _native.Bank.create(os.fspath(path))
    return Bank(path)


def is_bank(path: StrPath) -> bool:
    """Whether a directory says of itself that it is a bank."""
    return _native.is_bank(os.fspath(path))
