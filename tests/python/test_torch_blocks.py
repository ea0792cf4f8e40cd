"""Batches of worker processes: whole, stable while they live, in memory that is used again."""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="SKIPPED: no torch")
from torch.utils.data import DataLoader  # noqa: E402

import slicebank as sb  # noqa: E402
import slicebank.torch as sb_torch  # noqa: E402
from slicebank import _torch_blocks as blocks  # noqa: E402


@pytest.fixture
def dataset(bank: sb.Bank) -> sb.Dataset:
    return sb.Dataset(bank.where("mask(area > 20)"), keys="sam", size=48, resize="fit",
                      channels="rgb", dtype="uint16", instances=True, positive_points=2)


def loader(dataset: sb.Dataset, workers: int, collate: Any = sb_torch.collate) -> Any:
    return DataLoader(dataset, batch_size=5, num_workers=workers, collate_fn=collate,
                      persistent_workers=workers > 0)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    if isinstance(a, list) and a and isinstance(a[0], torch.Tensor):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return bool(a == b)


def equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return type(a) is type(b) is dict and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)


def test_a_batch_of_a_worker_is_that_of_the_process_itself(dataset: sb.Dataset) -> None:
    ours, theirs = list(loader(dataset, 0)), list(loader(dataset, 2))
    assert len(ours) == len(theirs) > 3
    assert all(equal(a, b) for a, b in zip(ours, theirs))
    assert theirs[0]["image"].dtype == torch.int32 and theirs[0]["image"].is_contiguous()


def test_what_is_kept_is_never_written_over(dataset: sb.Dataset) -> None:
    expected = list(loader(dataset, 0))
    many = loader(dataset, 2)
    kept = [batch["image"] for _ in range(3) for batch in many]
    assert len(kept) == 3 * len(expected)
    assert all(same(image, expected[i % len(expected)]["image"]) for i, image in enumerate(kept))


def where(batch: dict[str, Any]) -> tuple[int, int]:
    """The file that the batch's memory is, as the kernel counts them."""
    address = batch["image"].data_ptr()
    with open("/proc/self/maps") as maps:
        for line in maps:
            span, _, _, device, inode = line.split()[:5]
            begin, end = (int(side, 16) for side in span.split("-"))
            if begin <= address < end:
                return int(device.replace(":", ""), 16), int(inode)
    raise AssertionError("memory of nobody")


def test_memory_is_used_again(dataset: sb.Dataset) -> None:
    many = loader(dataset, 1)
    files = []
    for _ in range(6):
        for batch in many:
            files.append(where(batch))
            del batch
    assert len(set(files)) < len(files) / 3 and len(set(files[-5:])) < 5
    assert not any("/dev/shm/" in line and "deleted" not in line for line in open("/proc/self/maps"))


def test_a_fork_retires_what_it_could_see(dataset: sb.Dataset) -> None:
    many = loader(dataset, 1)
    batches = iter(many)
    batch = next(batches)
    before = batch["image"].numpy().copy()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)  # the parent has let go, and gone on for two epochs
        os._exit(0 if (batch["image"].numpy() == before).all() else 1)
    del batch
    gc.collect()
    for _ in batches:
        pass
    for _ in many:
        pass
    os.write(writing, b"x")
    assert os.waitpid(child, 0)[1] == 0


def collate_with_more(items: Any) -> Any:
    batch = sb_torch.collate(items)
    batch["double"] = batch["image"] * 2
    batch["turned"] = batch["image"].transpose(2, 3)
    batch["note"] = "x"
    return batch


def test_a_collate_function_around_ours(dataset: sb.Dataset) -> None:
    for batch in loader(dataset, 2, collate_with_more):
        assert same(batch["double"], batch["image"] * 2) and batch["note"] == "x"
        assert same(batch["turned"], batch["image"].transpose(2, 3))


def test_a_worker_forgets_blocks_it_does_not_get_back() -> None:
    taken = [blocks._block(1000) for _ in range(20)]
    assert len(blocks._blocks) == 8 and len({block.data_ptr() for block in taken}) == 20
    blocks._flag(taken[-1])[0] = blocks._FREE
    assert blocks._block(900).data_ptr() == taken[-1].data_ptr()  # large enough, and free
    blocks._flag(taken[-2])[0] = blocks._FREE
    assert blocks._block(50000).data_ptr() != taken[-2].data_ptr()  # too small
    blocks._blocks.clear()
