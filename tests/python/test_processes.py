"""fork, spawn, forkserver; a bank that is written to while it is read."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import reader_slots

import slicebank as sb
from slicebank import _native

METHODS = ["fork", "spawn", "forkserver"]


def digest(dataset: sb.Dataset, place: int) -> str:
    item = dataset[place]
    return hashlib.sha256(item["image"].tobytes() + item["masks"].tobytes()).hexdigest()


def work(job: tuple[sb.Dataset, int]) -> str:
    return digest(*job)


@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
@pytest.mark.parametrize("method", METHODS)
def test_workers_see_the_same_bytes(bank: sb.Bank, method: str, used: bool) -> None:
    opened = sb.open(bank.path)
    dataset = sb.Dataset(opened.all(), ["liver"], size=64, resize="fit", channels="rgb", rot90=True)
    running = iter(sb.Loader(dataset, 4, shuffle=True))
    if used:
        next(running)  # its threads are alive while the process forks
    living = reader_slots(bank)
    with multiprocessing.get_context(method).Pool(3) as pool:
        found = pool.map(work, [(dataset, place) for place in range(20)])
    assert found == [digest(dataset, place) for place in range(20)]
    running.close()  # type: ignore[attr-defined]
    assert reader_slots(bank) <= living


class Watched:
    """A BatchMaker that tells with how many threads it was asked."""

    def __init__(self, maker: Any) -> None:
        self.maker = maker
        self.threads: list[int] = []

    def batch(self, ids: Any, positions: Any, seed: int, epoch: int, threads: int, skip: bool) -> Any:
        self.threads.append(threads)
        return self.maker.batch(ids, positions, seed, epoch, threads, skip)


def threads_of(dataset: sb.Dataset) -> list[int]:
    watched = Watched(dataset._maker)
    dataset._maker = watched  # type: ignore[assignment]
    dataset.__getitems__([0, 1, 2])
    return watched.threads


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_decodes_with_one_thread_and_a_trainer_with_two(bank: sb.Bank, method: str) -> None:
    options: dict[str, Any] = {"size": 64, "resize": "fit", "channels": "rgb"}
    dataset = sb.Dataset(bank.all(), ["liver"], **options)
    told = sb.Dataset(bank.all(), ["liver"], threads=3, **options)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.map(threads_of, [dataset, told]) == [[1], [3]]
    assert (threads_of(dataset), threads_of(told)) == ([2], [3])


def read_until(path: str, stop: Any, results: Any) -> None:
    """Reads whatever there is; each look must be of one generation."""
    try:
        bank = sb.open(path)
        looks = reads = 0
        generations: set[int] = set()
        while not stop.is_set():
            chosen = bank.all()
            generations.add(chosen.generation)
            if len(chosen) != len(set(chosen.ids.tolist())):
                raise AssertionError("an id twice")
            for sample in chosen.shuffle(looks).take(4):
                if sample.image is None or sample.image.shape[0] == 0:
                    raise AssertionError("no pixels")
                reads += 1
            looks += 1
        results.put(("ok", reads, sorted(generations)))
    except BaseException as error:  # into the parent's hands
        results.put(("failed", repr(error), []))


def test_reading_beside_an_import(tmp_path: Path) -> None:
    seconds = 30.0 if os.environ.get("SLICEBANK_STRESS") else 4.0
    path = str(tmp_path / "busy.bank")
    sb.phantom(path, subjects=4, slices=1, side=64)
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    workers = [context.Process(target=read_until, args=(path, stop, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    end = time.monotonic() + seconds
    imports = 0
    while time.monotonic() < end:
        # Other persons of the same datasets each time.
        source = tmp_path / f"source{imports}"
        _native.paint_phantom(str(source), 100 + imports, 4, 2, 64)
        sb.import_(path, source, format="sa-med2d")
        imports += 1
    stop.set()
    found = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert [kind for kind, _, _ in found] == ["ok"] * 4, found
    assert all(reads > 0 for _, reads, _ in found)
    bank = sb.open(path)
    assert bank.verify(3)["sound"] and bank.info()["readers"] <= 1
    assert max(max(generations) for _, _, generations in found) <= bank.generation


def test_killed_readers_leave_nothing(own_bank: sb.Bank) -> None:
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    readers = [
        context.Process(target=read_until, args=(own_bank.path, stop, results)) for _ in range(3)
    ]
    for reader in readers:
        reader.start()
    time.sleep(2)
    for reader in readers:
        reader.kill()
        reader.join(30)
    own_bank.where("class = 'liver'").save("livers")  # a writer clears what the dead have left
    assert own_bank.info()["readers"] <= 1
    assert own_bank.verify(2)["sound"]
