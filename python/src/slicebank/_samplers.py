"""In which order: samplers for DataLoader, for our Loader, or for a loop.

Each is a function of (selection, seed, epoch) alone. The global order is the same for any
number of ranks; a rank gives every ``world_size``-th draw of it (or, with ``rank_block``, every
``world_size``-th block). States are one line of text below 200 bytes, and going on from one
takes the same time anywhere in the epoch, also with another number of ranks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy

from slicebank import _native
from slicebank._errors import BadArgument

if TYPE_CHECKING:
    from slicebank._dataset import Dataset
    from slicebank._selection import Selection

    Items: TypeAlias = Sized | int

_AT_ONCE = 256


class Draw(int):
    """A place in the selection that knows which draw of which epoch it is.

    It is an int to everybody else; Dataset seeds its augmentation with it, so that the same
    draw looks the same for any number of workers and ranks, and a repeated one does not.
    """

    epoch: int
    position: int

    def __new__(cls, place: int, epoch: int, position: int) -> Draw:
        self = super().__new__(cls, place)
        self.epoch = epoch
        self.position = position
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (Draw, (int(self), self.epoch, self.position))


class Sampler:
    """What all samplers share. ``iter()`` gives this rank's draws of an epoch, ``len()`` their
    number.

    An ``iter()`` that has been taken to its end makes the next one begin the next epoch;
    ``set_epoch`` says which, as torch's DistributedSampler has it.
    """

    _draws: _native.Draws

    def __init__(self, size: int, rank: int, world_size: int, rank_block: int) -> None:
        self.size = size
        self.rank = rank
        self.world_size = world_size
        self.rank_block = rank_block
        self._resumed = False
        self._finished = False
        self._draws = self._make()

    def _make(self) -> _native.Draws:
        raise NotImplementedError

    def _fresh(self) -> _native.Draws:
        """Draws of their own, at the same place as ours."""
        draws = self._make()
        draws.resume(self._draws.state())
        return draws

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state["_draws"] = self._draws.state()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._draws = self._make()
        self._draws.resume(state["_draws"])

    @property
    def epoch(self) -> int:
        return self._draws.epoch

    def __len__(self) -> int:
        """Draws of this rank in the epoch; after going on from a state, of what was left."""
        return len(self._draws)

    def set_epoch(self, epoch: int) -> None:
        """Begins this epoch with the next ``iter()``; unless it is the one a state goes on in."""
        if self._resumed and epoch == self.epoch:
            return
        self._draws.set_epoch(epoch)
        self._resumed = False
        self._finished = False

    def _begin(self) -> None:
        if self._finished:
            self._draws.set_epoch(self.epoch + 1)
        elif not self._resumed:
            self._draws.set_epoch(self.epoch)
        self._finished = False
        self._resumed = False

    def __iter__(self) -> Iterator[int]:
        self._begin()
        draws = self._draws
        epoch = draws.epoch
        start = draws.drawn
        given = 0
        while True:
            # Taken together, and put back: the state must tell what was given.
            pairs = draws.next_batch(_AT_ONCE)
            if not pairs:
                break
            for place, position in pairs:
                given += 1
                draws.seek(start + given)
                yield Draw(place, epoch, position)
                if draws.epoch != epoch or draws.drawn != start + given:
                    return  # somebody began anew: this one is over
        self._finished = True

    def state_dict(self, drawn: int | None = None) -> dict[str, Any]:
        """Where it stands, for a checkpoint.

        Args:
            drawn: how many draws of this rank the training has used in this epoch (since it began or went
                on). Give it under DataLoader, which draws ahead; None: all that were given.
        """
        draws = self._fresh()
        if drawn is not None:
            draws.seek(drawn)
        return {"state": draws.state(), "finished": self._finished and drawn is None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there with the next ``iter()``; rank and world size may be others.

        Raises BadArgument for the state of another order.
        """
        self._draws.resume(state["state"])
        self._finished = bool(state.get("finished", False))
        self._resumed = True


class SequentialSampler(Sampler):
    """Every sample once, in the selection's order."""

    def __init__(
        self, data: Items, *, rank: int = 0, world_size: int = 1, rank_block: int = 1
    ) -> None:
        super().__init__(_size(data), rank, world_size, rank_block)

    def _make(self) -> _native.Draws:
        return _native.sequential_draws(self.size, self.rank, self.world_size, self.rank_block)


