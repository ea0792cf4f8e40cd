"""Batches made ahead by C++ threads: no worker processes, no pickling, no copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from slicebank import _native
from slicebank._dataset import Dataset, Item, batch_dict
from slicebank._errors import BadArgument
from slicebank._samplers import PermutationSampler, Sampler, SequentialSampler

if TYPE_CHECKING:
    from slicebank._selection import Selection


class Loader:
    """Iterates over batches of a dataset: dictionaries of arrays with a first axis of N samples.

    Names and shapes are those of :class:`Dataset` with N in front; arrays with one row an
    instance are lists of N. A batch's memory belongs to it; when its last array is gone, a
    later batch takes it over. Batches depend on (dataset, sampler, epoch) alone: the same
    bytes for any number of threads and ranks.

    Args:
        data: a Dataset without ``transform``, or a Selection (then ``options`` are Dataset's).
        batch_size: N; the last batch may be smaller unless ``drop_last``.
        sampler: one of slicebank's; it knows rank and world size. None: the selection's order,
            or with ``shuffle`` a permutation by ``seed``.
        threads: that decode; 2 feed most GPUs.
        prefetch: batches made ahead. Memory: prefetch + 1 batches and those you keep.
        on_error: ``raise``: a sample that cannot be read is an exception in its batch's place; ``skip``:
            its batch gets smaller, and :attr:`skipped` names it.
        output: ``numpy``, or what to call with each batch (``slicebank.torch.to_tensors``).

    ``state_dict`` may be taken between any two batches; nothing that was made ahead is lost or
    comes twice. It may be pickled, and used after a fork.
    """

    def __init__(
        self,
        data: Dataset | Selection,
        batch_size: int = 16,
        *,
        sampler: Sampler | None = None,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        threads: int = 2,
        prefetch: int = 2,
        on_error: str = "raise",
        output: str | Callable[[Item], Any] = "numpy",
        rank: int = 0,
        world_size: int = 1,
        **options: Any,
    ) -> None:
        if isinstance(data, Dataset):
            if options:
                raise BadArgument(
                    f"{', '.join(options)}: options of a Dataset", "give them to it", "bad_argument"
                )
            self.dataset = data
        else:
            self.dataset = Dataset(data, seed=seed, **options)
        if self.dataset.transform is not None:
            raise BadArgument(
                "a Loader runs without Python, so it calls no transform",
                "use the options of Dataset, or torch's DataLoader",
                "bad_argument",
            )
        if on_error not in ("raise", "skip"):
            raise BadArgument(f"on_error: {on_error!r}", "raise or skip", "bad_argument")
        if batch_size < 1:
            raise BadArgument(f"batches of {batch_size}", "", "bad_argument")
        if sampler is None:
            ours: dict[str, Any] = {"rank": rank, "world_size": world_size}
            sampler = (
                PermutationSampler(len(self.dataset), seed, **ours)
                if shuffle
                else SequentialSampler(len(self.dataset), **ours)
            )
        if sampler.size != len(self.dataset):
            raise BadArgument(
                f"the sampler is about {sampler.size} items, the data are {len(self.dataset)}",
                "make it from the same selection",
                "bad_argument",
            )
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.threads = threads
        self.prefetch = prefetch
        self.on_error = on_error
        self.output = output
        self.skipped: list[tuple[int, str]] = []
        self._turn = 0

    def __len__(self) -> int:
        """Batches in the epoch; after going on from a state, of what was left of it."""
        draws = len(self.sampler)
        return draws // self.batch_size if self.drop_last else -(-draws // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """As Sampler.set_epoch."""
        self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        sampler = self.sampler
        sampler._begin()
        self._turn += 1
        turn = self._turn
        start = sampler._draws.drawn
        dataset = self.dataset
        epoch = _native.Epoch(
            dataset._maker,
            dataset.selection._native,
            sampler._fresh(),
            self.batch_size,
            self.drop_last,
            dataset.seed,
            sampler.epoch,
            self.threads,
            self.prefetch,
            self.on_error == "skip",
        )
        seen = 0
        while turn == self._turn:
            try:
                batch = epoch.next()
            finally:
                if turn == self._turn:
                    sampler._draws.seek(min(start + epoch.given, len(sampler)))
            if epoch.skipped_count > seen:
                seen = epoch.skipped_count
                self.skipped = list(epoch.skipped())
            if batch is None:
                sampler._finished = True
                return
            arrays = batch_dict(batch, dataset._keys, dataset._instances)
            del batch
            yield arrays if isinstance(self.output, str) else self.output(arrays)

    def state_dict(self) -> dict[str, Any]:
        """Where the training stands: after the last batch that was given."""
        return self.sampler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there with the next ``iter()``, also with another number of ranks."""
        self.sampler.load_state_dict(state)
