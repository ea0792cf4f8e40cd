"""Splits, their comparison, audits, aliases."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import slicebank as sb


def people(selection: sb.Selection) -> set[tuple[str, str]]:
    return {(row["dataset"], row["patient"]) for row in selection.subjects().to_dicts()}


def test_splits(own_bank: sb.Bank) -> None:
    chosen = own_bank.all()
    split = chosen.split({"train": 0.7, "val": 0.3}, stratify=["class"], seed=3, name="main", save=True)
    train, val = split
    assert len(train) + len(val) == len(chosen) and not len(train & val)
    assert own_bank.splits == {"main": ["train", "val"]}
    assert own_bank.side("main:val") == own_bank.split("main")["val"] == val
    assert own_bank.audit("main")["clean"]
    assert own_bank.where("split('main') = 'train'") == train
    assert split.report["sides"] == ["train", "val"] and split.params["seed"] == 3
    people = [set(side.table()["patient"]) for side in split]
    assert not people[0] & people[1]
    for fold_train, fold_val in chosen.split(folds=3).folds():
        assert sorted((fold_train | fold_val).ids) == sorted(chosen.ids)
    with pytest.raises(sb.BadArgument):
        chosen.split({"train": 1}, folds=2)
    with pytest.raises(sb.NotFound, match="main"):
        own_bank.split("mian")


def test_a_leaking_split_is_found(own_bank: sb.Bank) -> None:
    split = own_bank.all().split({"a": 0.5, "b": 0.5}, group="sample", join_equal_pixels=False)
    report = own_bank.audit(split)
    assert not report["clean"] and report["leaking_subjects"] > 0 and report["findings"]


def test_a_side_for_each_dataset_to_leave_out(bank: sb.Bank) -> None:
    split = bank.all().split(leave_out="dataset")
    assert set(split.sides) == {info["name"] for info in bank.datasets}
    for side in split.sides:
        assert {dataset for dataset, _ in people(split[side])} == {side}
    for train, left_out in split.folds():
        assert not people(train) & people(left_out) and len(train) + len(left_out) == len(bank)
    with pytest.raises(sb.BadArgument, match="leave_out"):
        bank.all().split({"train": 1, "val": 1}, leave_out="dataset")


def test_what_is_held_out_is_a_side_of_its_own(bank: sb.Bank) -> None:
    ratios = {"train": 0.7, "val": 0.3}
    held = bank.where("modality = 'MR'")
    for what in ("modality = 'MR'", sb.filters.field("modality") == "MR", held):
        split = bank.all().split(ratios, hold_out={"test": what}, seed=2)
        assert split.sides == ["train", "val", "test"] or set(split.sides) == {"train", "val", "test"}
        assert people(split["test"]) == people(held)
        assert len(split["train"]) > len(split["val"]) > 0
    with pytest.raises(sb.NotFound, match="test"):
        bank.all().split(ratios, hold_out={"test": "modality = 'PET'"})


def test_a_fixed_test_side_outlives_a_redraw(own_bank: sb.Bank) -> None:
    ratios = {"train": 0.4, "val": 0.3, "test": 0.3}
    chosen = own_bank.all()
    first = chosen.split(ratios, seed=1, name="main", save=True)
    drawn = [
        chosen.split(ratios, keep="main", keep_sides=["test"], seed=seed) for seed in range(2, 8)
    ]
    assert all(split["test"] == first["test"] for split in drawn)
    assert len({split["train"].fingerprint for split in drawn}) > 1
    # Without keep_sides everybody stays.
    assert chosen.split(ratios, keep=first, seed=9)["val"] == first["val"]


def test_weights_are_told_apart(bank: sb.Bank) -> None:
    totals = {}
    for weight in ("samples", "masks", "pixels", "presence"):
        split = bank.all().split({"a": 0.5, "b": 0.5}, stratify=["class"], weight=weight, join_equal_pixels=False)
        (liver,) = (row for row in split.report["balances"] if row["label"] == "class=liver")
        totals[weight] = liver["total"]
    liver = bank.where("class = 'liver'")
    rows = [row for row in liver.masks_table().to_dicts() if row["class"] == "liver"]
    assert totals["samples"] == len(liver) and totals["masks"] == len(rows)
    assert totals["pixels"] == sum(row["area"] for row in rows)
    assert totals["presence"] == len(people(liver))
    with pytest.raises(sb.BadArgument, match="presence"):
        bank.all().split({"a": 1, "b": 1}, weight="weight")


def test_repeats_differ_and_are_saved_together(own_bank: sb.Bank) -> None:
    made = own_bank.all().split_repeats(3, folds=2, seed=5, name="cv", save=True)
    assert [split.name for split in made] == ["cv-1", "cv-2", "cv-3"]
    assert set(own_bank.splits) == {"cv-1", "cv-2", "cv-3"}
    assert made[0]["fold0"] == own_bank.all().split(folds=2, seed=5)["fold0"]
    assert len({split["fold0"].fingerprint for split in made}) > 1
    own_bank.delete_split("cv-2")
    assert set(own_bank.splits) == {"cv-1", "cv-3"}
    with pytest.raises(sb.NotFound, match="cv-1"):
        own_bank.delete_split("cv-4")


def test_comparison_names_who_moved(bank: sb.Bank) -> None:
    ratios = {"train": 0.6, "val": 0.4}
    a, b = (bank.all().split(ratios, seed=seed, name=f"s{seed}") for seed in (1, 2))
    found = a.compare(b)
    moved = (people(a["train"]) & people(b["val"])) | (people(a["val"]) & people(b["train"]))
    assert found["moved"] == len(moved) > 0
    assert found["stayed"] + found["moved"] == len(people(bank.all()))
    assert {name for move in found["moves"] for name in move["some"]} == {
        f"{dataset} / {patient}" for dataset, patient in moved
    }
    assert "s1" in found["text"] and a.compare(a)["moved"] == 0


def test_plots(bank: sb.Bank, tmp_path: Path) -> None:
    split = bank.all().split({"train": 0.8, "val": 0.2}, stratify=["class"])
    svg = split.plot(tmp_path / "balance.svg")
    assert svg.startswith("<svg") and (tmp_path / "balance.svg").read_text() == svg
    assert "<svg" in split._repr_html_() and "<svg" in bank.stats_chart(["modality", "class"])
    with pytest.raises(sb.BadArgument, match="report"):
        bank.official_split().plot()
    with pytest.raises(sb.BadArgument, match="subjects"):
        bank.stats_chart(["class"], measure="people")


def two_names(bank: sb.Bank) -> tuple[sb.Aliases, list[tuple[str, str]]]:
    """Everybody of a dataset has a second name in another one."""
    names = sorted(people(bank.all()))
    first, second = names[0], next(name for name in names if name[0] != names[0][0])
    return sb.Aliases().add(*first, "p1").add(*second, "p1"), [first, second]


def test_aliases_keep_one_person_together(bank: sb.Bank) -> None:
    aliases, (first, second) = two_names(bank)
    apart = together = 0
    for seed in range(8):
        plain = bank.all().split({"a": 0.5, "b": 0.5}, seed=seed)
        if {first, second} & people(plain["a"]) not in (set(), {first, second}):
            apart += 1
            report = plain.audit(aliases=aliases)
            assert not report["clean"] and report["leaking_aliases"] == 1
            assert plain.audit()["clean"]
        joined = bank.all().split({"a": 0.5, "b": 0.5}, seed=seed, aliases=aliases)
        assert joined.audit(aliases=aliases)["clean"]
        together += {first, second} <= people(joined["a"]) or {first, second} <= people(joined["b"])
    assert apart > 0 and together == 8


def test_aliases_read_pickle_and_are_recorded(own_bank: sb.Bank, tmp_path: Path) -> None:
    aliases, (first, second) = two_names(own_bank)
    again = pickle.loads(pickle.dumps(aliases))
    assert again.fingerprint == aliases.fingerprint
    assert aliases.groups_of(*first) == aliases.groups_of(*second) != []
    file = tmp_path / "aliases.csv"
    file.write_text(f"dataset,patient,group\n{','.join(first)},x\n{','.join(second)},x\n")
    read = pickle.loads(pickle.dumps(sb.Aliases.read(file)))
    assert read.groups_of(*first) == read.groups_of(*second) != []
    file.write_text("dataset,group\na,b\n")
    with pytest.raises(sb.BadFormat, match="aliases.csv"):
        sb.Aliases.read(file)
    same = sb.Aliases().same_patients(["Phantom*"])
    assert same.groups_of("PhantomCT", "7") == same.groups_of("PhantomMR", "7") != []
    assert own_bank.record_aliases(aliases)["persons"] == 1
    split = own_bank.all().split({"a": 0.5, "b": 0.5}, group="sample", join_equal_pixels=False)
    kinds = {finding["kind"] for finding in own_bank.audit(split)["findings"]}
    assert "alias" in kinds  # without being told again


def test_duplicates_and_near_ones(bank: sb.Bank) -> None:
    sets = {frozenset(ids) for ids in bank.duplicates()}
    equal: dict[tuple[Any, ...], set[int]] = {}
    for id in bank.all().ids.tolist():
        image = bank.image(id)
        if image.min() != image.max():
            equal.setdefault((image.shape, image.tobytes()), set()).add(id)
    assert sets == {frozenset(ids) for ids in equal.values() if len(ids) > 1}
    for pair in bank.near_duplicates(15):
        first, second = pair["samples"]
        assert people(bank.ids([first])) != people(bank.ids([second]))
        assert 0 <= pair["distance"] <= 15 and pair["images"] >= 1
    with pytest.raises(sb.BadArgument):
        bank.near_duplicates(16)


def test_near_duplicates_are_found(tmp_path: Path) -> None:
    """One picture under two names, one of them brighter, and a third picture."""
    import numpy

    random = numpy.random.default_rng(3)
    smooth = random.random((8, 8)).repeat(12, 0).repeat(12, 1) * 150
    other = random.random((8, 8)).repeat(12, 0).repeat(12, 1) * 150
    arrays: dict[str, Any] = {}
    pictures = {"train": [smooth], "val": [other], "test": [smooth * 1.3 + 20]}
    for side, images in pictures.items():
        arrays[f"{side}_images"] = numpy.stack(images).astype(numpy.uint8)
        arrays[f"{side}_labels"] = numpy.zeros((len(images), 1), numpy.uint8)
    (tmp_path / "source").mkdir()
    numpy.savez(tmp_path / "source" / "pneumoniamnist.npz", **arrays)
    sb.import_(tmp_path / "m.bank", tmp_path / "source", format="medmnist")
    bank = sb.open(tmp_path / "m.bank")
    split = bank.official_split()
    assert bank.audit(split)["clean"]
    report = split.audit(near=4)
    assert not report["clean"] and report["leaking_near"] == 1
    assert [finding["kind"] for finding in report["findings"]] == ["near"]
    assert len(bank.near_duplicates()) == 1


def test_split_files_that_came_with_data(bank: sb.Bank, tmp_path: Path) -> None:
    names = [row["name"] for row in bank.all().table().to_dicts()]
    file = tmp_path / "split.json"
    file.write_text(json.dumps({"train": names[:30], "test": names[29:60] + ["nobody"]}))
    (report,) = bank.audit_files(file)
    assert not report["clean"] and len(report["listed_twice"]) == 1
    assert report["listed_twice"][0][1] == names[29]
    assert report["unmatched"] == 1 and "nobody" in report["unmatched_names"][0]
    placed = report["placed"]
    assert set(placed.sides) == {"train", "test"}
    assert set(names[:30]) <= set(placed["train"].table()["name"])
    assert not set(names[:30]) & set(placed["test"].table()["name"])
    file.write_text("{")
    with pytest.raises(sb.BadFormat, match="split.json"):
        bank.audit_files(file)
