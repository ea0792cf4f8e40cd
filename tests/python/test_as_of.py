"""Yesterday's selections, after today's import."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

import slicebank as sb
from slicebank import _native

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "banks"
LARGE = "mask(area > 100)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _native.paint_phantom(str(tmp_path / "phantom"), 7, 6, 2, 64)
    return tmp_path / "phantom"


def test_yesterdays_set_is_had_again(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.bank"
    sb.import_(path, folder, limit=6)
    bank = sb.open(path)
    then = bank.generation
    everything, large = bank.all(), bank.where(LARGE)
    stats, chart = bank.stats(["class"]).to_dicts(), bank.stats_chart(["class"])
    large.save("mine")
    sb.import_(path, folder)
    assert len(bank) > len(everything) and len(bank.where(LARGE)) > len(large)

    assert bank.where(as_of=then) == everything == bank.where("", as_of=str(then))
    again = bank.where(LARGE, as_of=then)
    assert again == large and again.generation == then
    assert bank.where(LARGE).as_of(then) == large == bank.selection("mine")
    assert bank.all().shuffle(2).as_of(then).ids.tolist() == [
        id for id in bank.all().shuffle(2).ids if id in everything
    ]
    assert bank.where(as_of=then).where(LARGE) == large
    assert bank.stats(["class"], as_of=then).to_dicts() == stats
    assert bank.stats_chart(["class"], as_of=then) == chart
    assert bank.selection("mine").deleted().tolist() == []

    pickled = pickle.loads(pickle.dumps(again))
    assert pickled == large and pickled.generation == then and pickled.query == again.query


def test_generations_say_what_was_when(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.bank"
    sb.import_(path, folder, limit=6)
    bank = sb.open(path)
    held = {bank.generation: len(bank)}
    sb.import_(path, folder)
    held[bank.generation] = len(bank)
    rows = bank.generations().to_dicts()
    assert [row["generation"] for row in rows] == sorted(row["generation"] for row in rows)
    assert rows[-1]["generation"] == bank.generation
    for row in rows:
        assert len(bank.where(as_of=row["generation"])) == row["samples"]
        assert row["samples"] == held.get(row["generation"], row["samples"]) and row["removed"] == 0
    assert bank.where(as_of=rows[-1]["committed_at"]) == bank.all() == bank.where(as_of="2999-01-01")
    with pytest.raises(sb.NotFound, match="still to come"):
        bank.where(as_of=bank.generation + 1)
    with pytest.raises(sb.NotFound, match="was not there yet"):
        bank.where(as_of="1999-12-31")
    for wrong in ("yesterday", -1):
        with pytest.raises(sb.BadArgument, match="neither a generation nor a time"):
            bank.where(as_of=wrong)
        with pytest.raises(sb.BadArgument):
            bank.all().as_of(wrong)


def test_what_was_deleted_since_is_told(tmp_path: Path) -> None:
    bank = sb.open(shutil.copytree(GOLDEN / "v1_1", tmp_path / "v1_1"))
    rows = bank.generations().to_dicts()
    (erased,) = (row for row in rows if row["kind"] == "erase")
    before = next(row for row in rows if row["generation"] == erased["generation"] - 1)
    then = bank.ids(range(1, before["next_sample"]))
    assert len(then.deleted()) == before["samples"] - len(bank.where(as_of=before["generation"]))
    assert then.as_of(before["generation"]) == then
    assert sorted({*then.ids} - {*bank.all().ids}) == sorted(then.deleted())


def test_a_bank_without_a_log_has_its_present(tmp_path: Path) -> None:
    bank = sb.open(shutil.copytree(GOLDEN / "v1_0", tmp_path / "v1_0"))
    assert bank.where(as_of=bank.generation) == bank.all()
    with pytest.raises(sb.NotFound, match="kept no log"):
        bank.where(as_of=bank.generation - 1)
    with pytest.raises(sb.QueryError):
        bank.generations()
