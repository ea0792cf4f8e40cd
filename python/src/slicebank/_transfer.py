"""Into banks, and the banks that are made for trying out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slicebank import _native
from slicebank._bank import Bank, StrPath
from slicebank._errors import AlreadyExists, BadArgument

Progress = Callable[[int, int], object]
"""Called with (done, total) a few times a second; total is 0 while nobody knows."""


def import_(
    bank: StrPath | Bank,
    source: StrPath,
    *,
    format: str = "",
    progress: Progress | None = None,
    dry_run: bool = False,
    limit: int = 0,
    on_error: str = "skip",
    skip_empty: bool = False,
    window: tuple[float, float] | None = None,
    axes: Sequence[str] = (),
    keep_ids: bool = False,
    set: Mapping[str, str] | None = None,
    jobs: int = 0,
    effort: str = "balanced",
) -> dict[str, Any]:
    """Brings a folder into a bank, which is made when it is not there.

    Args:
        bank: its directory.
        source: the folder.
        format: one of :func:`import_formats`; empty: recognised.
        progress: called with (done, total) in items.
        dry_run: counts only; nothing is written.
        limit: items to take at most; 0 is all.
        on_error: ``"skip"`` reports a bad file and goes on, ``"stop"`` does not.
        skip_empty: leaves out slices on which nothing is marked.
        window: level and width; values become 0 to 255. The originals are lost.
        axes: of ``x``, ``y``, ``z``, to cut volumes along; none: z.
        keep_ids: keeps patient ids of DICOM; else they are stored as keyed hashes.
        set: what the source does not say of itself: licence, citation, url, version, region, name.
        jobs: threads; 0 is one a core.
        effort: of the encoder: fast, balanced, small. All are lossless.

    Returns:
        Counts, ``datasets`` and ``problems`` (severity, kind, path, message; the first 1000).

    Raises:
        BadArgument: words that make no sense. BadFormat: the folder is not recognised. Locked: another writer is at work.
        KeyboardInterrupt: what was committed stays; run it again to go on from there.
    """
    if on_error not in ("skip", "stop"):
        raise BadArgument(f"on_error: {on_error!r}", "skip or stop", "bad_argument")
    return _native.import_folder(
        bank.path if isinstance(bank, Bank) else os.fspath(bank),
        os.fspath(source),
        format,
        progress,
        dry_run,
        limit,
        on_error == "stop",
        skip_empty,
        window,
        list(axes),
        keep_ids,
        dict(set or {}),
        jobs,
        effort,
    )


def import_formats() -> dict[str, str]:
    """What :func:`import_` reads: name to one line."""
    return _native.import_formats()


def export_formats() -> dict[str, str]:
    """What Selection.export writes: name to one line."""
    return _native.export_formats()


def phantom(
    path: StrPath, *, seed: int = 7, subjects: int = 24, slices: int = 4, side: int = 256
) -> Bank:
    """Makes a bank of synthetic CT, MR, fundus and ultrasound slices with masks; for trying out.

    The same seed gives the same pixels on every machine.

    Args:
        path: the bank to be made; its folder must exist.
        subjects: persons, spread over the four datasets.
        slices: a person.
        side: of a slice, in pixels.

    Raises:
        AlreadyExists: something is at ``path``.
    """
    import tempfile

    target = os.fspath(path)
    if os.path.lexists(target):
        raise AlreadyExists(f"{target} is already there", "choose another name", "already_exists")
    with tempfile.TemporaryDirectory(prefix="slicebank-phantom-") as folder:
        source = os.path.join(folder, "phantom")
        _native.paint_phantom(source, seed, subjects, slices, side)
        import_(target, source, format="sa-med2d")
    return Bank(target)
