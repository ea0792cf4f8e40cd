"""Splits and audits of lists, without a bank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import slicebank as sb
from slicebank import _native

RATIOS = {"train": 0.7, "test": 0.3}


def rows(count: int = 60) -> list[dict[str, Any]]:
    """Three datasets; persons with two scans; a rare class."""
    return [
        {
            "dataset": ("A", "B", "C")[i % 3],
            "subject": f"p{i // 6}",
            "key": f"scan{i}",
            "file": f"scan{i}.nii.gz",
            "modality": "CT" if i % 2 else "MR",
            "classes": ["liver"] + (["spleen"] if i % 5 == 0 else []),
        }
        for i in range(count)
    ]


def persons(cases: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(row["dataset"], row["subject"]) for row in cases}


def test_people_stay_together() -> None:
    cases = rows()
    split = sb.split_cases(cases, RATIOS, stratify=["class", "modality"], seed=3)
    assert split.sides == ["train", "test"] and len(split.members) == len(cases)
    assert not persons(split["train"]) & persons(split["test"])
    assert len(split["train"]) + len(split["test"]) == len(split) == 60
    assert split.audit()["clean"] and split.members == sb.split_cases(
        cases, RATIOS, stratify=["class", "modality"], seed=3
    ).members
    report = {row["label"]: row for row in split.report["balances"]}
    assert report["class=spleen"]["total"] == 12
    assert "class=spleen" in repr(split) and "<svg" in split.plot()
    with pytest.raises(KeyError, match="train"):
        split["val"]


def test_one_file_under_two_names_is_one_person() -> None:
    cases = rows(12)
    for row in cases:
        row["subject"] = row["key"]
    cases[0]["file"] = cases[1]["file"]
    for seed in range(6):
        members = sb.split_cases(cases, {"a": 1, "b": 1}, seed=seed).members
        assert members[0] == members[1]
    apart = [
        sb.split_cases(cases, {"a": 1, "b": 1}, seed=seed, join_equal_files=False)
        for seed in range(6)
    ]
    leaking = [split for split in apart if split.members[0] != split.members[1]]
    assert leaking and all(split.audit()["leaking_files"] == 1 for split in leaking)


def test_hold_out_keep_and_leave_out() -> None:
    cases = rows()
    held = sb.split_cases(cases, RATIOS, hold_out={"site": ["C"]})
    assert {row["dataset"] for row in held["site"]} == {"C"} and len(held["site"]) == 20
    assert {row["dataset"] for row in held["train"] + held["test"]} == {"A", "B"}
    again = sb.split_cases(cases, RATIOS, keep=[m if m == "test" else "" for m in held.members],
                           keep_sides=["test"], seed=4)
    assert again["test"] == held["test"]
    each = sb.split_cases(cases, leave_out="dataset")
    assert set(each.sides) == {"A", "B", "C"}
    assert all(row["dataset"] == side for side in each.sides for row in each[side])
    with pytest.raises(sb.BadArgument, match="region"):
        sb.split_cases(cases, RATIOS, stratify=["region"])
    with pytest.raises(sb.BadArgument, match="hold_out"):
        sb.split_cases(cases, RATIOS, hold_out={"site": ["D"]})
    with pytest.raises(sb.BadArgument, match="keep"):
        sb.split_cases(cases, RATIOS, keep=["train"])


def test_aliases_cross_datasets(tmp_path: Path) -> None:
    cases = rows()
    aliases = sb.Aliases().same_patients(["A", "B"])
    split = sb.split_cases(cases, RATIOS, aliases=aliases)
    assert split.audit(aliases)["clean"]
    names = {row["subject"] for row in split["train"] if row["dataset"] in "AB"}
    assert not names & {row["subject"] for row in split["test"] if row["dataset"] in "AB"}
    text = split.to_csv(tmp_path / "split.csv")
    assert text.splitlines()[0] == "dataset,subject,key,side" and len(text.splitlines()) == 61
    (report,) = sb.audit_cases(cases, tmp_path / "split.csv", aliases=aliases)
    assert report["clean"] and report["placed"] == 60


def test_files_that_leak_are_found(tmp_path: Path) -> None:
    cases = rows(12)
    (tmp_path / "A.json").write_text(json.dumps({"train": ["scan0"], "test": ["scan3"]}))
    (report,) = sb.audit_cases(cases, tmp_path / "A.json")
    assert not report["clean"] and report["leaking_subjects"] == 1
    assert report["findings"][0]["kind"] == "subject"


def test_cases_of_a_folder(tmp_path: Path) -> None:
    _native.paint_phantom(str(tmp_path / "source"), 3, 8, 2, 64)
    cases = sb.read_cases(tmp_path / "source", "sa-med2d")
    report = sb.import_(tmp_path / "x.bank", tmp_path / "source", dry_run=True)
    assert len(cases) == report["items"] and all(row["dataset"] and row["subject"] for row in cases)
    assert sb.split_cases(cases, RATIOS, stratify=["class"]).audit()["clean"]
    with pytest.raises(sb.BadArgument, match="sa-med2d"):
        sb.read_cases(tmp_path / "source", "sa-med3d")
