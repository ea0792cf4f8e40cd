"""What a bank tells about leaks and duplicates."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from slicebank import _native
from slicebank._aliases import Aliases, native

if TYPE_CHECKING:
    from slicebank._bank import Bank
    from slicebank._split import SplitSet


class Audits:
    """The part of Bank that finds leaks and duplicates."""

    _native: _native.Bank

    def audit(
        self,
        split: str | SplitSet,
        *,
        aliases: Aliases | None = None,
        near: int | None = None,
    ) -> dict[str, Any]:
        """Whether a split leaks: the same person or the same pixels on two sides (docs/splits.md).

        Args:
            aliases: who else is known to be one person, with what the bank knows.
            near: near duplicates as well, at most so many of 64 bits apart (0 to 15; 4 is
                sensible). Decodes every image of the split.

        Returns:
            ``clean``; leaking_subjects, leaking_aliases, leaking_images, leaking_near, unassigned
            (counts); ``findings``: kind, message, sides and some samples of each, the first 1000.
        """
        data = _native.find_split(self._native, split) if isinstance(split, str) else split._data
        return _native.audit(self._native, data, native(aliases), near)

    def audit_files(
        self, path: str | os.PathLike[str], *, aliases: Aliases | None = None, near: int | None = None
    ) -> list[dict[str, Any]]:
        """Audits split files that came with the data: a report a split, as :meth:`audit` gives it.

        Args:
            path: a file or a folder: SAT-DS's split_json, nnU-Net's splits_final.json, MSD's
                dataset.json, text or CSV (docs/splits.md).

        Returns:
            With ``listed_twice`` (file, name, sides; ``"a and b"`` where two names on different
            sides mean one sample), ``unmatched`` and ``unmatched_names``: names that
            no sample answers to; and ``placed``, the split as a SplitSet.

        Raises:
            BadFormat: a file that makes no sense, naming file and place. NotFound.
        """
        from slicebank._split import SplitSet

        reports = _native.audit_files(self._native, os.fspath(path), native(aliases), near)
        for report in reports:
            report["placed"] = SplitSet(cast("Bank", self), report.pop("data"))
        return reports

    def duplicates(self, limit: int = 1000) -> list[list[int]]:
        """Sets of samples with equal pixels, the largest first; blank images are left out."""
        return _native.duplicates(self._native, limit)

    def near_duplicates(
        self, distance: int = 4, *, aliases: Aliases | None = None, limit: int = 1000, threads: int = 0
    ) -> list[dict[str, Any]]:
        """Pairs of people whose images look alike, the most images first; decodes every image.

        The hash is DCT pHash, confirmed by thumbnails: docs/splits.md, Near duplicates. A copy that
        was turned, mirrored or cropped is not found.

        Args:
            distance: bits of 64 that may differ, 0 to 15. threads: 0 is one a core.

        Returns:
            ``samples`` (the nearest pair), ``distance`` in bits, ``images`` (pairs of them).
        """
        return _native.near_duplicates(self._native, distance, native(aliases), limit, threads)

    def record_aliases(self, aliases: Aliases) -> dict[str, int]:
        """Keeps them in the bank, where every later split and audit heeds them. Raises Locked.

        Returns:
            persons of several names, subjects in them, and how many subjects ``changed``.
        """
        return _native.record_aliases(self._native, aliases._native)
