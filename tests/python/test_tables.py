"""Tables and their way out."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import numpy
import pytest

import slicebank as sb


def test_sql_gives_columns_of_their_kinds(bank: sb.Bank) -> None:
    table = bank.sql(
        "SELECT 1 AS a, 2.5 AS b, 'x' AS c, NULL AS d UNION ALL SELECT 2, NULL, NULL, NULL"
    )
    assert table.columns == ["a", "b", "c", "d"] and len(table) == 2
    assert table["a"].tolist() == [1, 2] and table["a"].dtype == numpy.int64
    assert table["b"][0] == 2.5 and numpy.isnan(table["b"][1])
    assert table["c"] == ["x", None] and table["d"] == [None, None]
    assert list(table) == [(1, 2.5, "x", None), (2, None, None, None)]
    with pytest.raises(KeyError):
        table["e"]


def test_mixed_columns_widen(bank: sb.Bank) -> None:
    table = bank.sql("SELECT NULL AS a UNION ALL SELECT 1 UNION ALL SELECT 2.5")
    assert numpy.isnan(table["a"][0]) and table["a"][1:].tolist() == [1.0, 2.5]
    assert bank.sql("SELECT 1 AS a UNION ALL SELECT 'x'")["a"] == ["1", "x"]


def test_sql_is_guarded(bank: sb.Bank) -> None:
    for text in ("DELETE FROM samples", "SELECT 1; SELECT 2", "PRAGMA user_version", "SELEKT 1"):
        with pytest.raises(sb.QueryError):
            bank.sql(text)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(sb.Interrupted):
        bank.sql(endless, seconds=0.2)
    with pytest.raises(sb.LimitExceeded):
        bank.sql("SELECT * FROM samples", rows_max=3)


def test_stats_agree_with_sql(bank: sb.Bank) -> None:
    stats = dict(zip(*(bank.stats(["modality"])[c] for c in ("modality", "samples"))))
    counted = bank.sql("SELECT modality, count(*) AS n FROM samples GROUP BY modality")
    assert {k: int(v) for k, v in stats.items()} == {k: int(n) for k, n in counted}
    assert int(bank.stats(["modality"], "modality = 'CT'")["samples"][0]) == stats["CT"]


def test_repr(bank: sb.Bank) -> None:
    table = bank.all().table()
    assert repr(table).splitlines()[-1] == f"... {len(table)} rows"
    assert table._repr_html_().startswith("<table>")


class ArrowSchema(ctypes.Structure):
    pass


ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowSchema))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


def test_the_schema_capsule_by_hand(bank: sb.Bank) -> None:
    # As any consumer reads it, with no Arrow library at all.
    table = bank.sql("SELECT 1 AS a, 2.5 AS b, 'x' AS c")
    capsule = table.__arrow_c_schema__()
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    schema = ArrowSchema.from_address(get(capsule, b"arrow_schema"))
    assert schema.format == b"+s" and schema.n_children == 3
    children = [schema.children[i].contents for i in range(3)]
    assert [(c.format, c.name, c.flags) for c in children] == [
        (b"l", b"a", 2),
        (b"g", b"b", 2),
        (b"U", b"c", 2),
    ]


def test_pyarrow_takes_the_stream(bank: sb.Bank, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = bank.all().masks_table()
    arrow = pyarrow.table(table)
    expected = table.to_dicts()
    del table
    gc.collect()  # the stream keeps what it points at
    assert arrow.to_pylist() == expected
    arrow.validate(full=True)
    bank.all().to_parquet(tmp_path / "t.parquet")
    import pyarrow.parquet

    assert pyarrow.parquet.read_table(tmp_path / "t.parquet").num_rows == len(bank)
    assert pyarrow.table(bank.where("FALSE")).num_rows == 0


def test_other_libraries_take_it(bank: sb.Bank) -> None:
    pandas = pytest.importorskip("pandas")
    frame = bank.all().to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame["id"].tolist() == bank.all().ids.tolist()


def test_polars_takes_it(bank: sb.Bank) -> None:
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(bank.all())["id"].to_list() == bank.all().ids.tolist()


def test_duckdb_takes_it(bank: sb.Bank) -> None:
    duckdb = pytest.importorskip("duckdb", reason="SKIPPED: no DuckDB")
    pytest.importorskip("pyarrow", reason="SKIPPED: no pyarrow")
    masks = bank.all().masks_table().to_arrow()
    found = duckdb.sql('SELECT "class", count(*), sum(area) FROM masks GROUP BY 1').fetchall()
    wanted = bank.sql("SELECT class, count(*), sum(area) FROM masks GROUP BY 1")
    assert {tuple(row) for row in found} == set(wanted) and len(masks) == len(bank.table("masks"))


def test_the_index_is_a_table_too(bank: sb.Bank) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="SKIPPED: no pyarrow")
    assert pyarrow.table(bank).num_rows == len(bank)
    for view in ("datasets", "subjects", "volumes", "samples", "masks", "labels", "classes"):
        counted = bank.sql(f"SELECT count(*) AS n FROM {view}")["n"][0]
        assert len(bank.table(view)) == counted
    with pytest.raises(sb.QueryError):
        bank.table('samples" WHERE "id')


def test_stats_without_people(bank: sb.Bank) -> None:
    with_people, without = bank.stats(["modality"]), bank.stats(["modality"], subjects=False)
    assert without["samples"].tolist() == with_people["samples"].tolist()
    assert set(without["subjects"].tolist()) == {0} and min(with_people["subjects"]) > 0
