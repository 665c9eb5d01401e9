"""What an arm's final runs gave, and how its tuned cell is called."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from steepest.stats.compare import over_tunings
from steepest.stats.curve import Tolerance
from steepest.stats.interval import Interval
from steepest.stats.target import Median, Reached
from steepest.study.factorial import label_of
from steepest.study.protocol import Choice
from steepest.study.record import Record
from steepest.study.space import Values

Rows = list[dict[str, Any]]


class Judged(Protocol):
    """What a verdict needs of an arm: scores, tunings and divergence of its final runs, (n,)."""

    @property
    def name(self) -> str:
        """The arm's name."""
        ...

    @property
    def scores(self) -> np.ndarray:
        """Test scores in the order of tunings and seeds, the same for every arm."""
        ...

    @property
    def tunings(self) -> np.ndarray:
        """The tuning each run belongs to."""
        ...

    @property
    def diverged(self) -> np.ndarray:
        """Which runs diverged."""
        ...


@dataclass(frozen=True, eq=False)
class ArmResult:
    """What an arm's final runs gave, in the order of seeds."""

    name: str
    choices: tuple[Choice, ...]  # one a tuning
    seeds: tuple[int, ...]
    tunings: np.ndarray  # of each final run (n,)
    scores: np.ndarray  # test scores (n,); a diverged run keeps its last finite score
    diverged: np.ndarray  # (n,)
    records: tuple[Record, ...]
    curves: tuple[Rows, ...]
    interval: Interval
    arrivals: Reached | None  # epochs to the target
    median: Median | None
    tolerance: Tolerance | None
    tests: tuple[dict[str, Any], ...] = ()  # all metrics of the test set, one dict a run

    @property
    def label(self) -> str:
        """The arm with its tuned hyper-parameters, where one tuning chose them."""
        if len(self.choices) != 1 or not self.choices[0].values:
            return self.name
        return f"{self.name} ({value_text(self.choices[0].values)})"


def units(arms: Sequence[Judged], tunings: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (scores, divergence) by arm, (n,): of seeds with one tuning, of tunings with several.

    A tuning has diverged where any of its runs did.
    """
    if tunings > 1:
        scores = {a.name: by_tuning(a.scores, a.tunings) for a in arms}
        return scores, {a.name: lost_tunings(a) for a in arms}
    return {a.name: a.scores for a in arms}, {a.name: a.diverged for a in arms}


def lost_tunings(arm: Judged) -> Any:
    """Return which tunings have diverged: those of which any run did."""
    return by_tuning(arm.diverged.astype(float), arm.tunings) > 0


def by_tuning(values: np.ndarray, tunings: np.ndarray) -> np.ndarray:
    """Return the mean of each tuning's values: the unit of a claim about arms."""
    groups = [values[tunings == k] for k in np.unique(tunings)]
    return np.concatenate([over_tunings(g[None]) for g in groups])


def value_text(values: Values) -> str:
    """Return trial values as short text, "lr 0.01"."""
    return ", ".join(f"{n.partition('.')[2] or n} {label_of(n, v)}" for n, v in values)
