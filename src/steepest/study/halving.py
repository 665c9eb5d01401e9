"""Successive halving (Jamieson & Talwalkar 2016): many short trainings, the best go on to longer.

Each rung is a run of its own from the first epoch on, so that a schedule suits its length; nothing
is resumed, and all rungs together are as long as the same number of full trials.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from steepest.errors import UsageError
from steepest.study.drawing import scatter
from steepest.study.proposal import Proposal, Rung, Told
from steepest.study.space import Range
from steepest.study.tpe import most


@dataclass(frozen=True)
class Halving:
    """A rung is `eta` times as long as the one before; the shortest is `least` of the whole."""

    eta: float = 3.0
    least: float = 0.25  # no rung is a smaller part of a full training

    adapts = True

    def __post_init__(self) -> None:
        if not 1 < self.eta < 100:
            raise UsageError(f"halving: eta must lie between 1 and 100, not {self.eta!r}")
        if not 0 < self.least < 1:
            raise UsageError(f"halving: least must lie between 0 and 1, not {self.least!r}")

    def lengths(self, full: int) -> list[int]:
        """Return the lengths of the rungs, shortest first.

        >>> Halving().lengths(20), Halving(least=0.1).lengths(20)
        ([7, 20], [2, 7, 20])
        """
        found = [full]
        while (shorter := round(full / self.eta ** len(found))) >= max(1, self.least * full):
            if shorter >= found[0]:
                break
            found.insert(0, shorter)
        return found

    def rungs(self, space: Sequence[Range], trials: int, length: int) -> tuple[Rung, ...]:
        """Return the rungs that together come closest to `trials` full trainings."""
        lengths, budget = self.lengths(length), trials * length
        if len(lengths) < 2:
            raise UsageError(
                f"search 'halving': with eta = {self.eta:g} and least = {self.least:g}, trainings "
                f"of length {length} leave no shorter rung"
            )
        size, counts = most(space, budget), self._counts(1, lengths)
        if cost(counts, lengths) > budget:
            raise UsageError(
                f"search 'halving': {trials} trials of length {length} do not pay for rungs of "
                f"{' and '.join(map(str, lengths))}"
            )
        while counts[0] < size:
            larger = self._counts(counts[0] + 1, lengths)
            if cost(larger, lengths) > budget:
                break
            counts = larger
        rest = (budget - cost(counts, lengths)) // lengths[0]
        counts[0] = min(counts[0] + rest, size)
        return tuple(Rung(n, e) for n, e in zip(counts, lengths, strict=True))

    def _counts(self, first: int, lengths: Sequence[int]) -> list[int]:
        return [max(1, int(first / self.eta**k)) for k in range(len(lengths))]

    def ask(
        self, space: Sequence[Range], budget: Rung, told: Sequence[Told], tuning: int
    ) -> list[Proposal]:
        """Return the next rung: at first points at random, then the best of the rung before."""
        rungs = self.rungs(space, budget.count, budget.length)
        if not told:
            values = scatter(space, rungs[0].count, tuning)
            return [Proposal(v, rungs[0].length) for v in values]
        for before, after in pairwise(rungs):  # a rung may be smaller than planned: few values
            if told[-1].length == before.length:
                mine = [t for t in told if t.length == before.length]
                rung = sorted(mine, key=_worth, reverse=True)
                return [Proposal(t.values, after.length) for t in rung[: after.count]]
        return []


def cost(counts: Sequence[int], lengths: Sequence[int]) -> int:
    """Return the length of some rungs together."""
    return sum(n * e for n, e in zip(counts, lengths, strict=True))


def _worth(told: Told) -> tuple[bool, float]:
    return told.score is not None, told.score if told.score is not None else 0.0
