"""From what a factorial study says of its factors to what its page and tables show."""

from typing import Any

from steepest.report.content import Effect, Interaction, LevelMean
from steepest.stats import factorial as stats
from steepest.stats.verdict import claim
from steepest.study.conclusion import Conclusion
from steepest.study.factorial import spoken


def factor_content(found: Conclusion) -> dict[str, Any]:
    """Return the fields of a page's content that are about factors; none without factors."""
    if found.factorial is None:
        return {}
    points = not found.study.lower_is_better
    return {
        "effects": tuple(_effect(e, points) for e in found.factorial.effects),
        "interactions": tuple(_interaction(x, points) for x in found.factorial.interactions),
        "level_means": tuple(
            LevelMean(m.factor, level, m.other, other, mean.mean, mean.low, mean.high, mean.n)
            for m in found.factorial.means
            for level, other, mean in m.cells
        ),
    }


def _effect(effect: stats.Effect, points: bool) -> Effect:
    v = effect.verdict
    level, base = spoken(effect.factor, effect.level), spoken(effect.factor, effect.base)
    said = claim(v, {v.a: level, v.b: base}, points)
    return Effect(
        level, base, effect.cells, v.word, f"{said}{_over(effect.cells)}.",
        v.delta, v.low, v.high, v.n,
    )  # fmt: skip


def _over(cells: int) -> str:
    return f", averaged over {cells} combinations of the other factors" if cells > 1 else ""


def _interaction(crossed: stats.Interaction, points: bool) -> Interaction:
    v = crossed.verdict
    return Interaction(
        spoken(crossed.factor, crossed.level), spoken(crossed.factor, crossed.base),
        spoken(crossed.with_factor, crossed.other), spoken(crossed.with_factor, crossed.other_base),
        crossed.cells, crossed.word, f"{stats.crossing(crossed, points)}.",
        v.delta, v.low, v.high, v.n,
    )  # fmt: skip
