"""Splits: named disjoint sides of a selection."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicebank import _native
from slicebank._aliases import Aliases, native
from slicebank._errors import BadArgument, NotFound

if TYPE_CHECKING:
    from slicebank._bank import Bank
    from slicebank._selection import Selection
    from slicebank.filters import Condition

    Held = Mapping[str, "Selection | str | Condition"]


def split_words(
    ratios: Mapping[str, float] | None,
    folds: int,
    leave_out: str,
    *,
    group: str,
    stratify: Sequence[str],
    weight: str,
    seed: int,
    honour_official: bool,
    join_equal_pixels: bool,
    keep_sides: Sequence[str],
    aliases: Aliases | None,
    name: str,
) -> dict[str, Any]:
    """Checks the words that splits of a bank and of a list share."""
    if (ratios is not None) + (folds > 0) + bool(leave_out) != 1:
        raise BadArgument(
            "a split needs ratios or folds, or leave_out: one of them",
            "{'train': .8, 'val': .2}",
            "bad_argument",
        )
    if isinstance(stratify, str) or isinstance(keep_sides, str):
        raise BadArgument("stratify and keep_sides are lists of words", "", "bad_argument")
    return {
        "name": name,
        "ratios": [(side, float(share)) for side, share in (ratios or {}).items()],
        "folds": folds,
        "leave_out": leave_out,
        "group": group,
        "stratify": list(stratify),
        "weight": weight,
        "seed": seed,
        "honour_official": honour_official,
        "join_equal_pixels": join_equal_pixels,
        "keep_sides": list(keep_sides),
        "aliases": native(aliases),
    }


def make_splits(
    selection: Selection,
    words: dict[str, Any],
    keep: str | SplitSet | None,
    hold_out: Held | None,
    repeats: int,
) -> list[SplitSet]:
    """Of a selection; see Selection.split."""
    from slicebank._selection import Selection as Chosen

    bank = selection.bank
    kept = bank.split(keep) if isinstance(keep, str) else keep
    held: list[tuple[str, _native.Selection]] = []
    for side, what in (hold_out or {}).items():
        chosen = what if isinstance(what, Chosen) else bank.where(what)
        if len(chosen) == 0:
            raise NotFound(f"hold_out: no sample for {side!r}", "look at the filter", "not_found")
        held.append((side, chosen._native))
    data = None if kept is None else kept._data
    made = _native.make_splits(selection._native, words, data, held, repeats)
    return [SplitSet(bank, each.data) for each in made]


class SplitSet:
    """Named disjoint sides. Iterates over the sides as selections, in their order:
    ``train, val = split``; ``split["train"]`` is one of them.
    """

    def __init__(self, bank: Bank, data: _native.SplitData) -> None:
        self._bank = bank
        self._data = data

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
        """How well it came out: per label wanted against got (docs/splits.md). Empty for a split
        that came with the data.
        """
        return dict(json.loads(self._data.report_json or "{}"))

    def __getitem__(self, side: str) -> Selection:
        """One side, ascending by id. Raises NotFound naming the nearest."""
        from slicebank._selection import Selection

        return Selection(self._bank, _native.side_of(self._bank._native, self._data, side))

    def __iter__(self) -> Iterator[Selection]:
        return (self[side] for side in self.sides)

    def __len__(self) -> int:
        return len(self._data.sides)

    def folds(self) -> Iterator[tuple[Selection, Selection]]:
        """(train, validation) for each side in turn: validation is the side, train all others.
        Of a ``leave_out`` split: what is left out is the validation.
        """
        for side in self.sides:
            train: Selection | None = None
            for other in self.sides:
                if other != side:
                    train = self[other] if train is None else train | self[other]
            if train is not None:
                yield train, self[side]

    def audit(self, *, aliases: Aliases | None = None, near: int | None = None) -> dict[str, Any]:
        """Whether it leaks; see Bank.audit."""
        return self._bank.audit(self, aliases=aliases, near=near)

    def compare(self, other: str | SplitSet) -> dict[str, Any]:
        """What is different in ``other``: who moved, and what that does to each class.

        Returns:
            before, after; subjects, stayed, moved (counts); ``moves``: from, to, subjects,
            samples, some of them by name; ``shifts``: per label its share on each side before and
            after; ``text``: all of it as a table to read.
        """
        known = self._bank.split(other) if isinstance(other, str) else other
        found, text = _native.compare_splits(self._bank._native, self._data, known._data)
        return {**json.loads(found), "text": text}

    def plot(self, path: str | os.PathLike[str] | None = None, labels_max: int = 80) -> str:
        """The balance as SVG: for each label a bar of what every side got, with a mark where it
        should end; the ``labels_max`` that are off the most. Written to ``path`` where one is named.

        Raises BadArgument for a split that came with the data: it has no report.
        """
        if not self._data.report_json or self._data.report_json == "{}":
            raise BadArgument(f"{self.name} has no report to draw", "make it by split()", "bad_argument")
        svg = _native.report_svg(self._data.report_json, labels_max)
        if path is not None:
            Path(path).write_text(svg, encoding="utf-8")
        return svg

    def save(self) -> None:
        """Keeps it in the bank under its name, instead of one of the same name. Raises Locked."""
        _native.save_splits(self._bank._native, [self._data])

    def _text(self) -> str:
        report = self._data.report_json
        return _native.report_text(report) if report and report != "{}" else ""

    def __repr__(self) -> str:
        sizes = ", ".join(f"{side} {len(self[side])}" for side in self.sides)
        text = self._text()
        return f"SplitSet({self.name!r}: {sizes})" + (f"\n{text}" if text else "")

    def _repr_html_(self) -> str:
        drawn = f"<div>{self.plot(labels_max=20)}</div>" if self._text() else ""
        return f"<pre>{html.escape(repr(self))}</pre>{drawn}"
