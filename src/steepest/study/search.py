"""The searches by which an arm's trials are found, in one table; every arm has the same budget."""

from collections.abc import Sequence
from dataclasses import dataclass

from steepest.part import build, parse
from steepest.study.drawing import grid, scatter
from steepest.study.halving import Halving
from steepest.study.proposal import Proposal, Rung, Search, Told
from steepest.study.space import Range, Values, draw, sobol
from steepest.study.tpe import Tpe, most


@dataclass(frozen=True)
class Auto:
    """A grid for one range, a Sobol sequence for several."""

    adapts = False

    def rungs(self, space: Sequence[Range], trials: int, length: int) -> tuple[Rung, ...]:
        """Return the trials, all of full length."""
        return (Rung(len(draw(space, trials, 0)), length),)

    def ask(
        self, space: Sequence[Range], budget: Rung, told: Sequence[Told], tuning: int
    ) -> list[Proposal]:
        """Return all trials at once."""
        return [] if told else _full(draw(space, budget.count, tuning))


@dataclass(frozen=True)
class Grid:
    """All combinations of evenly spaced values, as many as the budget allows."""

    adapts = False

    def rungs(self, space: Sequence[Range], trials: int, length: int) -> tuple[Rung, ...]:
        """Return the combinations; the rest of the budget is not spent."""
        return (Rung(len(grid(space, trials)), length),)

    def ask(
        self,
        space: Sequence[Range],
        budget: Rung,
        told: Sequence[Told],
        tuning: int,  # noqa: ARG002 - a search takes all
    ) -> list[Proposal]:
        """Return all trials at once."""
        return [] if told else _full(grid(space, budget.count))


@dataclass(frozen=True)
class Random:
    """Different points at random, each range by its scale (Bergstra & Bengio 2012)."""

    adapts = False

    def rungs(self, space: Sequence[Range], trials: int, length: int) -> tuple[Rung, ...]:
        """Return the trials, all of full length."""
        return (Rung(most(space, trials), length),)

    def ask(
        self, space: Sequence[Range], budget: Rung, told: Sequence[Told], tuning: int
    ) -> list[Proposal]:
        """Return all trials at once."""
        return [] if told else _full(scatter(space, budget.count, tuning))


@dataclass(frozen=True)
class Sobol:
    """A scrambled Sobol sequence, also for one range; its length is a power of two."""

    adapts = False

    def rungs(self, space: Sequence[Range], trials: int, length: int) -> tuple[Rung, ...]:
        """Return the trials, all of full length."""
        return (Rung(len(sobol(space, trials, 0)), length),)

    def ask(
        self, space: Sequence[Range], budget: Rung, told: Sequence[Told], tuning: int
    ) -> list[Proposal]:
        """Return all trials at once."""
        return [] if told else _full(sobol(space, budget.count, tuning))


def _full(trials: Sequence[Values]) -> list[Proposal]:
    return [Proposal(values) for values in trials]


SEARCHES: dict[str, type[Search]] = {
    "auto": Auto,
    "grid": Grid,
    "random": Random,
    "sobol": Sobol,
    "tpe": Tpe,
    "halving": Halving,
}


def search_text(text: object) -> str:
    """Return a search as it is stored, its default options left out; UsageError for no search.

    >>> search_text("halving(least=0.1, eta=3)")
    'halving(least=0.1)'
    """
    part = parse("search", text, SEARCHES)
    build("search", part, SEARCHES)
    return str(part)


def search_of(text: str) -> Search:
    """Return the search that a text names."""
    found: Search = build("search", parse("search", text, SEARCHES), SEARCHES)
    return found
