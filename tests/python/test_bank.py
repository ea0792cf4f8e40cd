"""Banks, selections, samples, splits and errors."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import slicebank as sb


def test_a_bank_says_what_it_holds(bank: sb.Bank) -> None:
    info = bank.info()
    assert len(bank) == info["samples"] == len(bank.all()) == bank.count()
    assert info["masks"] == sum(bank.all().table()["masks"])
    assert sb.is_bank(bank.path) and not sb.is_bank("/")
    assert "samples" in repr(bank) and "<table>" in bank._repr_html_()


def test_a_sample_is_what_was_stored(bank: sb.Bank) -> None:
    for sample in bank.all().take(10):
        assert sample.image is not None
        assert sample.image.shape[:2] == (sample.height, sample.width)
        assert (sample.image == bank.image(sample.id)).all()
        rows = [row for row in bank.ids([sample.id]).masks_table().to_dicts()]
        assert [mask.area for mask in sample.instances] == [row["area"] for row in rows]
        for mask, row, box in zip(sample.instances, rows, sample.boxes.tolist()):
            assert mask.class_name == row["class"]
            assert list(mask.box) == box == [row[side] for side in ("x0", "y0", "x1", "y1")]


def test_arrays_own_their_memory(bank: sb.Bank) -> None:
    image = bank.sample(1).image
    assert image is not None
    before = image.copy()
    image += 1  # writable
    again = bank.sample(1).image
    assert again is not None and (again == before).all()
    assert image.flags.writeable and image.flags.c_contiguous
    assert (numpy.from_dlpack(before) == before).all()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_crop_is_the_whole_sliced(bank: sb.Bank, data: st.DataObject) -> None:
    whole = bank.sample(data.draw(st.integers(1, len(bank))))
    assert whole.image is not None
    x0, x1 = sorted(data.draw(st.lists(st.integers(0, whole.width), min_size=2, max_size=2, unique=True)))
    y0, y1 = sorted(data.draw(st.lists(st.integers(0, whole.height), min_size=2, max_size=2, unique=True)))
    crop = bank.crop(whole.id, (x0, y0, x1, y1))
    assert crop.image is not None and crop.image.dtype == whole.image.dtype
    assert numpy.array_equal(crop.image, whole.image[y0:y1, x0:x1])
    assert (crop.height, crop.width) == (y1 - y0, x1 - x0)
    assert (crop.id, crop.slice, crop.labels) == (whole.id, whole.slice, whole.labels)
    assert len(crop.instances) == len(whole.instances)
    for ours, theirs in zip(crop.instances, whole.instances):
        assert (ours.class_name, ours.instance) == (theirs.class_name, theirs.instance)
        assert numpy.array_equal(ours.mask, theirs.mask[y0:y1, x0:x1])


def test_a_crop_of_a_box(bank: sb.Bank) -> None:
    whole = bank.where("class = 'liver'")[0]
    for box, mask in zip(whole.boxes, whole.instances):  # numpy's numbers, too
        crop = bank.crop(whole.id, box, image=False)
        assert crop.image is None and max(each.area for each in crop.instances) >= mask.area
    assert bank.crop(whole.id, whole.instances[0].box, masks=False).instances == []
    again = pickle.loads(pickle.dumps(bank.crop(whole.id, (1, 2, 5, 9))))
    assert again.image.shape[:2] == (7, 4)
    for wrong in ((4, 4, 4, 9), (0, 0, whole.width + 1, 4), (-1, 0, 4, 4), (0, 0, 4), (0, 9, 4, 3)):
        with pytest.raises(sb.BadArgument):
            bank.crop(whole.id, wrong)
    with pytest.raises(sb.NotFound):
        bank.crop(10**9, (0, 0, 4, 4))
    with pytest.raises(TypeError):
        bank.crop(whole.id, (0, 0, 4.5, 4))  # type: ignore[arg-type]


def test_masks_of_a_class_above_are_united(bank: sb.Bank) -> None:
    sample = bank.where("class = 'left kidney' AND class = 'right kidney'")[0]
    both = sample.masks["left kidney"] | sample.masks["right kidney"]
    assert (sample.masks["kidney"] == both).all()
    assert "left kidney" in sample.masks and "spine of a fish" not in sample.masks
    with pytest.raises(KeyError):
        sample.masks["spine of a fish"]


def test_label_mask_tells_known_from_unknown(bank: sb.Bank) -> None:
    sample = bank.where("absent('spleen') AND unknown('optic disc')")[0]
    assert sample.label_mask(["spleen", "optic disc"]).tolist() == [True, False]


def test_selections_are_indexed_like_arrays(bank: sb.Bank) -> None:
    everything = bank.all()
    ids = everything.ids
    assert everything[3].id == ids[3] and everything[-1].id == ids[-1]
    assert everything[numpy.int64(2)].id == ids[2]
    assert (everything[2:9:3].ids == ids[2:9:3]).all()
    assert (everything[::-1].ids == ids[::-1]).all()
    assert (everything[[5, 3, -1]].ids == ids[[5, 3, -1]]).all()
    odd = ids % 2 == 1
    assert (everything[odd].ids == ids[odd]).all()
    for wrong in (len(ids), -len(ids) - 1):
        with pytest.raises(IndexError):
            everything[wrong]
        with pytest.raises(IndexError):
            everything[[wrong]]
    with pytest.raises(TypeError):
        everything[["liver"]]  # type: ignore[list-item]
    with pytest.raises(sb.BadArgument):
        everything[[1, 1]]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_set_operations_are_those_of_sets(bank: sb.Bank, data: st.DataObject) -> None:
    size = len(bank)
    places = st.lists(st.integers(0, size - 1), unique=True, max_size=30)
    a, b = data.draw(places), data.draw(places)
    left, right = bank.all()[a], bank.all()[b]
    ours, theirs = left.ids.tolist(), right.ids.tolist()
    assert (left | right).ids.tolist() == ours + [i for i in theirs if i not in ours]
    assert (left & right).ids.tolist() == [i for i in ours if i in theirs]
    assert (left - right).ids.tolist() == [i for i in ours if i not in theirs]
    assert sorted((left ^ right).ids.tolist()) == sorted(set(ours) ^ set(theirs))
    assert sorted(left.shuffle(3).ids.tolist()) == sorted(ours)
    assert sum((left.shard(3, i).ids.tolist() for i in range(3)), []) != [] or not ours


def test_everything_pickles(bank: sb.Bank) -> None:
    chosen = bank.where("modality = 'CT'").shuffle(4)
    for again in (pickle.loads(pickle.dumps(chosen)), copy.deepcopy(chosen)):
        assert again == chosen and again.query == chosen.query
        assert again.generation == chosen.generation
    assert len(pickle.dumps(chosen)) < 8 * len(chosen) + 600
    assert pickle.loads(pickle.dumps(bank)).uuid == bank.uuid
    sample = pickle.loads(pickle.dumps(chosen[0]))
    assert sample.image is not None and (sample.image == bank.image(sample.id)).all()


def test_a_pickle_refuses_another_bank(own_bank: sb.Bank, tmp_path: Path) -> None:
    pickled = pickle.dumps(own_bank)
    Path(own_bank.path).rename(tmp_path / "gone.bank")
    sb.create(own_bank.path)
    with pytest.raises(sb.NotFound, match="another bank"):
        pickle.loads(pickled)


def test_saved_selections(own_bank: sb.Bank) -> None:
    chosen = own_bank.where("class = 'liver'")
    chosen.save("livers")
    assert own_bank.saved_selections == ["livers"]
    assert own_bank.selection("livers") == chosen
    own_bank.forget_selection("livers")
    assert own_bank.saved_selections == []
    with pytest.raises(sb.NotFound):
        own_bank.forget_selection("livers")


def test_selections_are_sorted_and_sampled(bank: sb.Bank) -> None:
    chosen = bank.all().shuffle(3)
    rows = chosen.sort("patient, slice DESC").table().to_dicts()
    expected = sorted(chosen.table().to_dicts(), key=lambda row: (row["patient"], -row["slice"]))
    assert [(r["patient"], r["slice"]) for r in rows] == [(r["patient"], r["slice"]) for r in expected]
    with pytest.raises(sb.QueryError, match="patient"):
        chosen.sort("patiend")
    few = chosen.sampled(7, seed=1)
    assert len(few) == 7 and few == chosen.sampled(7, seed=1) and few != chosen.sampled(7, seed=2)
    assert few == chosen & few  # in the order they have here
    assert chosen.sampled(10**6) == chosen


def test_the_panel_counts_what_rows_say(bank: sb.Bank) -> None:
    chosen = bank.where("class = 'liver'")
    panel = {(facet, value): count for facet, value, count in chosen.facets()}
    assert panel["class", "liver"] == len(chosen)
    assert panel["modality", "CT"] == chosen.table().to_dict()["modality"].count("CT")
    assert panel["modality", "MR"] == 0  # shown, though none of these is one
    people = chosen.subjects().to_dicts()
    assert sum(row["samples"] for row in people) == len(chosen)
    assert {row["patient"] for row in people} == set(chosen.table()["patient"])


def test_errors_say_what_and_where(bank: sb.Bank, tmp_path: Path) -> None:
    with pytest.raises(sb.QueryError) as caught:
        bank.where("modality = 'CT' AND clas = 'liver'")
    assert caught.value.column == 20 and caught.value.code == "bad_query"
    assert "did you mean class" in str(caught.value) and "\n  " + 20 * " " + "^" in str(caught.value)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(LookupError, match="liver"):
        bank.class_id("livr")
    with pytest.raises(sb.NotFound):
        sb.open(tmp_path / "nothing.bank")
    with pytest.raises(sb.NotFound):
        bank.sample(10**9)
    with pytest.raises(FileExistsError):
        sb.phantom(tmp_path)
    with pytest.raises(sb.AlreadyExists):
        sb.create(bank.path)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.column == 20 and str(again) == str(caught.value)


def test_pictures(bank: sb.Bank) -> None:
    chosen = bank.all().take(5)
    assert bank.sample(1).picture().startswith(b"\x89PNG")
    assert chosen.picture().startswith(b"\x89PNG")
    html = chosen._repr_html_()
    assert html.count("data:image/png;base64,") == 5
    assert "data:image/png" in bank.sample(1)._repr_html_()
    assert bank.sample(1).show() is not None


def test_volumes(bank: sb.Bank) -> None:
    sample = bank.where("modality = 'CT' AND class = 'liver'")[0]
    loaded = bank.volume(sample.meta["volume_id"], classes=["liver"], masks=True, missing="close")
    place = loaded["slice_indices"].index(sample.slice)
    image = bank.image(sample.id)
    planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    assert (loaded["image"][:, place] == planes).all()
    assert (loaded["masks"][0, place] == sample.masks["liver"]).all()
    assert ((loaded["label_map"][place] == 1) == sample.masks["liver"]).all()
    patch = bank.volume(
        sample.meta["volume_id"], missing="close", origin_dhw=(place, 10, 20), size_dhw=(1, 16, 24)
    )
    assert (patch["image"] == loaded["image"][:, place : place + 1, 10:26, 20:44]).all()


def test_verify_and_digest(own_bank: sb.Bank) -> None:
    assert own_bank.verify(3)["sound"]
    assert len(own_bank.digest()) == 32
