"""slicebank: medical-image segmentation data, indexed, one directory, microseconds away.

    import slicebank as sb
    bank = sb.open("demo.bank")
    liver = bank.where("modality = 'CT' AND class = 'liver'")
    train, val = liver.split({"train": .8, "val": .2}, stratify=["class"], seed=7)
    for batch in sb.Loader(train, 16, shuffle=True, classes=["liver"], size=256, resize="fit"):
        batch["image"], batch["masks"]        # (16, 1, 256, 256) float32, (16, 1, 256, 256) uint8

Arrays are numpy's and own their memory. PyTorch is imported by ``slicebank.torch`` alone.
"""

from __future__ import annotations

import logging as _logging

from slicebank import _native, filters
from slicebank._aliases import Aliases
from slicebank._bank import Bank, create, is_bank, open
from slicebank._cases import CaseSplit, audit_cases, read_cases, split_cases
from slicebank._dataset import Dataset, collate
from slicebank._errors import (
    AlreadyExists,
    BadArgument,
    BadFormat,
    Corrupt,
    Error,
    Interrupted,
    IoError,
    LimitExceeded,
    Locked,
    NeedsReindex,
    NotFound,
    OutOfSpace,
    QueryError,
    WrongVersion,
)
from slicebank._loader import Loader
from slicebank._patches import PatchDataset
from slicebank._sample import Mask, Masks, Sample
from slicebank._samplers import (
    BalancedSampler,
    Draw,
    ForegroundSampler,
    PermutationSampler,
    RepeatFactorSampler,
    Sampler,
    SequentialSampler,
    WeightedSampler,
)
from slicebank._selection import Selection
from slicebank._split import SplitSet
from slicebank._table import Table
from slicebank._transfer import export_formats, import_, import_formats, phantom

__version__: str = _native.version()

_logging.getLogger("slicebank").addHandler(_logging.NullHandler())


def filter_fields() -> list[tuple[str, str, bool, str]]:
    """What a filter can name: (name, type, whether it is about a mask, meaning)."""
    return _native.filter_fields()


def show_versions() -> dict[str, str]:
    """What this build is made of, for bug reports."""
    import platform

    import numpy

    return {
        **_native.build_versions(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
    }


__all__ = [
    "Aliases",
    "AlreadyExists",
    "BadArgument",
    "BadFormat",
    "BalancedSampler",
    "Bank",
    "CaseSplit",
    "Corrupt",
    "Dataset",
    "Draw",
    "Error",
    "ForegroundSampler",
    "Interrupted",
    "IoError",
    "LimitExceeded",
    "Loader",
    "Locked",
    "Mask",
    "Masks",
    "NeedsReindex",
    "NotFound",
    "OutOfSpace",
    "PatchDataset",
    "PermutationSampler",
    "QueryError",
    "RepeatFactorSampler",
    "Sample",
    "Sampler",
    "Selection",
    "SequentialSampler",
    "SplitSet",
    "Table",
    "WeightedSampler",
    "WrongVersion",
    "audit_cases",
    "collate",
    "create",
    "export_formats",
    "filter_fields",
    "filters",
    "import_",
    "import_formats",
    "is_bank",
    "open",
    "phantom",
    "read_cases",
    "show_versions",
    "split_cases",
]
