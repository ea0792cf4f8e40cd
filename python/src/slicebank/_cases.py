"""Splits and audits of a list of cases: a dataset of which no image need be here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from slicebank import _native
from slicebank._aliases import Aliases, native
from slicebank._errors import BadArgument
from slicebank._split import split_words

Case = Mapping[str, Any]
"""dataset, subject, key (unique in the dataset); perhaps file, modality, official_split and classes
(a list of names). Equal files are equal pixels."""


def read_cases(source: str | os.PathLike[str], format: str = "") -> list[dict[str, Any]]:
    """The cases that a folder's lists name, without opening an image.

    Args:
        source: a dataset's folder, as for :func:`slicebank.import_`; SAT-DS's lists will do.
        format: one of :func:`slicebank.import_formats`; empty: recognised.

    Returns:
        A dictionary a case, for :func:`split_cases`; rows without an image are left out.

    Raises:
        NotFound: there is no folder. BadFormat: nothing recognises it, or its lists make no sense.
    """
    rows, _ = _native.list_cases(os.fspath(source), format)
    return rows


class CaseSplit:
    """A split of a list: ``split.members[i]`` is the side of row i."""

    def __init__(self, rows: list[dict[str, Any]], made: _native.ListSplit) -> None:
        self._rows = rows
        self._made = made

    @property
    def sides(self) -> list[str]:
        return list(self._made.sides)

    @property
    def members(self) -> list[str]:
        """The side of each row."""
        sides = self._made.sides
        return [sides[number] for number in self._made.members]

    @property
    def report(self) -> dict[str, Any]:
        """As SplitSet.report; a row counts as a sample."""
        return dict(json.loads(self._made.report_json()))

    def __getitem__(self, side: str) -> list[dict[str, Any]]:
        """The rows of one side. Raises KeyError."""
        if side not in self._made.sides:
            raise KeyError(f"no side {side!r}; there are {', '.join(self.sides)}")
        return [row for row, own in zip(self._rows, self.members) if own == side]

    def audit(self, aliases: Aliases | None = None) -> dict[str, Any]:
        """Whether one person or one file stands on two sides; see :func:`audit_cases`."""
        return dict(json.loads(_native.audit_rows(self._rows, self._made, native(aliases))))

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """dataset,subject,key,side: what :func:`audit_cases` and ``keep`` read back."""
        text = _native.rows_csv(self._rows, self._made)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def plot(self, path: str | os.PathLike[str] | None = None, labels_max: int = 80) -> str:
        """As SplitSet.plot."""
        svg = _native.report_svg(self._made.report_json(), labels_max)
        if path is not None:
            Path(path).write_text(svg, encoding="utf-8")
        return svg

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"CaseSplit({len(self._rows)} cases)\n{_native.report_text(self._made.report_json())}"


def split_cases(
    cases: Iterable[Case],
    ratios: Mapping[str, float] | None = None,
    *,
    folds: int = 0,
    leave_out: str = "",
    hold_out: Mapping[str, Sequence[str]] | None = None,
    group: str = "subject",
    stratify: Sequence[str] = (),
    weight: str = "samples",
    seed: int = 0,
    honour_official: bool = False,
    join_equal_files: bool = True,
    keep: Sequence[str] | None = None,
    keep_sides: Sequence[str] = (),
    aliases: Aliases | None = None,
) -> CaseSplit:
    """Divides a list of cases by the rules, and with the solver, of Selection.split.

    Args:
        cases: dictionaries as :func:`read_cases` gives them, or your own: see ``Case``.
        ratios, folds, leave_out: as for Selection.split; leave_out knows dataset and modality.
        hold_out: side to the datasets whose cases it holds, and no others.
        stratify: of class, modality and dataset. weight: samples or presence.
        join_equal_files: one file under two names counts as one person's.
        keep: the side that each case had, or an empty text; ``keep_sides``: only these stay.

    Raises:
        BadArgument: words that make no sense, or that a list does not tell.
    """
    rows = [dict(each) for each in cases]
    if keep is not None and len(keep) != len(rows):
        raise BadArgument(f"keep has {len(keep)} sides for {len(rows)} cases", "", "bad_argument")
    words = split_words(
        ratios,
        folds,
        leave_out,
        group=group,
        stratify=stratify,
        weight=weight,
        seed=seed,
        honour_official=honour_official,
        join_equal_pixels=join_equal_files,
        keep_sides=keep_sides,
        aliases=aliases,
        name="list",
    )
    held: list[tuple[str, list[int]]] = []
    for side, datasets in (hold_out or {}).items():
        names = {datasets} if isinstance(datasets, str) else set(datasets)
        found = [number for number, row in enumerate(rows) if row.get("dataset") in names]
        if not found:
            raise BadArgument(f"hold_out: no case of {', '.join(sorted(names))}", "", "bad_argument")
        held.append((side, found))
    return CaseSplit(rows, _native.split_rows(rows, words, list(keep or ()), held))


def audit_cases(
    cases: Iterable[Case], files: str | os.PathLike[str], *, aliases: Aliases | None = None
) -> list[dict[str, Any]]:
    """Whether split files that came with a list leak: one person, or one file, on two sides; also
    across datasets.

    Args:
        cases: as for :func:`split_cases`.
        files: a file or a folder: SAT-DS's split_json, nnU-Net's splits_final.json, MSD's
            dataset.json, text, CSV (docs/splits.md).

    Returns:
        A report a split: ``clean``, counts, ``crossings`` between datasets and ``findings``.

    Raises:
        BadFormat: a file that makes no sense, naming file and place. NotFound, LimitExceeded.
    """
    rows = [dict(each) for each in cases]
    reports = _native.audit_lists(rows, os.fspath(files), native(aliases))
    return [dict(json.loads(each)) for each in reports]
