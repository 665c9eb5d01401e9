"""Factorial experiments: what each factor does, and whether two factors change each other.

The effect of a level is its difference from the factor's first level, pair by pair (same seed, same
levels of all other factors), averaged over the combinations of the others that both have. Two
factors interact where that difference is itself different at another factor's level: a difference
of differences. Each family (all effects, all interactions) gets simultaneous paired t intervals as
arms do (`compare`), so a word and its interval agree. Nothing is assumed to be additive, and no
variance is pooled over cells: only the seeds speak.

Legend: n seeds or tunings, K combinations of the other factors.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from steepest.errors import UsageError
from steepest.stats.compare import Family, Pairs, pairs_of, verdict_of
from steepest.stats.interval import Array, Interval, counting_spread, mean_interval
from steepest.stats.resample import Basis
from steepest.stats.verdict import Verdict, amount

Cell = tuple[str, ...]  # one level of each factor, in their order
INTERACTION = {  # the word of an interaction, from that of the verdict on its difference
    "better": "stronger", "worse": "weaker", "equivalent": "additive",
    "not distinguishable": "not distinguishable",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """Paired scores of a factorial experiment, (n,) for each cell; cells may be missing."""

    factors: tuple[tuple[str, tuple[str, ...]], ...]  # (name, levels), the first is the base
    scores: Mapping[Cell, Array]
    diverged: Mapping[Cell, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {np.shape(values) for values in self.scores.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise UsageError("a factorial needs cells with equally many paired scores each")
        for cell in self.scores:
            if len(cell) != len(self.factors):
                raise UsageError(f"cell {cell} does not name a level of every factor")

    @property
    def lost(self) -> dict[Cell, NDArray[np.bool_]]:
        """Which runs diverged, for every cell."""
        none = np.zeros(len(next(iter(self.scores.values()))), dtype=np.bool_)
        return {cell: np.asarray(self.diverged.get(cell, none)) for cell in self.scores}


@dataclass(frozen=True)
class Scale:
    """How differences are judged, as in `compare_arms`."""

    margin: float = 0.005
    lower_is_better: bool = False
    basis: Basis = field(
        default_factory=Basis
    )  # the confidence, and how the pairs depend on each other

    @property
    def sign(self) -> float:
        """1 where higher scores are better, else −1."""
        return -1.0 if self.lower_is_better else 1.0

    def family(self, members: int, least: float, table: Table) -> Family:
        """Return what the `members` of a family of contrasts share."""
        n, basis = len(next(iter(table.scores.values()))), self.basis
        return Family(
            self.sign, self.margin, basis.level, members, least, basis.widening(n), basis.method
        )


@dataclass(frozen=True)
class Effect:
    """What a level of a factor does against the factor's first level."""

    factor: str
    level: str
    base: str
    cells: int  # combinations of the other factors it is averaged over
    verdict: Verdict


@dataclass(frozen=True)
class Interaction:
    """How much more `level` gains over `base` at the other factor's `other` than at its base."""

    factor: str
    level: str
    base: str
    with_factor: str
    other: str
    other_base: str
    cells: int  # combinations of the remaining factors it is averaged over
    verdict: Verdict  # of a − b: the gain at `other` against the gain at `other_base`

    @property
    def word(self) -> str:
        """Whether the gain is stronger or weaker there, additive within ±margin, or unknown."""
        return INTERACTION[self.verdict.word]


def main_effects(table: Table, scale: Scale | None = None) -> list[Effect]:
    """Return the effect of every level but the first of each factor, one family.

    Levels that share no combination of the others with the first level have no effect to tell.

    >>> cells = {("0", "a"): [1.0, 2.0], ("1", "a"): [2.0, 3.1],
    ...          ("0", "b"): [1.0, 2.0], ("1", "b"): [4.0, 4.9]}
    >>> table = Table((("x", ("0", "1")), ("y", ("a", "b"))), {k: np.array(v) for k, v in
    ...               cells.items()})
    >>> [(e.factor, e.level, round(e.verdict.delta, 3)) for e in main_effects(table)]
    [('x', '1', 2.0), ('y', 'b', 0.95)]
    """
    how = scale or Scale()
    found = [(i, level, _pairs(table, i, level)) for i, level in _levels(table)]
    known = [(i, level, pairs) for i, level, pairs in found if pairs]
    effects = []
    for i, level, pairs in known:
        name, levels = table.factors[i]
        spread = _least(table, how, 2 / len(pairs))
        rule = how.family(len(known), spread, table)
        gains = pairs_of(table.scores, table.lost, pairs, how.sign)
        verdict = verdict_of((f"{name} {level}", f"{name} {levels[0]}"), gains, rule)
        effects.append(Effect(name, level, levels[0], len(pairs), verdict))
    return effects


