"""Under PyTorch: the DataLoader matrix, resume, pinned and shared memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="SKIPPED: no torch")

from torch.utils.data import DataLoader  # noqa: E402

import slicebank as sb  # noqa: E402
from conftest import reader_slots  # noqa: E402
import slicebank.torch as sb_torch  # noqa: E402

OPTIONS: dict[str, Any] = {"size": 64, "resize": "fit", "channels": "rgb", "rot90": True}


def rows(batches: Any) -> list[tuple[int, bytes, bytes]]:
    found = []
    for batch in batches:
        for i, image, masks in zip(batch["id"].tolist(), batch["image"], batch["masks"]):
            found.append((i, image.numpy().tobytes(), masks.numpy().tobytes()))
    return found


@pytest.fixture
def dataset(bank: sb.Bank) -> sb.Dataset:
    return sb.Dataset(sb.open(bank.path).all(), ["liver", "kidney"], seed=4, **OPTIONS)


@pytest.mark.parametrize("persistent", [False, True], ids=["fresh", "persistent"])
@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_dataloader_matrix(
    dataset: sb.Dataset, method: str, workers: int, used: bool, persistent: bool
) -> None:
    sampler = sb.PermutationSampler(dataset, 3)
    running = iter(sb.Loader(dataset, 4, shuffle=True))
    if used:
        dataset[0], next(running)
    many: dict[str, Any] = {"multiprocessing_context": method, "persistent_workers": persistent}
    loader = DataLoader(
        dataset,
        batch_size=8,
        sampler=sampler,
        num_workers=workers,
        collate_fn=sb_torch.collate,
        timeout=60 if workers else 0,
        **(many if workers else {}),
    )
    expected = []
    if used:
        for epoch in range(2):
            ours = sb.Loader(dataset, 8, sampler=sb.PermutationSampler(dataset, 3))
            ours.set_epoch(epoch)
            expected.append(rows(sb_torch.to_tensors(batch) for batch in ours))
    # Slots of this process; without workers it reads for itself, and may take one more.
    living = reader_slots(dataset.selection.bank) + (workers == 0)
    found = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        found.append(rows(loader))
    del loader
    assert reader_slots(dataset.selection.bank) <= living
    assert found[0] != found[1] and len(found[0]) == len(dataset)
    if used:
        assert found == expected
    else:
        # In this very process nothing has been read before the workers: only now.
        again = sb.Dataset(dataset.selection, ["liver", "kidney"], seed=4, **OPTIONS)
        draws = list(sb.PermutationSampler(again, 3))
        one_by_one = [sb_torch.collate([again[draw]]) for draw in draws[:6]]
        assert rows(one_by_one) == found[0][:6]
    running.close()  # type: ignore[attr-defined]


def test_default_collate_works_too(dataset: sb.Dataset) -> None:
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    assert batch["image"].shape == (4, 3, 64, 64)
    assert batch["id"].tolist() == dataset.selection.ids[:4].tolist()


def test_tensors_share_the_batch_memory(dataset: sb.Dataset) -> None:
    batch = next(iter(sb.Loader(dataset, 4)))
    tensor = sb_torch.to_tensors(batch)["image"]
    tensor[0, 0, 0, 0] = 77
    assert batch["image"][0, 0, 0, 0] == 77
    assert torch.from_dlpack(batch["image"]).data_ptr() == tensor.data_ptr()


def test_tensor_loader(dataset: sb.Dataset) -> None:
    loader = sb_torch.TensorLoader(sb.Loader(dataset, 8, shuffle=True), device="cpu")
    assert rows(loader) == rows(
        sb_torch.to_tensors(batch) for batch in sb.Loader(dataset, 8, shuffle=True)
    )
    state = loader.state_dict()
    loader.load_state_dict(state)


def test_state_under_a_dataloader_that_draws_ahead(dataset: sb.Dataset) -> None:
    whole = [int(d) for d in sb.PermutationSampler(dataset, 3)]
    sampler = sb.PermutationSampler(dataset, 3)
    loader = DataLoader(
        dataset, batch_size=4, sampler=sampler, num_workers=2, collate_fn=sb_torch.collate
    )
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    state = sampler.state_dict(drawn=12)
    again = sb.PermutationSampler(dataset, 3)
    again.load_state_dict(state)
    assert [int(d) for d in again] == whole[12:]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_patches_are_the_same_for_any_number_of_workers(bank: sb.Bank, method: str) -> None:
    patches = sb.PatchDataset(
        bank.where("modality = 'CT'"), (2, 32, 32), ["liver"], missing="close", seed=6
    )
    patches[0]  # its volumes are known here before they are in the workers

    def found(**many: Any) -> list[Any]:
        sampler = sb.WeightedSampler([1.0] * len(patches), 2, draws=24)
        loader = DataLoader(
            patches, batch_size=1, sampler=sampler, collate_fn=sb_torch.collate, **many
        )
        names = ("image", "label_map", "origin_dhw", "volume_id")
        return [[batch[name].numpy().tobytes() for name in names] for _ in range(2) for batch in loader]

    alone = found()
    assert len(alone) == 48 and alone[:24] != alone[24:]
    assert found(num_workers=2, multiprocessing_context=method, timeout=60) == alone


def test_uint16_becomes_int32(bank: sb.Bank) -> None:
    dataset = sb.Dataset(bank.all(), size=32, resize="fit", channels="gray", dtype="uint16")
    assert sb_torch.collate(dataset.__getitems__([0, 1]))["image"].dtype == torch.int32


def test_the_example_trains_with_torch() -> None:
    script = Path(__file__).resolve().parents[2] / "examples" / "train_unet.py"
    done = subprocess.run(
        [sys.executable, str(script), "--backend", "torch", "--steps", "30"],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0 and "backend: torch" in done.stdout, done.stdout + done.stderr


def saved_over_and_over(bank: sb.Bank) -> int:
    """Commits whose freed pages the next ones can use, if nobody holds on to an old state."""
    chosen = bank.all()
    for number in range(150):
        chosen.shuffle(number).save("again")
    return sum(each.stat().st_size for each in Path(bank.path).iterdir())


def test_no_growth_beside_a_writer(dataset: sb.Dataset, tmp_path: Path) -> None:
    quiet = sb.phantom(tmp_path / "quiet.bank", subjects=8, slices=2, side=48)
    busy = sb.phantom(tmp_path / "busy.bank", subjects=8, slices=2, side=48)
    alone = saved_over_and_over(quiet)
    data = sb.Dataset(busy.all(), ["liver"], **OPTIONS)
    running = iter(sb.Loader(data, 2, shuffle=True))
    many: Any = {"num_workers": 2, "persistent_workers": True, "collate_fn": sb_torch.collate}
    loader = DataLoader(data, batch_size=2, sampler=sb.PermutationSampler(data, 1), **many)
    batches = iter(loader)
    # Workers, loader and this process have all read, are in the middle of it, and stay alive.
    data[0], next(running), next(batches)
    beside = saved_over_and_over(busy)
    assert beside <= alone * 1.2 + 65536, (beside, alone)
    assert len(rows(batches)) == len(data) - 2
    running.close()  # type: ignore[attr-defined]
