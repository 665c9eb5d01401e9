"""What the factors of a study do: effects, interactions and means of levels from its final runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from steepest.stats.factorial import (
    Effect,
    Interaction,
    Scale,
    Table,
    interactions,
    level_means,
    main_effects,
)
from steepest.stats.interval import Interval
from steepest.stats.resample import Basis
from steepest.study.design import Study
from steepest.study.outcome import Judged, units


@dataclass(frozen=True)
class LevelMeans:
    """Mean scores at the levels of two factors, averaged over the other factors."""

    factor: str  # along the axis
    other: str  # a line each
    cells: tuple[tuple[str, str, Interval], ...]  # (level of `factor`, level of `other`, mean)


@dataclass(frozen=True)
class Factorial:
    """All that a factorial study says of its factors."""

    factors: tuple[tuple[str, tuple[str, ...]], ...]  # (name, levels), the base first
    effects: tuple[Effect, ...]
    interactions: tuple[Interaction, ...]
    means: tuple[LevelMeans, ...]  # of every ordered pair of factors that were crossed


def factorial(study: Study, arms: Sequence[Judged], basis: Basis | None = None) -> Factorial | None:
    """Return what the arms with levels say of the factors; None where fewer than two finished."""
    levels = {a.name: tuple(label for _, label in a.levels) for a in study.arms if a.levels}
    mine = [a for a in arms if a.name in levels]
    if len(mine) < 2:
        return None
    scores, lost = units(mine, study.rounds)
    table = Table(
        factors_of(study),
        {levels[name]: values for name, values in scores.items()},
        {levels[name]: values for name, values in lost.items()},
    )
    scale = Scale(study.margin, study.lower_is_better, basis or Basis())
    crossed = interactions(table, scale)
    return Factorial(
        table.factors, tuple(main_effects(table, scale)), tuple(crossed),
        _means(table, crossed, scale.basis),
    )  # fmt: skip


def factors_of(study: Study) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (factor, levels) of a study in the order of its arms: the first arm's are the base."""
    arms = [dict(a.levels) for a in study.arms if a.levels]
    names = list(arms[0]) if arms else []
    return tuple((name, tuple(dict.fromkeys(arm[name] for arm in arms))) for name in names)


def _means(table: Table, crossed: Sequence[Interaction], basis: Basis) -> tuple[LevelMeans, ...]:
    pairs = {(x.factor, x.with_factor) for x in crossed}
    found = []
    for (i, (a, _)), (j, (b, _)) in permutations(enumerate(table.factors), 2):
        if (a, b) in pairs or (b, a) in pairs:
            cells = level_means(table, i, j, basis)
            found.append(LevelMeans(a, b, tuple((*pair, mean) for pair, mean in cells.items())))
    return tuple(found)
