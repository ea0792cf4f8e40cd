"""Who is known to be one and the same person."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slicebank import _native


class Aliases:
    """Which names are one person, for splits and audits. Names in one group are one person; a
    name may be in several groups, and then all of them are.

    ``Aliases.read("aliases.csv")``, or by hand::

        aliases = sb.Aliases()
        aliases.add("AMOS22", "amos_0007", "p7").add("BTCV", "img0012", "p7")
        aliases.same_patients(["TotalSegmentator*"])     # equal ids there are one person

    docs/splits.md has the rules and the CSV (dataset,patient,group). It pickles.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[str, tuple[Any, ...]]] = []
        self._native = _native.SubjectAliases()

    @staticmethod
    def parse(csv: str, source: str = "the aliases") -> Aliases:
        """From the text of a CSV. Raises BadFormat naming ``source`` and the line."""
        made = Aliases()
        made._native = _native.SubjectAliases.parse(csv, source)
        made._steps = [("parse", (csv, source))]
        return made

    @staticmethod
    def read(path: str | os.PathLike[str]) -> Aliases:
        """From a CSV file. Raises BadFormat, OSError."""
        return Aliases.parse(Path(path).read_text(encoding="utf-8"), os.fspath(path))

    def add(self, dataset: str, patient: str, group: str) -> Aliases:
        """Puts a name into a group; ``*`` in the dataset stands for any characters."""
        self._native.add(dataset, patient, group)
        self._steps.append(("add", (dataset, patient, group)))
        return self

    def same_patients(self, datasets: Sequence[str]) -> Aliases:
        """Equal patient ids in these datasets (with ``*``) are one person."""
        self._native.same_patients(list(datasets))
        self._steps.append(("same_patients", (list(datasets),)))
        return self

    def groups_of(self, dataset: str, patient: str) -> list[str]:
        """The groups of a name, as texts that are equal for equal groups."""
        return self._native.groups_of(dataset, patient)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all rules in order."""
        return self._native.fingerprint()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restored, (self._steps,))

    def __repr__(self) -> str:
        return f"Aliases({self.fingerprint})"


def _restored(steps: list[tuple[str, tuple[Any, ...]]]) -> Aliases:
    made = Aliases()
    for name, words in steps:
        made = Aliases.parse(*words) if name == "parse" else getattr(made, name)(*words)
    return made


def native(aliases: Aliases | None) -> _native.SubjectAliases | None:
    """What the compiled half takes."""
    return None if aliases is None else aliases._native
