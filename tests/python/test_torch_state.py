"""Resume under torch: StatefulDataLoader, DistributedSampler, a training that is killed."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="SKIPPED: no torch")
from torch.utils.data import DataLoader  # noqa: E402
from torch.utils.data.distributed import DistributedSampler  # noqa: E402

import slicebank as sb  # noqa: E402
import slicebank.torch as sb_torch  # noqa: E402

OPTIONS: dict[str, Any] = {"size": 32, "resize": "fit", "channels": "gray", "rot90": True}


@pytest.fixture
def dataset(bank: sb.Bank) -> sb.Dataset:
    return sb.Dataset(bank.all(), ["liver"], seed=4, **OPTIONS)


def stateful(dataset: sb.Dataset, workers: int, **words: Any) -> Any:
    module = pytest.importorskip("torchdata.stateful_dataloader", reason="SKIPPED: no torchdata")
    rank = {name: words.pop(name) for name in ("rank", "world_size") if name in words}
    return module.StatefulDataLoader(
        dataset,
        batch_size=4,
        sampler=sb.PermutationSampler(dataset, 3, rank_block=4, **rank),
        collate_fn=sb_torch.collate,
        num_workers=workers,
        **words,
    )


def seen(batches: Any) -> list[tuple[list[int], bytes]]:
    return [(batch["id"].tolist(), batch["image"].numpy().tobytes()) for batch in batches]


@pytest.mark.parametrize("steps", [0, 1, 5, 11])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_stateful_dataloader_goes_on(dataset: sb.Dataset, workers: int, steps: int) -> None:
    loader = stateful(dataset, workers)
    whole = [seen(loader), seen(loader)]  # two epochs
    assert whole[0] != whole[1]
    loader = stateful(dataset, workers)
    batches = iter(loader)
    first = [seen([next(batches)])[0] for _ in range(steps)]
    state = pickle.loads(pickle.dumps(loader.state_dict()))
    again = stateful(dataset, workers)
    again.load_state_dict(state)
    assert first + seen(again) == whole[0]
    assert seen(again) == whole[1]


@pytest.mark.parametrize("workers", [0, 2])
def test_stateful_dataloader_at_the_end_of_an_epoch(dataset: sb.Dataset, workers: int) -> None:
    loader = stateful(dataset, workers)
    whole = [seen(loader), seen(loader)]
    loader = stateful(dataset, workers)
    assert seen(loader) == whole[0]
    state = pickle.loads(pickle.dumps(loader.state_dict()))
    again = stateful(dataset, workers)
    again.load_state_dict(state)
    assert seen(again) == whole[1]


def test_stateful_dataloader_with_another_number_of_ranks(dataset: sb.Dataset) -> None:
    whole = Counter(dataset.selection.ids.tolist())
    given: Counter[int] = Counter()
    samplers = []
    for rank in range(2):
        loader = stateful(dataset, 2, rank=rank, world_size=2)
        batches = iter(loader)
        for _ in range(3):
            given.update(next(batches)["id"].tolist())
        # What torchdata keeps of the sampler, for whatever loader comes next.
        samplers.append(loader.state_dict()["_snapshot"]["_main_snapshot"]["_sampler_iter_state"])
    states = [sampler["sampler_state"] for sampler in samplers]
    assert states[0] == states[1]
    for rank in range(3):
        sampler = sb.PermutationSampler(dataset, 3, rank_block=4, rank=rank, world_size=3)
        sampler.load_state_dict(states[0])
        given.update(dataset.selection.ids[int(draw)] for draw in sampler)
    assert given == whole


@pytest.mark.parametrize("workers", [0, 2])
def test_distributed_sampler_over_a_dataset(dataset: sb.Dataset, workers: int) -> None:
    parts = []
    for rank in range(3):
        sampler: Any = DistributedSampler(dataset, num_replicas=3, rank=rank, seed=5)
        loader: Any = DataLoader(
            dataset, batch_size=4, sampler=sampler, num_workers=workers, collate_fn=sb_torch.collate
        )
        sampler.set_epoch(1)
        parts.append([id for ids, _ in seen(loader) for id in ids])
    assert len({len(part) for part in parts}) == 1
    assert set(sum(parts, [])) == set(dataset.selection.ids.tolist())


def test_ours_stand_where_a_distributed_sampler_does(dataset: sb.Dataset) -> None:
    # The calls that trainers make: set_epoch, len, iter; each rank another share.
    ranks: list[Any] = [
        sb.PermutationSampler(dataset, 5, rank=rank, world_size=3) for rank in range(3)
    ]
    orders = []
    for epoch in (0, 1, 0):
        for sampler in ranks:
            sampler.set_epoch(epoch)
        orders.append([list(sampler) for sampler in ranks])
        assert [len(part) for part in orders[-1]] == [len(sampler) for sampler in ranks]
        assert sorted(sum(orders[-1], [])) == list(range(len(dataset)))
    assert orders[0] == orders[2] != orders[1]


TRAINING = """
import json, sys, time
import slicebank as sb, slicebank.torch as sb_torch
from torch.utils.data import DataLoader
def main():
    bank = sb.open(sys.argv[1])
    rank, world = int(sys.argv[3]), int(sys.argv[4])
    dataset = sb.Dataset(bank.all(), size=32, resize="fit", channels="gray")
    sampler = sb.PermutationSampler(dataset, 9, rank=rank, world_size=world, rank_block=2)
    if len(sys.argv) > 5:
        sampler.load_state_dict(json.loads(sys.argv[5]))
    loader = DataLoader(dataset, 2, sampler=sampler, num_workers=2, collate_fn=sb_torch.collate)
    used = 0
    with open(sys.argv[2], "a") as log:
        for batch in loader:
            used += len(batch["id"])
            log.write(json.dumps([batch["id"].tolist(), sampler.state_dict(drawn=used)]) + "\\n")
            log.flush()
            if len(sys.argv) <= 5:
                time.sleep(0.6)
if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("world", [1, 2, 3])
def test_killed_ranks_go_on_under_a_dataloader(bank: sb.Bank, tmp_path: Path, world: int) -> None:
    """Two ranks with worker processes, both killed after as many steps; then any number of ranks."""
    script = tmp_path / "train.py"
    script.write_text(TRAINING)
    logs = [tmp_path / f"log{rank}" for rank in range(2)]
    processes = [
        subprocess.Popen([sys.executable, str(script), bank.path, str(logs[rank]), str(rank), "2"])
        for rank in range(2)
    ]
    deadline = time.monotonic() + 120
    while not all(log.exists() and log.read_text().count("\n") >= 3 for log in logs):
        # On a busy machine one may come to its end before the other has begun.
        assert time.monotonic() < deadline and all(each.poll() in (None, 0) for each in processes)
        time.sleep(0.02)
    for process in processes:
        process.send_signal(signal.SIGKILL)
        process.wait()
    lines = [
        [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        for log in logs
    ]
    steps = min(map(len, lines))  # the step that all ranks have finished: where a checkpoint stands
    assert all(part[steps - 1][1] == lines[0][steps - 1][1] for part in lines)
    used = [id for part in lines for ids, _ in part[:steps] for id in ids]
    state = json.dumps(lines[0][steps - 1][1])
    for rank in range(world):
        rest = tmp_path / f"rest{rank}"
        subprocess.run(
            [sys.executable, str(script), bank.path, str(rest), str(rank), str(world), state], check=True
        )
        used += [id for line in rest.read_text().splitlines() for id in json.loads(line)[0]]
    assert sorted(used) == bank.all().ids.tolist()
