"""Tables of results, for any data-frame library."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from typing import Any

from slicebank import _native

_ROWS_SHOWN = 20


class Table:
    """Columns of a result: whole numbers, floats and text, each with nulls.

    pyarrow, polars, pandas 2.2 and DuckDB take it as it is, by the Arrow PyCapsule
    interface (``__arrow_c_stream__``): ``pyarrow.table(t)``, ``polars.DataFrame(t)``. None of
    them is needed for anything but its own method here.

    ``len(t)`` counts rows, ``t["class"]`` is a column, iterating gives rows as tuples.
    """

    def __init__(self, native: _native.Table) -> None:
        self._native = native

    @property
    def columns(self) -> list[str]:
        """Names, in order."""
        return self._native.names

    def __len__(self) -> int:
        return len(self._native)

    def __getitem__(self, name: str) -> Any:
        """A column: an ndarray of numbers, or a list where it holds text or nulls.

        Nulls are ``None`` in a list and NaN among floats. Raises KeyError.
        """
        try:
            number = self.columns.index(name)
        except ValueError:
            raise KeyError(f"no column {name!r}; there are {', '.join(self.columns)}") from None
        return self._native.values(number)

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return (self._native.row(i) for i in range(len(self)))

    def to_dict(self) -> dict[str, Any]:
        """Column name to column."""
        return {name: self[name] for name in self.columns}

    def to_dicts(self) -> list[dict[str, Any]]:
        """A dictionary a row."""
        names = self.columns
        return [dict(zip(names, row)) for row in self]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow stream of all rows; a requested schema is not looked at."""
        return self._native.arrow_stream()

    def __arrow_c_schema__(self) -> object:
        """Names and types alone."""
        return self._native.arrow_schema()

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``. Needs pyarrow."""
        import pyarrow

        return pyarrow.table(self)

    def to_polars(self) -> Any:
        """A ``polars.DataFrame``. Needs polars."""
        import polars

        return polars.DataFrame(self)

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``. Needs pandas, and not pyarrow."""
        import pandas

        return pandas.DataFrame(self.to_dict(), columns=self.columns)

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Writes a Parquet file. Needs pyarrow."""
        import pyarrow.parquet

        pyarrow.parquet.write_table(self.to_arrow(), os.fspath(path))

    arrow = to_arrow
    pl = to_polars
    df = to_pandas

    def _shown(self) -> list[list[str]]:
        rows = [self._native.row(i) for i in range(min(len(self), _ROWS_SHOWN))]
        return [["" if value is None else str(value) for value in row] for row in rows]

    def __repr__(self) -> str:
        lines = [self.columns, *self._shown()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        texts = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines]
        if len(self) > _ROWS_SHOWN:
            texts.append(f"... {len(self)} rows")
        return "\n".join(texts)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._shown()
        )
        more = f"<p>{len(self)} rows</p>" if len(self) > _ROWS_SHOWN else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
