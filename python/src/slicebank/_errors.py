"""Exceptions. Each says what, where and why, and in ``hint`` one thing to try."""

from __future__ import annotations


class Error(Exception):
    """The current operation cannot finish.

    Attributes:
        code: short and stable: ``"not_found"``, ``"corrupt"``, ``"locked"``, ...
        hint: one thing to try, or empty.
    """

    code: str
    hint: str

    def __init__(self, message: str, hint: str = "", code: str = "io") -> None:
        super().__init__(message, hint, code)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class BadArgument(Error, ValueError):
    """The caller asked for something that makes no sense."""


class BadFormat(Error, ValueError):
    """A file from outside is not what it should be."""


class QueryError(Error, ValueError):
    """A filter, SQL statement or name that cannot be understood.

    Attributes:
        text: what was given.
        column: where it went wrong, in bytes from 0; ``None`` where nothing can be pointed at.
    """

    text: str | None = None
    column: int | None = None

    def __str__(self) -> str:
        lines = [self.message]
        if self.text is not None and self.column is not None and "\n" not in self.text:
            before = self.text.encode("utf-8")[: self.column].decode("utf-8", "replace")
            lines += ["  " + self.text, "  " + " " * len(before) + "^"]
        if self.hint:
            lines.append("  " + self.hint)
        return "\n".join(lines)


class NotFound(Error, LookupError):
    """The named thing is not there."""


class AlreadyExists(Error, FileExistsError):
    """Something of that name is there already."""

    # OSError would take three arguments for errno, text and file name.
    def __str__(self) -> str:
        return Error.__str__(self)


class Corrupt(Error, OSError):
    """The bank's own bytes are damaged."""

    def __str__(self) -> str:
        return Error.__str__(self)


class WrongVersion(Error):
    """Written by a newer build, or on a machine of another kind."""


class Locked(Error, OSError):
    """Another writer is at work."""

    def __str__(self) -> str:
        return Error.__str__(self)


class NeedsReindex(Error):
    """Records and index do not belong together; ``slicebank reindex`` mends it."""


class OutOfSpace(Error, OSError):
    """The disk is full."""

    def __str__(self) -> str:
        return Error.__str__(self)


class LimitExceeded(Error, ValueError):
    """More than slicebank accepts."""


class IoError(Error, OSError):
    """The operating system said no."""

    def __str__(self) -> str:
        return Error.__str__(self)


class Interrupted(Error):
    """Stopped by a deadline or by ``stop``."""


_BY_CODE: dict[str, type[Error]] = {
    "bad_argument": BadArgument,
    "bad_format": BadFormat,
    "bad_query": QueryError,
    "not_found": NotFound,
    "already_exists": AlreadyExists,
    "corrupt": Corrupt,
    "wrong_version": WrongVersion,
    "locked": Locked,
    "needs_reindex": NeedsReindex,
    "out_of_space": OutOfSpace,
    "limit": LimitExceeded,
    "io": IoError,
    "interrupted": Interrupted,
}


def from_native(
    code: str, message: str, hint: str, text: str | None = None, column: int | None = None
) -> Error:
    """The exception for an error of the compiled library. Called by it."""
    error = _BY_CODE.get(code, Error)(message, hint, code)
    if isinstance(error, QueryError):
        error.text = text
        error.column = column
    return error
