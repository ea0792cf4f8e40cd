"""In and out, with progress and Ctrl-C."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import slicebank as sb
from slicebank import _native


def test_a_phantom_makes_the_round_trip(own_bank: sb.Bank, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    report = own_bank.all().export(
        tmp_path / "out", "sa-med2d", progress=lambda done, total: told.append((done, total))
    )
    assert report["samples"] == len(own_bank) and told and told[-1][1] == len(own_bank)
    back = sb.import_(tmp_path / "back.bank", tmp_path / "out", format="sa-med2d")
    assert back["samples"] == len(own_bank) and back["skipped"] == 0 and not back["interrupted"]
    assert sb.open(tmp_path / "back.bank").digest() == own_bank.digest()
    again = sb.import_(tmp_path / "back.bank", tmp_path / "out")
    assert again["new"] == 0 and again["unchanged"] == again["items"]


def test_formats_are_listed() -> None:
    assert {"sa-med2d", "medmnist", "nifti"} <= set(sb.import_formats())
    assert {"sa-med2d", "images"} <= set(sb.export_formats())
    assert any(name == "area" for name, *_ in sb.filter_fields())
    assert "numpy" in sb.show_versions()


def test_a_folder_that_is_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(sb.BadFormat):
        sb.import_(tmp_path / "x.bank", tmp_path / "empty")
    with pytest.raises(sb.BadArgument, match="sa-med2d"):
        sb.import_(tmp_path / "x.bank", tmp_path / "empty", format="sa-med3d")


def test_an_exception_of_progress_ends_the_import(tmp_path: Path) -> None:
    _native.paint_phantom(str(tmp_path / "source"), 3, 40, 4, 192)

    def refuse(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sb.import_(tmp_path / "x.bank", tmp_path / "source", format="sa-med2d", progress=refuse)


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    # A shell starts what it runs in the background with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_ends_an_import_that_then_goes_on(tmp_path: Path) -> None:
    _native.paint_phantom(str(tmp_path / "source"), 3, 60, 6, 256)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sb.import_(tmp_path / "x.bank", tmp_path / "source", format="sa-med2d", jobs=1, effort="small")
    assert time.monotonic() - begun < 30
    timer.cancel()
    report = sb.import_(tmp_path / "x.bank", tmp_path / "source", format="sa-med2d")
    assert report["failed"] == 0
    assert len(sb.open(tmp_path / "x.bank")) == report["items"]
