"""Schedules of sparsity: how much is removed before each epoch of fine-tuning.

s the final sparsity, e the epoch (from 0), E the epochs of fine-tuning. Every schedule has reached
s before the last epoch, so that something is always trained after the last cut.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

from steepest.errors import UsageError


class Schedule(Protocol):
    """A function of progress."""

    def at(self, final: float, epoch: int, epochs: int) -> float:
        """Return the sparsity before `epoch`."""
        ...


@dataclass(frozen=True)
class OneShot:
    """All at once, before the first epoch (Li et al. 2017)."""

    def at(self, final: float, epoch: int, epochs: int) -> float:  # noqa: ARG002 - no progress
        """Return the final sparsity."""
        return final


@dataclass(frozen=True)
class Iterative:
    """In `steps` rounds of cutting and training, each removing the same fraction of what is left.

    After round k of K: 1 - (1 - s)^(k/K) (Han et al. 2015; Frankle & Carbin 2019).
    """

    steps: int = 5

    def __post_init__(self) -> None:
        _check_whole("steps", self.steps)

    def at(self, final: float, epoch: int, epochs: int) -> float:
        """Return the sparsity of the round that `epoch` belongs to."""
        rounds = min(self.steps, max(epochs, 1))
        done = min(epoch * rounds // max(epochs, 1) + 1, rounds)
        return final if done == rounds else 1.0 - (1.0 - final) ** (done / rounds)


@dataclass(frozen=True)
class Cubic:
    """Gradually, fast at first: s (1 - (1 - t)³) (Zhu & Gupta 2017, equation 1, from 0).

    t is the progress through the first `until` of all epochs. Deviates: the paper cuts every few
    hundred steps, this at epochs.
    """

    until: float = 0.6

    def __post_init__(self) -> None:
        if not 0.0 < self.until <= 1.0:
            raise UsageError(f"until must lie in (0, 1], not {self.until!r}")

    def at(self, final: float, epoch: int, epochs: int) -> float:
        """Return the sparsity before `epoch`; the first cut is before the first epoch."""
        cuts = max(1, math.floor(self.until * epochs + 1e-9))
        t = min(1.0, (epoch + 1) / cuts)
        return final if t == 1.0 else final * (1.0 - (1.0 - t) ** 3)


def _check_whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{name} must be a whole number of at least 1, not {value!r}")


PRUNING_SCHEDULES: dict[str, Any] = {
    "one_shot": OneShot,
    "iterative": Iterative,
    "cubic": Cubic,
}
