"""Comparing arms: one family of paired differences, one word for each.

Every comparison of the family gets a paired Student t interval at level 1 − alpha / m
(Bonferroni), and the word is read off the interval. So with confidence `level` *all* intervals
hold their true difference at once, and with them every word, every direction and every
"equivalent".

Holm's (1979) step-down finds a little more, but intervals that agree with it end at 0 for whatever
it rejects (Strassburger & Bretz 2008; Guilbaud 2008): they cannot say how much better; and its
error rate covers neither the direction of a claim nor an "equivalent".

Scores are paired: index i of every arm is the same seed, or the same tuning (`over_tunings`).
Accuracies are counts, and few differences of counts are easily equal by chance, so their spread is
never believed to be less than that of counting: by the size of the test set where it is known
(`Basis.grain`), else by the step that the scores themselves show.

A diverged run keeps its last finite score but loses its pair: where that score would beat the
partner's, the difference counts as 0. An arm with diverged runs is called better only if it wins
more than half of all pairs, and two arms are equivalent only if no pair was lost by divergence; an
interval that would say otherwise is widened until it does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.errors import UsageError, unknown
from steepest.stats import advice, power
from steepest.stats.interval import Array, counting_spread, finite, proportion, student_t
from steepest.stats.resample import Basis
from steepest.stats.sequential import Ahead
from steepest.stats.verdict import Verdict, Word


@dataclass(frozen=True)
class Family:
    """What all comparisons of one family share."""

    sign: float  # 1 where higher scores are better, else −1
    margin: float
    level: float
    family: int
    least: float  # standard deviation that any differences have, by counting
    wide: float = 1.0  # standard errors against those of independent pairs
    method: str = "paired Student t"
    ahead: Ahead | None = None  # later looks, each at a level of its own

    @property
    def alpha(self) -> float:
        """The share of the error that one comparison may spend."""
        return (1 - self.level) / self.family


@dataclass(frozen=True)
class Pairs:
    """Gains of a over b, positive where a is better, and who lost by diverging, all (n, K).

    n seeds or tunings, and K pairs in each whose mean is judged: 1, or the combinations of other
    factors.
    """

    gain: Array
    lost_a: NDArray[np.bool_]
    lost_b: NDArray[np.bool_]

    @property
    def superiority(self) -> float:
        """P(a beats b), ties half, a diverged run loses."""
        wins = np.where(self.lost_a | self.lost_b, 0.0, np.sign(self.gain))
        wins = wins - (self.lost_a & ~self.lost_b) + (self.lost_b & ~self.lost_a)
        return float((wins.mean() + 1) / 2)


@dataclass(frozen=True)
class _Finding:
    """A word with its interval and p, seen from a: positive is better."""

    word: Word
    low: float
    high: float
    p: float


def compare_arms(
    scores: Mapping[str, ArrayLike],
    *,
    reference: str | None = None,
    diverged: Mapping[str, ArrayLike] | None = None,
    margin: float = 0.005,
    level: float | Basis = 0.95,
    lower_is_better: bool = False,
) -> list[Verdict]:
    """Return the verdicts of a family: all arms against `reference`, or all pairs without one.

    `scores` maps each arm to its (n,) paired scores, `diverged` arms to (n,) booleans. `margin` is
    the difference that does not matter, in the unit of the scores. `level` is the confidence, or a
    `Basis` that also says how the pairs depend on each other.

    Raises:
        UsageError: fewer than two arms, an unknown arm, unequal lengths, or a score not finite.

    >>> found = compare_arms({"adam": [0.93, 0.94, 0.92, 0.93], "sgd": [0.90, 0.91, 0.90, 0.90]})
    >>> found[0].a, found[0].word, found[0].b, f"{found[0].low:.3f} to {found[0].high:.3f}"
    ('adam', 'better', 'sgd', '0.020 to 0.035')
    """
    table = _table(scores)
    lost = _masks(diverged or {}, table)
    if margin < 0:
        raise UsageError(f"margin is {margin}; it is the difference that does not matter, ≥ 0")
    if reference is None:
        pairs = list(combinations(table, 2))
    elif reference in table:
        pairs = [(arm, reference) for arm in table if arm != reference]
    else:
        raise unknown("arm", reference, table)
    sign = -1.0 if lower_is_better else 1.0
    basis = level if isinstance(level, Basis) else Basis(proportion(level, "level"))
    least = counting_spread(np.stack(list(table.values())), basis.grain)
    wide = basis.widening(len(next(iter(table.values()))))
    rule = Family(sign, margin, basis.level, len(pairs), least, wide, basis.method, basis.ahead)
    return [verdict_of((a, b), pairs_of(table, lost, [(a, b)], sign), rule) for a, b in pairs]


def over_tunings(scores: ArrayLike) -> Array:
    """Return one score per tuning, (K,): the means over the fresh seeds of `scores` (K, S).

    The luck of a tuning is shared by all its seeds, so for a claim about arms the tuning is the
    unit, not the seed. A diverged run enters with its last finite score.

    >>> over_tunings([[0.90, 0.92], [0.94, 0.96]]).round(2).tolist()
    [0.91, 0.95]
    """
    array = finite(scores, "over_tunings")
    if array.ndim != 2:
        raise UsageError(f"over_tunings takes (tunings, seeds), not shape {array.shape}")
    return np.asarray(array.mean(axis=1))


def paired_p(gain: Array, least: float = 0.0, wide: float = 1.0) -> Array:
    """Return the two-sided p values (M,) of paired t tests on `gain` (n, M), unadjusted.

    `least` bounds the standard deviation from below; standard errors are `wide` times those of
    independent pairs. p is 1 for a single pair; equal gains without
    such a bound give 0, or 1 where they are all 0.
    """
    from scipy.special import stdtr

    n = len(gain)
    if n < 2:
        return np.ones(gain.shape[1])
    same = (gain == gain[0]).all(axis=0) & (least == 0)
    spread = np.maximum(gain.std(axis=0, ddof=1), least)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = gain.mean(axis=0) / (spread / np.sqrt(n) * wide)
    p = 2 * stdtr(n - 1, -np.abs(t))
    return np.where(same, np.where(gain[0] == 0, 1.0, 0.0), p)


def verdict_of(names: tuple[str, str], pairs: Pairs, rule: Family) -> Verdict:
    """Return the verdict of one comparison of a family."""
    gain = pairs.gain.mean(axis=1)
    found = _guard(_find(gain, rule), pairs, rule)
    n = len(gain)
    spread = max(float(gain.std(ddof=1)), rule.least) if n > 1 else float("inf")
    spread *= rule.wide
    delta = float(gain.mean())
    low, high = (found.low, found.high) if rule.sign > 0 else (-found.high, -found.low)
    return Verdict(
        a=names[0],
        b=names[1],
        word=found.word,
        delta=rule.sign * delta + 0.0,
        low=low + 0.0,
        high=high + 0.0,
        n=n,
        p=found.p,
        superiority=pairs.superiority,
        detectable=power.detectable(spread, n, rule.alpha),
        more_seeds=_more(found, delta, spread, n, rule),
        level=rule.level,
        margin=rule.margin,
        family=rule.family,
        small=_inside(found.low, found.high, rule.margin),
        diverged_a=int(pairs.lost_a.any(axis=1).sum()),
        diverged_b=int(pairs.lost_b.any(axis=1).sum()),
        method=f"{rule.method}, simultaneous over {rule.family} (Bonferroni)",
    )


def _find(gain: Array, rule: Family) -> _Finding:
    """Return the interval of the mean gain, its adjusted p, and the word they amount to."""
    ends = student_t(gain[:, None], 1 - rule.alpha, rule.least, rule.wide)
    low, high = float(ends[0][0]), float(ends[1][0])
    p = min(1.0, rule.family * float(paired_p(gain[:, None], rule.least, rule.wide)[0]))
    return _Finding(_word(low, high, rule.margin), low, high, p)


def _word(low: float, high: float, margin: float) -> Word:
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "equivalent" if _inside(low, high, margin) else "not distinguishable"


def _inside(low: float, high: float, margin: float) -> bool:
    return -margin < low and high < margin


def _guard(found: _Finding, pairs: Pairs, rule: Family) -> _Finding:
    """Widen an interval that claims more for an arm with diverged runs than its pairs do."""
    low, high, p = found.low, found.high, found.p
    if found.word == "better" and pairs.lost_a.any() and pairs.superiority <= 0.5:
        low, p = 0.0, 1.0
    if found.word == "worse" and pairs.lost_b.any() and pairs.superiority >= 0.5:
        high, p = 0.0, 1.0
    if _word(low, high, rule.margin) == "equivalent":
        low = min(low, -rule.margin) if (pairs.lost_a & ~pairs.lost_b).any() else low
        high = max(high, rule.margin) if (pairs.lost_b & ~pairs.lost_a).any() else high
    return _Finding(_word(low, high, rule.margin), low, high, p)


def _more(found: _Finding, delta: float, spread: float, n: int, rule: Family) -> int | None:
    """Return how many further pairs would decide; folds of the same data are no such pairs."""
    if found.word != "not distinguishable" or n < 2 or spread == 0 or rule.wide != 1:
        return None
    if rule.ahead is not None:
        return advice.pairs_ahead(delta, spread, n, rule.margin, rule.ahead)
    return advice.pairs(delta, spread, n, rule.margin, rule.alpha)


def pairs_of(
    table: Mapping[Any, Array],
    lost: Mapping[Any, NDArray[np.bool_]],
    names: Sequence[tuple[Any, Any]],
    sign: float,
) -> Pairs:
    """Return the gains of each first name over its second; a diverged run wins no pair."""
    lost_a = np.stack([lost[a] for a, _ in names], axis=1)
    lost_b = np.stack([lost[b] for _, b in names], axis=1)
    gain = np.stack([sign * (table[a] - table[b]) + 0.0 for a, b in names], axis=1)
    gain = np.where(lost_a, np.minimum(gain, 0), gain)
    gain = np.where(lost_b, np.maximum(gain, 0), gain)
    return Pairs(gain, lost_a, lost_b)


def _table(scores: Mapping[str, ArrayLike]) -> dict[str, Array]:
    if len(scores) < 2:
        raise UsageError(f"a comparison needs two arms; given: {', '.join(scores) or 'none'}")
    table = {arm: finite(values, f"scores of arm '{arm}'") for arm, values in scores.items()}
    shapes = {arm: values.shape for arm, values in table.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        said = ", ".join(f"{arm} {shape}" for arm, shape in shapes.items())
        raise UsageError(f"arms are compared in pairs and need equal lengths (n,): {said}")
    return table


def _masks(
    diverged: Mapping[str, ArrayLike], table: dict[str, Array]
) -> dict[str, NDArray[np.bool_]]:
    masks = {arm: np.zeros(len(values), dtype=np.bool_) for arm, values in table.items()}
    for arm, mask in diverged.items():
        if arm not in masks:
            raise unknown("arm", arm, table)
        array = np.asarray(mask, dtype=np.bool_)
        if array.shape != masks[arm].shape:
            raise UsageError(
                f"diverged runs of arm '{arm}' have shape {array.shape}, its scores "
                f"{masks[arm].shape}"
            )
        masks[arm] = array
    return masks
