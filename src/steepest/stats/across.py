"""Many problems at once: who leads, how sure, and whether so few problems can decide at all.

The unit of a claim about problems in general is the problem, not the seed: differences of a pair of
arms, one a problem, go through Wilcoxon's (1945) signed-rank test, and Holm (1979) corrects the
family (Demšar 2006). With P problems no outcome has a smaller p than 2^(1 − P); where that is not
enough, it is said. The interquartile mean is about these very problems: its interval resamples the
seeds within each (Agarwal et al. 2021).

Legend: P problems, S arms, n seeds (or tunings) of a problem, the same in every arm.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from steepest.errors import UsageError, unknown
from steepest.seeds import stream
from steepest.stats.interval import RESAMPLES, Array, Interval, finite, proportion

BLUR = 1e-12  # differences closer than this are ties: sums of the same scores in another order


@dataclass(frozen=True)
class Contest:
    """What P problems say of arm `a` against arm `b`."""

    a: str
    b: str
    problems: int
    wins: int  # problems on which a is ahead
    losses: int
    median: float  # difference a − b, in the metric's own unit
    p: float  # exact, two-sided, unadjusted
    adjusted: float  # by Holm over the family
    least: float  # the smallest adjusted p that this many problems can give
    word: str  # better, worse, not distinguishable
    level: float

    @property
    def is_decidable(self) -> bool:
        """Tell whether any outcome on so few problems could have decided."""
        return self.least <= 1 - self.level


def signed_rank(differences: ArrayLike) -> float:
    """Return the exact two-sided p of Wilcoxon's signed-rank test for (P,) differences.

    Zeros are left out (Wilcoxon 1945), ties share their mean rank; the null distribution is counted
    over all 2^P signs, so p is exact with ties too, where tables and approximations are not.

    >>> signed_rank([1.0, 2.0, 3.0]), signed_rank([0.0, 0.0])
    (0.25, 1.0)
    """
    from scipy.stats import rankdata

    array = finite(differences, "signed_rank")
    kept = array[np.abs(array) > BLUR * max(1.0, float(np.abs(array).max()))]
    if not len(kept):
        return 1.0
    doubled = np.rint(2 * rankdata(np.round(np.abs(kept), 12))).astype(int)  # ranks may be halves
    ways = np.zeros(int(doubled.sum()) + 1)
    ways[0] = 1.0
    for rank in doubled:
        ways[rank:] += ways[: len(ways) - rank].copy()
    plus = int(doubled[kept > 0].sum())
    tail = min(plus, len(ways) - 1 - plus)
    return float(min(1.0, 2 * ways[: tail + 1].sum() / ways.sum()))


def holm(p: Sequence[float]) -> list[float]:
    """Return p values adjusted by Holm's step-down.

    >>> [round(q, 3) for q in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    adjusted, worst = [0.0] * len(p), 0.0
    for k, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - k) * p[i]))
        adjusted[i] = worst
    return adjusted


def fewest_problems(family: int, level: float = 0.95) -> int:
    """Return how many problems are needed before one of a family can be decided at all.

    >>> fewest_problems(1), fewest_problems(6)
    (6, 8)
    """
    return math.ceil(1 - math.log2((1 - level) / family) - 1e-9)


def contests(
    means: Mapping[str, ArrayLike],
    *,
    reference: str | None = None,
    level: float = 0.95,
    lower_is_better: bool = False,
    gap_of: Callable[[str, str], Array] | None = None,
) -> list[Contest]:
    """Return every arm against `reference`, or all pairs, from `means`: arm -> (P,) mean scores.

    `gap_of(a, b)` gives differences a − b, (P,), where they are not those of the means, such as
    where a diverged run may not win its pair.

    Raises:
        UsageError: fewer than two arms, an unknown reference, or unequal numbers of problems.
    """
    table = {arm: finite(values, f"means of arm '{arm}'") for arm, values in means.items()}
    proportion(level, "level")
    if len(table) < 2 or len({v.shape for v in table.values()}) != 1:
        raise UsageError("problems are compared for two arms or more, each with every problem")
    if reference is not None and reference not in table:
        raise unknown("arm", reference, table)
    pairs = list(combinations(table, 2))
    if reference is not None:
        pairs = [(arm, reference) for arm in table if arm != reference]
    gaps = [table[a] - table[b] if gap_of is None else gap_of(a, b) for a, b in pairs]
    values = [signed_rank(gap) for gap in gaps]
    sign = -1.0 if lower_is_better else 1.0
    found = []
    for (a, b), gap, p, adjusted in zip(pairs, gaps, values, holm(values), strict=True):
        ahead = sign * np.where(np.abs(gap) > BLUR, gap, 0.0)
        decided = adjusted <= 1 - level
        word = ("better" if _lean(ahead) > 0 else "worse") if decided else "not distinguishable"
        least = min(1.0, len(pairs) * 2.0 ** (1 - len(gap)))
        counts = int((ahead > 0).sum()), int((ahead < 0).sum())
        found.append(
            Contest(a, b, len(gap), *counts, float(np.median(gap)), p, adjusted, least, word, level)
        )
    return found


