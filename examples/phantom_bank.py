"""What the examples share: the bank that was named, or a phantom made for the occasion."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import slicebank as sb


def arguments(text: str) -> argparse.ArgumentParser:
    """A parser that knows the bank."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("bank", nargs="?", help="a bank; without one a phantom is made")
    return parser


@contextmanager
def bank_or_phantom(path: str | None, subjects: int = 24, side: int = 128) -> Iterator[sb.Bank]:
    """Opens the bank at ``path``; without one, a phantom that is gone afterwards."""
    if path is not None:
        yield sb.open(path)
        return
    with tempfile.TemporaryDirectory(prefix="slicebank-example-") as folder:
        yield sb.phantom(f"{folder}/phantom.bank", subjects=subjects, side=side)