class PermutationSampler(Sampler):
    """Every sample once an epoch, shuffled by (seed, epoch). Needs no memory."""

    def __init__(
        self,
        data: Items,
        seed: int = 0,
        *,
        rank: int = 0,
        world_size: int = 1,
        rank_block: int = 1,
    ) -> None:
        self.seed = seed
        super().__init__(_size(data), rank, world_size, rank_block)

    def _make(self) -> _native.Draws:
        return _native.permutation_draws(
            self.size, self.seed, self.rank, self.world_size, self.rank_block
        )


class WeightedSampler(Sampler):
    """Draws with replacement, each by weight; any number of items.

    Args:
        weights: one an item, from 0 up; need not sum to 1.
        draws: an epoch; 0: as many as items.
    """

    def __init__(
        self,
        weights: Sequence[float] | numpy.typing.NDArray[Any],
        seed: int = 0,
        *,
        draws: int = 0,
        rank: int = 0,
        world_size: int = 1,
        rank_block: int = 1,
    ) -> None:
        self.weights = numpy.asarray(weights, numpy.float64)
        self.seed = seed
        self.draws = draws
        super().__init__(len(self.weights), rank, world_size, rank_block)

    def _make(self) -> _native.Draws:
        return _native.weighted_draws(
            self.weights,
            self.seed,
            self.draws,
            self.rank,
            self.world_size,
            self.rank_block,
        )


class BalancedSampler(WeightedSampler):
    """Draws so that rare classes, datasets or modalities come as often as you like.

    Args:
        selection: what to draw from.
        by: class, dataset or modality.
        temperature: a label is drawn with a share of count ** (1 / temperature): 1 leaves things as they
            are, infinity draws all labels alike.
    """

    def __init__(
        self,
        selection: Selection | Dataset,
        by: str = "class",
        seed: int = 0,
        *,
        temperature: float = float("inf"),
        draws: int = 0,
        rank: int = 0,
        world_size: int = 1,
        rank_block: int = 1,
    ) -> None:
        self.by = by
        weights = _native.weights_by(_selection_of(selection)._native, by, temperature)
        super().__init__(
            weights, seed, draws=draws, rank=rank, world_size=world_size, rank_block=rank_block
        )


class RepeatFactorSampler(Sampler):
    """LVIS's repeat-factor sampling: a sample with a rare class comes several times an epoch.

    Args:
        by: class, dataset or modality.
        threshold: labels rarer than this fraction of the samples are repeated.
    """

    def __init__(
        self,
        selection: Selection | Dataset,
        by: str = "class",
        seed: int = 0,
        *,
        threshold: float = 0.001,
        rank: int = 0,
        world_size: int = 1,
        rank_block: int = 1,
    ) -> None:
        chosen = _selection_of(selection)
        self.factors = numpy.asarray(_native.factors_by(chosen._native, by, threshold))
        self.seed = seed
        super().__init__(len(chosen), rank, world_size, rank_block)

    def _make(self) -> _native.Draws:
        return _native.repeat_draws(
            self.factors, self.seed, self.rank, self.world_size, self.rank_block
        )


class ForegroundSampler(Sampler):
    """nnU-Net's: the last ``fraction`` of each batch are samples with a mask of ``classes``.

    Args:
        classes: none: any mask counts.
        batch_size: of the loader; also the default of ``rank_block``, so that batches stay whole.
    """

    def __init__(
        self,
        selection: Selection | Dataset,
        classes: Sequence[str] = (),
        seed: int = 0,
        *,
        batch_size: int = 2,
        fraction: float = 0.33,
        rank: int = 0,
        world_size: int = 1,
        rank_block: int | None = None,
    ) -> None:
        chosen = _selection_of(selection)
        family: set[int] = set()
        for name in classes:
            family |= chosen.bank._class_family(name)
        self.foreground = _native.foreground_places(chosen._native, sorted(family))
        self.batch_size = batch_size
        self.fraction = fraction
        self.seed = seed
        super().__init__(len(chosen), rank, world_size, rank_block or batch_size)

    def _make(self) -> _native.Draws:
        return _native.foreground_draws(
            self.size,
            self.foreground,
            self.batch_size,
            self.fraction,
            self.seed,
            self.rank,
            self.world_size,
            self.rank_block,
        )


def _selection_of(data: Selection | Dataset) -> Selection:
    from slicebank._dataset import Dataset

    return data.selection if isinstance(data, Dataset) else data


def _size(data: Items) -> int:
    if isinstance(data, int):
        if data < 0:
            raise BadArgument(f"{data} items", "", "bad_argument")
        return data
    return len(data)