def mean_ranks(
    means: Mapping[str, ArrayLike], *, lower_is_better: bool = False
) -> dict[str, float]:
    """Return each arm's mean rank over the problems, 1 the best; ties share their mean rank.

    >>> mean_ranks({"adam": [0.9, 0.8], "sgd": [0.7, 0.8]})
    {'adam': 1.25, 'sgd': 1.75}
    """
    from scipy.stats import rankdata

    table = np.stack([finite(v, f"means of arm '{arm}'") for arm, v in means.items()])
    ranks = rankdata(table if lower_is_better else -table, axis=0)
    return {arm: float(r) for arm, r in zip(means, ranks.mean(axis=1), strict=True)}


def stratified_iqm(
    scores: Sequence[ArrayLike], level: float = 0.95, wide: float = 1.0
) -> list[Interval]:
    """Return each arm's interquartile mean with its interval from P arrays of shape (S, n).

    The mean of the middle half of an arm's scores on all problems together. The interval resamples
    seeds within each problem, the same for every arm (Agarwal et al. 2021, "stratified bootstrap"),
    and is widened by sqrt(n / (n − 1)), because resampled means of n values spread too little by
    just that, and from z to Student's t of Σ (n − 1) degrees of freedom (deviates from rliable,
    whose intervals of 3 seeds are a fifth too short). Intervals are `wide` times as wide as those
    of independent values. One seed of a problem gives an infinite interval.
    """
    from scipy.special import ndtri, stdtrit

    tables = [finite(problem, "stratified_iqm") for problem in scores]
    if any(t.ndim != 2 for t in tables) or len({len(t) for t in tables}) != 1:
        raise UsageError("stratified_iqm takes one array (arms, seeds) a problem, the same arms")
    proportion(level, "level")
    counts = [t.shape[1] for t in tables]
    value = _iqm(np.concatenate(tables, axis=1))
    fewest = min(counts)
    if fewest < 2:
        ends = np.full_like(value, np.inf)
        return _intervals(value, -ends, ends, sum(counts), level)
    draw = stream(0, "stratified", *counts)
    parts = []
    for table, n in zip(tables, counts, strict=True):
        picks = draw.integers(n, size=(RESAMPLES, n))
        parts.append(table[:, picks])
    resampled = _iqm(np.concatenate(parts, axis=2))
    tail = (1 + level) / 2
    stretch = wide * math.sqrt(fewest / (fewest - 1))
    stretch *= float(stdtrit(sum(counts) - len(counts), tail) / ndtri(tail))
    tails = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2], axis=1)
    low, high = value + stretch * (tails - value)
    return _intervals(value, low, high, sum(counts), level)


def _lean(gap: Array) -> float:
    """Return the signed-rank sum: which way the test leans."""
    from scipy.stats import rankdata

    kept = gap[gap != 0]
    return float((np.sign(kept) * rankdata(np.abs(kept))).sum())


def _intervals(value: Array, low: Array, high: Array, n: int, level: float) -> list[Interval]:
    rows = zip(value, low, high, strict=True)
    method = "stratified bootstrap"
    return [Interval(float(v), float(a), float(b), n, level, method) for v, a, b in rows]


def _iqm(values: Array) -> Array:
    """Return the interquartile means over the last axis."""
    cut = values.shape[-1] // 4
    ordered = np.sort(values, axis=-1)
    return np.asarray(ordered[..., cut : values.shape[-1] - cut].mean(axis=-1))
