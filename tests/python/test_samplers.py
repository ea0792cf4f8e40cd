"""Orders, ranks, states; and the Loader over them."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import slicebank as sb

OPTIONS: dict[str, Any] = {"size": 48, "resize": "fit", "channels": "gray"}


def make(kind: str, bank: sb.Bank, **options: Any) -> sb.Sampler:
    chosen = bank.all()
    if kind == "sequential":
        return sb.SequentialSampler(chosen, **options)
    if kind == "permutation":
        return sb.PermutationSampler(chosen, 5, **options)
    if kind == "balanced":
        return sb.BalancedSampler(chosen, "class", 5, **options)
    if kind == "repeat":
        return sb.RepeatFactorSampler(chosen, "class", 5, threshold=0.2, **options)
    return sb.ForegroundSampler(chosen, ["liver"], 5, batch_size=4, **options)


KINDS = ["sequential", "permutation", "balanced", "repeat", "foreground"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("world", [2, 3, 8])
def test_ranks_share_one_order(bank: sb.Bank, kind: str, world: int) -> None:
    block = {"rank_block": 4}
    whole = [(int(d), d.position) for d in make(kind, bank, **block)]  # type: ignore[attr-defined]
    parts = []
    for rank in range(world):
        sampler = make(kind, bank, rank=rank, world_size=world, **block)
        part = [(int(d), d.position) for d in sampler]  # type: ignore[attr-defined]
        assert len(part) == len(sampler) or kind == "repeat"
        parts += part
    assert sorted(parts, key=lambda pair: pair[1]) == whole


@pytest.mark.parametrize("kind", KINDS)
def test_epochs_follow_each_other(bank: sb.Bank, kind: str) -> None:
    sampler = make(kind, bank)
    first, second = list(sampler), list(sampler)
    assert sampler.epoch == 1
    assert (first == second) == (kind == "sequential")
    sampler.set_epoch(0)
    assert list(sampler) == first
    again = pickle.loads(pickle.dumps(make(kind, bank)))
    assert list(again) == first


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    old=st.integers(1, 4),
    new=st.integers(1, 4),
    steps=st.integers(0, 30),
)
def test_any_world_goes_on_where_another_stopped(
    bank: sb.Bank, kind: str, old: int, new: int, steps: int
) -> None:
    block = {"rank_block": 4}
    whole = list(make(kind, bank, **block))
    given_ids: list[int] = []
    states = []
    for rank in range(old):
        sampler = make(kind, bank, rank=rank, world_size=old, **block)
        draws = iter(sampler)
        # Whole blocks: every rank has made as many.
        for _ in range(min(steps * 4, len(whole) // (4 * old) * 4)):
            given_ids.append(next(draws))
        states.append(sampler.state_dict())
    assert len({str(state) for state in states}) == 1 and len(str(states[0])) < 300
    rest: list[int] = []
    for rank in range(new):
        sampler = make(kind, bank, rank=rank, world_size=new, **block)
        sampler.load_state_dict(states[0])
        rest += list(sampler)
    assert Counter(given_ids + rest) == Counter(whole)


def test_balance(bank: sb.Bank) -> None:
    chosen = bank.all()
    draws = list(sb.BalancedSampler(chosen, "modality", 1, draws=4000))
    names = chosen.table()["modality"]
    shares = Counter(names[d] for d in draws)
    assert all(abs(count / 4000 - 1 / len(shares)) < 0.05 for count in shares.values())
    never = numpy.ones(10)
    never[3] = 0
    assert 3 not in set(sb.WeightedSampler(never, 1, draws=1000))


def test_a_state_of_another_order_is_refused(bank: sb.Bank) -> None:
    state = make("permutation", bank).state_dict()
    with pytest.raises(sb.BadArgument):
        sb.PermutationSampler(bank.all(), 6).load_state_dict(state)
    with pytest.raises(sb.BadFormat):
        make("permutation", bank).load_state_dict({"state": "nonsense"})
    with pytest.raises(sb.BadArgument):
        sb.PermutationSampler(bank.all(), 0, rank=2, world_size=2)


def batch_bytes(loader: sb.Loader) -> list[tuple[list[int], bytes]]:
    return [(batch["id"].tolist(), batch["image"].tobytes()) for batch in loader]


def test_batches_do_not_depend_on_threads(bank: sb.Bank) -> None:
    dataset = sb.Dataset(bank.all(), ["liver"], flip_horizontal=0.5, rot90=True, **OPTIONS)
    loaders = [
        sb.Loader(dataset, 8, shuffle=True, seed=2, threads=threads, prefetch=prefetch)
        for threads, prefetch in ((1, 1), (2, 2), (4, 5))
    ]
    found = [batch_bytes(loader) for loader in loaders]
    assert found[0] == found[1] == found[2] and len(found[0]) == len(loaders[0])
    # The same draw looks the same through Dataset.
    draws = list(sb.PermutationSampler(dataset, 2))
    same = sb.collate(dataset.__getitems__(draws[:8]))
    assert (same["id"].tolist(), same["image"].tobytes()) == found[0][0]


def test_loader_ranks_and_resume(bank: sb.Bank) -> None:
    whole = [b["id"].tolist() for b in sb.Loader(bank.all(), 4, shuffle=True, seed=1, **OPTIONS)]
    loader = sb.Loader(bank.all(), 4, shuffle=True, seed=1, prefetch=4, **OPTIONS)
    batches = iter(loader)
    first = [next(batches)["id"].tolist() for _ in range(3)]
    state = loader.state_dict()
    again = sb.Loader(bank.all(), 4, shuffle=True, seed=1, **OPTIONS)
    again.load_state_dict(state)
    assert first + [b["id"].tolist() for b in again] == whole
    # Mid-epoch and the next epoch of the resumed one agree with the uninterrupted.
    rest = [b["id"].tolist() for b in batches]
    assert first + rest == whole
    assert [b["id"].tolist() for b in loader] == [b["id"].tolist() for b in again]
    dropped = sb.Loader(bank.all(), 4, shuffle=True, seed=1, drop_last=True, **OPTIONS)
    assert [b["id"].tolist() for b in dropped] == [b for b in whole if len(b) == 4]


def test_a_loader_can_be_left_and_begun_anew(bank: sb.Bank) -> None:
    loader = sb.Loader(bank.all(), 4, shuffle=True, **OPTIONS)
    first = next(iter(loader))["id"].tolist()
    assert next(iter(loader))["id"].tolist() == first
    assert [b["id"].tolist() for b in loader][0] == first


def test_batches_outlive_the_loader(bank: sb.Bank) -> None:
    loader = sb.Loader(bank.all(), 4, **OPTIONS)
    kept = [batch["image"] for batch in loader]
    copies = [image.copy() for image in kept]
    del loader
    for batch in sb.Loader(bank.all(), 4, **OPTIONS):
        batch["image"][:] = -5
    assert all((a == b).all() for a, b in zip(kept, copies))


TRAINING = """
import json, sys, time
import slicebank as sb
bank = sb.open(sys.argv[1])
rank, world = int(sys.argv[3]), int(sys.argv[4])
sampler = sb.PermutationSampler(bank.all(), 9, rank=rank, world_size=world, rank_block=2)
loader = sb.Loader(bank.all(), 2, sampler=sampler, size=48, resize="fit", channels="gray")
if len(sys.argv) > 5:
    loader.load_state_dict(json.loads(sys.argv[5]))
with open(sys.argv[2], "a") as log:
    for batch in loader:
        log.write(json.dumps([batch["id"].tolist(), loader.state_dict()]) + "\\n")
        log.flush()
        time.sleep(float(sys.argv[6]) if len(sys.argv) > 6 else 0.05)
"""


@pytest.mark.parametrize("world", [1, 2, 3])
def test_a_killed_training_goes_on(bank: sb.Bank, tmp_path: Path, world: int) -> None:
    import json

    log = tmp_path / "log"
    process = subprocess.Popen([sys.executable, "-c", TRAINING, bank.path, str(log), "0", "1"])
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text().count("\n") >= 4):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    assert "/dev/shm/" not in maps  # no shared-memory names that could be left behind
    process.send_signal(signal.SIGKILL)
    process.wait()
    lines = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    used = [id for ids, _ in lines for id in ids]
    state = json.dumps(lines[-1][1])
    for rank in range(world):
        part = tmp_path / f"log{rank}"
        subprocess.run(
            [sys.executable, "-c", TRAINING, bank.path, str(part), str(rank), str(world), state, "0"],
            check=True,
        )
        used += [id for line in part.read_text().splitlines() for id in json.loads(line)[0]]
    assert sorted(used) == bank.all().ids.tolist()
