"""3-D patches: the volume's own voxels, classes as often as asked for, the same for a seed."""

from __future__ import annotations

import pickle
from typing import Any

import numpy
import pytest

import slicebank as sb

VOXEL = (1, 1, 1)
DRAWS = 600


@pytest.fixture
def livers(bank: sb.Bank) -> sb.Selection:
    return bank.where("modality = 'CT' AND class = 'liver'")


def drawn(patches: sb.PatchDataset, draws: int = DRAWS, epoch: int = 0) -> list[Any]:
    return [patches[sb.Draw(i % len(patches), epoch, i)] for i in range(draws)]


def test_a_patch_is_that_part_of_its_volume(livers: sb.Selection) -> None:
    classes = ["liver", "spleen"]
    patches = sb.PatchDataset(livers, (2, 40, 48), classes, masks=True, missing="close", seed=3)
    assert len(patches) == len({sample.meta["volume_id"] for sample in livers})
    for item in drawn(patches, 2 * len(patches)):
        whole = livers.bank.volume(item["volume_id"], classes=classes, masks=True, missing="close")
        box = tuple(slice(int(o), int(o) + n) for o, n in zip(item["origin_dhw"], (2, 40, 48)))
        assert item["image"].shape[1:] == item["label_map"].shape == (2, 40, 48)
        for name in ("image", "masks", "label_map"):
            assert (item[name] == whole[name][(..., *box)]).all()
        assert item["label_mask"].tolist() == [1, 1]


def test_a_patch_larger_than_its_volume_lies_around_it(livers: sb.Selection) -> None:
    patches = sb.PatchDataset(livers, (5, 100, 104), ["liver"], missing="close", pad=-7, dtype="float32")
    for item in drawn(patches, 4):
        whole = livers.bank.volume(item["volume_id"], missing="close", dtype="float32")["image"]
        depth, height, width = whole.shape[1:]
        before = [(5 - depth) // 2, (100 - height) // 2, (104 - width) // 2]
        after = [5 - depth - before[0], 100 - height - before[1], 104 - width - before[2]]
        padded = numpy.pad(whole, [(0, 0), *zip(before, after)], constant_values=-7)
        assert (item["image"] == padded).all() and (item["origin_dhw"] == [-b for b in before]).all()


def test_the_foreground_comes_as_often_as_asked_for(livers: sb.Selection) -> None:
    def share(probability: float) -> float:
        patches = sb.PatchDataset(
            livers, VOXEL, ["liver"], missing="close", foreground_probability=probability, seed=5
        )
        return float(numpy.mean([item["label_map"][0, 0, 0] for item in drawn(patches)]))

    by_chance = share(0)
    assert by_chance < 0.5 and share(1) == 1
    expected = 1 / 3 + 2 / 3 * by_chance
    assert abs(share(1 / 3) - expected) < 5 * (expected * (1 - expected) / DRAWS) ** 0.5


def test_each_place_inside_is_as_likely(livers: sb.Selection) -> None:
    patches = sb.PatchDataset(
        livers.take(1), (1, 90, 90), missing="close", foreground_probability=0, dtype="uint8"
    )
    origins = numpy.array([item["origin_dhw"] for item in drawn(patches)])
    side = livers[0].height - 90 + 1
    counts = numpy.bincount(origins[:, 1], minlength=side)
    assert len(counts) == side and (abs(counts - DRAWS / side) < 5 * (DRAWS / side) ** 0.5).all()


def test_a_volume_without_the_class_gives_any_patch(livers: sb.Selection) -> None:
    def origins(probability: float) -> list[list[int]]:
        patches = sb.PatchDataset(
            livers, VOXEL, ["optic cup"], missing="close", foreground_probability=probability
        )
        return [item["origin_dhw"].tolist() for item in drawn(patches, 20)]

    assert origins(1) == origins(0)


def test_draws_depend_on_seed_epoch_and_position_alone(livers: sb.Selection) -> None:
    def places(patches: sb.PatchDataset, epoch: int = 0) -> list[Any]:
        return [(item["volume_id"], *item["origin_dhw"]) for item in drawn(patches, 20, epoch)]

    options: dict[str, Any] = {"foreground_classes": ["kidney"], "missing": "close"}
    patches = sb.PatchDataset(livers, (1, 32, 32), seed=1, **options)
    first = places(patches)
    assert first == places(pickle.loads(pickle.dumps(patches)))
    assert first == places(sb.PatchDataset(livers, (1, 32, 32), seed=1, threads=2, **options))
    assert first != places(patches, epoch=1)
    assert first != places(sb.PatchDataset(livers, (1, 32, 32), seed=2, **options))
    patches.set_epoch(4)
    assert (patches[0]["origin_dhw"] == patches[sb.Draw(0, 4, 0)]["origin_dhw"]).all()
    sampler = sb.PermutationSampler(patches, seed=8)
    batch = sb.collate([patches[draw] for draw in sampler])
    assert sorted(batch["volume_id"]) == sorted(patches.volume_ids)
    assert len(batch["image"]) == len(patches) and batch["origin_dhw"].shape == (len(patches), 3)
    assert len(list(patches)) == len(patches)
    with pytest.raises(IndexError):
        patches[len(patches)]


def test_options_that_make_no_sense_are_refused(livers: sb.Selection) -> None:
    for wrong in ({"size_dhw": (0, 8, 8)}, {"size_dhw": (8, 8)}, {"foreground_probability": 1.5}):
        with pytest.raises(sb.BadArgument):
            sb.PatchDataset(livers, **{"size_dhw": VOXEL, **wrong})  # type: ignore[arg-type]
    with pytest.raises(sb.BadArgument):
        sb.PatchDataset(livers, VOXEL, "liver")
    with pytest.raises(sb.NotFound, match="liver"):
        sb.PatchDataset(livers, VOXEL, ["livr"])
    transformed = sb.PatchDataset(livers, VOXEL, transform=lambda item: item["volume_id"])
    assert transformed.volume_ids[0] == sb.PatchDataset(livers, VOXEL, missing="close")[0]["volume_id"]
    assert "PatchDataset" in repr(transformed)
