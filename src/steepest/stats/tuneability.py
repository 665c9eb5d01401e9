"""What tuning buys: the typical best of k trials, with an interval that needs no distribution.

The best of k independent trials is below the q-quantile of one trial in half of all searches, where
q = 0.5^(1/k). A quantile has an exact interval between two order statistics (Clopper & Pearson's
argument), so the *median* best of k has one, whatever the scores' distribution (Lourie, Cho & He
2024). The expected best (Dodge et al. 2019) has none, and its bootstrap covers far less than it
says once k comes near the number of trials, because no resampling exceeds the best trial seen.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from steepest.errors import UsageError


@dataclass(frozen=True)
class Typical:
    """The median best of `trials` trials; an end is None where the trials seen cannot bound it."""

    trials: int
    value: float  # -inf or inf where half of all such searches find diverged trials only
    low: float | None
    high: float | None


def typical_best(
    scores: ArrayLike, most: int, *, lower_is_better: bool = False, confidence: float = 0.95
) -> list[Typical]:
    """Return the median best of k = 1 … `most` trials from n trials' `scores` (n,), most ≤ n.

    A score that is nan diverged and counts as worst. `low` and `high` are in the scores' order: the
    worse end is `high` where lower is better.

    >>> [t.value for t in typical_best([0.1, 0.4, 0.8], 3)]
    [0.4, 0.8, 0.8]
    """
    given = np.asarray(scores, dtype=float)
    if given.ndim != 1 or not 1 <= most <= len(given):
        raise UsageError(f"typical_best of {most} trials from scores of shape {given.shape}")
    sign = -1.0 if lower_is_better else 1.0
    ordered = np.sort(np.where(np.isnan(given), -math.inf, sign * given))
    found = []
    for k in range(1, most + 1):
        low, high = quantile_places(len(ordered), 0.5 ** (1 / k), confidence)
        ends = [None if i is None else float(sign * ordered[i]) for i in (low, high)]
        value = float(sign * ordered[_median_place(len(ordered), k)])
        found.append(Typical(k, value, *(ends if sign > 0 else reversed(ends))))
    return found


def _median_place(n: int, k: int) -> int:
    """Return the place of the median of the best of k out of n different trials, 0 the worst."""
    return next(m - 1 for m in range(k, n + 1) if 2 * math.comb(m, k) >= math.comb(n, k))


def quantile_places(n: int, q: float, confidence: float = 0.95) -> tuple[int | None, int | None]:
    """Return between which places of n ordered values their distribution's q-quantile lies.

    Each end errs with half of what the confidence leaves; None: no value of n is far enough out.

    >>> quantile_places(16, 0.5), quantile_places(16, 0.5 ** (1 / 8))
    ((3, 12), (11, None))
    """
    from scipy.stats import binom

    tail = (1 - confidence) / 2
    below = binom.cdf(np.arange(n), n, q)  # P(at most i values lie below the quantile)
    low = int(np.sum(below <= tail)) - 1  # P(x_(i) > quantile) = below[i], 0-based
    high = int(np.sum(below < 1 - tail))  # P(x_(i) < quantile) = 1 - below[i]
    return (low if low >= 0 else None), (high if high < n else None)
