"""What a search proposes and what it is told: the values of trials, their length, their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from steepest.spec import RunSpec
from steepest.study.space import Range, Values


@dataclass(frozen=True)
class Proposal:
    """A trial to be run; `length` is None where it is trained in full."""

    values: Values
    length: int | None = None  # epochs, or updates where runs are measured in them


@dataclass(frozen=True)
class Told:
    """What came of a proposal."""

    values: Values
    score: float | None  # higher is better; -inf: diverged; None: the run failed
    length: int | None = None


@dataclass(frozen=True)
class Rung:
    """Trials of one length."""

    count: int
    length: int  # epochs, or updates where runs are measured in them


class Search(Protocol):
    """How the trials of an arm are chosen: a function of what is known, remembering nothing."""

    @property
    def adapts(self) -> bool:
        """Tell whether later trials depend on the scores of earlier ones."""
        ...

    def rungs(self, space: Sequence[Range], trials: int, length: int) -> tuple[Rung, ...]:
        """Return how many trials of which length a budget of full trainings buys.

        Raises UsageError where the budget does not suit the search.
        """
        ...

    def ask(
        self, space: Sequence[Range], budget: Rung, told: Sequence[Told], tuning: int
    ) -> list[Proposal]:
        """Return the next trials, [] when the budget is spent.

        `budget` is a number of trainings and their full length; `told` holds all earlier proposals
        of this tuning in their order.
        """
        ...


def length_of(spec: RunSpec) -> int:
    """Return how long a run trains, in the unit in which it says so."""
    return spec.epochs if spec.updates is None else spec.updates


def of_length(spec: RunSpec, length: int) -> RunSpec:
    """Return the run with another length, in the unit in which it says its own."""
    if spec.updates is None:
        return replace(spec, epochs=length)
    return replace(spec, updates=length)
