"""One phantom bank for all tests that only read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import slicebank as sb


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sb.Bank]:
    yield sb.phantom(tmp_path_factory.mktemp("banks") / "phantom.bank", subjects=16, slices=3, side=96)


@pytest.fixture
def own_bank(tmp_path: Path) -> sb.Bank:
    """A small bank that a test may write to."""
    return sb.phantom(tmp_path / "own.bank", subjects=6, slices=2, side=64)


def reader_slots(bank: sb.Bank) -> int:
    """Slots of living readers, as a newcomer sees them: opening clears those of the dead."""
    text = "import sys, slicebank; print(slicebank.open(sys.argv[1]).info()['readers'])"
    done = subprocess.run(
        [sys.executable, "-c", text, bank.path], check=True, capture_output=True, text=True
    )
    return int(done.stdout)