def interactions(table: Table, scale: Scale | None = None) -> list[Interaction]:
    """Return every two-way interaction against the first levels, one family.

    A diverged run enters with its last finite score. Where runs diverged at one level of the other
    factor and not at its base, nothing is called additive.
    """
    how = scale or Scale()
    known = [(place, fours) for place in _crossings(table) if (fours := _fours(table, *place))]
    found = []
    for (i, a, j, b), fours in known:
        (name, levels), (other, others) = table.factors[i], table.factors[j]
        rule = how.family(len(known), _least(table, how, 4 / len(fours)), table)
        names = f"{name} {a} at {other} {b}", f"{name} {a} at {other} {others[0]}"
        verdict = verdict_of(names, _gains(table, fours, how.sign), rule)
        found.append(Interaction(name, a, levels[0], other, b, others[0], len(fours), verdict))
    return found


def crossing(found: Interaction, points: bool = True) -> str:
    """Return what an interaction says, without its figures; the margin in points or as it is.

    >>> cells = {("0", "a"): [1.0, 2.0], ("1", "a"): [2.0, 3.1],
    ...          ("0", "b"): [1.0, 2.0], ("1", "b"): [4.0, 4.9]}
    >>> table = Table((("x", ("0", "1")), ("y", ("a", "b"))), {k: np.array(v) for k, v in
    ...               cells.items()})
    >>> crossing(interactions(table)[0])
    'x 1 gains more over x 0 at y b than at y a'
    """
    gain = f"{found.factor} {found.level} gains"
    over = f"over {found.factor} {found.base} at {found.with_factor} {found.other}"
    than = f"at {found.with_factor} {found.other_base}"
    return {
        "stronger": f"{gain} more {over} than {than}",
        "weaker": f"{gain} less {over} than {than}",
        "additive": f"{gain} as much {over} as {than}, "
        f"within ±{amount(found.verdict.margin, points, sign=False)}",
        "not distinguishable": f"the gains of {found.factor} {found.level} {over} and {than} are "
        "not distinguishable",
    }[found.word]


def level_means(
    table: Table, i: int, j: int, basis: Basis | None = None
) -> dict[tuple[str, str], Interval]:
    """Return the mean score, with its interval, at each pair of levels of factors i and j.

    Averaged over the combinations of the other factors that there are.
    """
    least = (basis or Basis()).least
    (_, rows), (_, columns) = table.factors[i], table.factors[j]
    found = {}
    for pair in product(rows, columns):
        mine = [s for cell, s in table.scores.items() if (cell[i], cell[j]) == pair]
        if mine:
            spread = least / math.sqrt(len(mine))
            found[pair] = mean_interval(np.mean(mine, axis=0), least=spread)
    return found


def _levels(table: Table) -> Iterator[tuple[int, str]]:
    for i, (_, levels) in enumerate(table.factors):
        yield from ((i, level) for level in levels[1:])


def _pairs(table: Table, i: int, level: str) -> list[tuple[Cell, Cell]]:
    """Return (cell at `level`, the same cell at the factor's first level) where both exist."""
    base = table.factors[i][1][0]
    mine = [cell for cell in table.scores if cell[i] == level]
    pairs = [(cell, _at(cell, i, base)) for cell in mine]
    return [(cell, first) for cell, first in pairs if first in table.scores]


def _crossings(table: Table) -> Iterator[tuple[int, str, int, str]]:
    for (i, a), (j, b) in combinations(_levels(table), 2):
        if i != j:
            yield i, a, j, b


def _fours(
    table: Table, i: int, a: str, j: int, b: str
) -> list[tuple[tuple[Cell, Cell], tuple[Cell, Cell]]]:
    """Return (pair of factor i at level b of j, the same pair at the first level of j)."""
    base = table.factors[j][1][0]
    pairs = _pairs(table, i, a)
    there = [(pair, (_at(pair[0], j, base), _at(pair[1], j, base))) for pair in pairs]
    return [(at, first) for at, first in there if at[0][j] == b and first in pairs]


def _gains(
    table: Table, fours: list[tuple[tuple[Cell, Cell], tuple[Cell, Cell]]], sign: float
) -> Pairs:
    """Return differences of differences (n, K)."""
    scores, lost = table.scores, table.lost
    gain, at_b, at_base = [], [], []
    for (high, low), (high_base, low_base) in fours:
        there, here = scores[high] - scores[low], scores[high_base] - scores[low_base]
        gain.append(sign * (there - here) + 0.0)
        at_b.append(lost[high] | lost[low])
        at_base.append(lost[high_base] | lost[low_base])
    return Pairs(np.stack(gain, 1), np.stack(at_b, 1), np.stack(at_base, 1))


def _at(cell: Cell, i: int, level: str) -> Cell:
    return (*cell[:i], level, *cell[i + 1 :])


def _least(table: Table, how: Scale, squares: float) -> float:
    """Return the least spread of a contrast of counts whose weights have this sum of squares."""
    scores = np.stack(list(table.scores.values()))
    return counting_spread(scores, how.basis.grain) * math.sqrt(squares / 2)
