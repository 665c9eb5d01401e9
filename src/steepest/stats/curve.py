"""How scores depend on what was spent or set: learning-rate tolerance and the value of trials."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from steepest.errors import UsageError
from steepest.stats.interval import Array, finite


@dataclass(frozen=True)
class Tolerance:
    """The learning rates whose score is within a share of the best one's."""

    decades: float  # summed width of all stretches, in powers of ten
    low: float  # ends of the stretch that holds the best rate
    high: float
    best_rate: float
    best_score: float
    best_at_boundary: bool  # the best rate is the smallest or largest tried
    open_low: bool  # the stretch runs into the smallest rate tried: it may be wider
    open_high: bool


def tolerance(
    rates: ArrayLike, scores: ArrayLike, *, within: float = 0.05, lower_is_better: bool = False
) -> Tolerance:
    """Return how many decades of learning rates score within `within` (relative) of the best.

    `rates` (n,) in any order, positive; `scores` (n,) not negative; a repeated rate is averaged. A
    trial whose score is nan or infinite diverged. Between neighbours the score is linear in
    log10(rate); next to a diverged trial nothing is added.

    Raises:
        UsageError: no score is finite, a rate is not positive, or a score is negative.

    >>> found = tolerance([0.001, 0.01, 0.1, 1.0], [0.80, 0.95, 1.00, 0.90])
    >>> round(found.decades, 3), found.best_rate, found.best_at_boundary
    (1.5, 0.1, False)
    """
    rate, score = _trials(rates, scores)
    place = np.log10(rate)
    sign = -1.0 if lower_is_better else 1.0
    alive = np.isfinite(score)
    best = int(np.argmax(np.where(alive, sign * score, -np.inf)))
    bound = score[best] * (1 - sign * within)
    above = np.where(alive, sign * (score - bound), -np.inf)
    left, right = _reach(place, above)
    first = last = best
    while first > 0 and above[first - 1] >= 0:
        first -= 1
    while last < len(rate) - 1 and above[last + 1] >= 0:
        last += 1
    return Tolerance(
        decades=float((right - left)[above >= 0].sum()),
        low=float(10 ** left[first]) if left[first] < place[first] else float(rate[first]),
        high=float(10 ** right[last]) if right[last] > place[last] else float(rate[last]),
        best_rate=float(rate[best]),
        best_score=float(score[best]),
        best_at_boundary=best in {0, len(rate) - 1},
        open_low=first == 0,
        open_high=last == len(rate) - 1,
    )


def expected_best(scores: ArrayLike, *, lower_is_better: bool = False) -> Array:
    """Return the expected best of k random trials for k = 1 … n, (n,), from n trials' `scores`.

    Dodge et al. (2019), "Show your work": the k trials are drawn from the n with replacement, so
    even the last value lies below the best trial that was seen.

    >>> expected_best([0.1, 0.5]).tolist()
    [0.3, 0.4]
    """
    array = finite(scores, "expected_best")
    if array.ndim != 1:
        raise UsageError(f"expected_best takes one axis of trials, not shape {array.shape}")
    sign = -1.0 if lower_is_better else 1.0
    ordered = np.sort(sign * array)
    n = len(ordered)
    below = (np.arange(n + 1) / n) ** np.arange(1, n + 1)[:, None]
    return np.asarray(sign * (np.diff(below, axis=1) @ ordered))


def _trials(rates: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    """Return distinct rates, ascending, with their mean scores."""
    rate, score = finite(rates, "learning rates"), np.asarray(scores, dtype=float)
    if rate.ndim != 1 or rate.shape != score.shape:
        raise UsageError(f"each rate needs one score; the shapes are {rate.shape}, {score.shape}")
    alive = score[np.isfinite(score)]
    if not len(alive):
        raise UsageError("tolerance: every trial diverged; there is no best score")
    if (rate <= 0).any() or (alive < 0).any():
        raise UsageError("tolerance is relative: rates are above 0, scores are not below it")
    distinct, group = np.unique(rate, return_inverse=True)
    with np.errstate(invalid="ignore"):
        means = np.bincount(group, weights=score) / np.bincount(group)
    return distinct, means


def _reach(place: Array, above: Array) -> tuple[Array, Array]:
    """Return how far to its left and right each rate's stretch reaches, in log10.

    Between two neighbours within the bound all ground counts; from one alone, up to the crossing.
    """
    left, right = place.copy(), place.copy()
    for i in range(len(place) - 1):
        here, there, gap = above[i], above[i + 1], place[i + 1] - place[i]
        if here >= 0 and there >= 0:
            right[i] = place[i + 1]
        elif here >= 0 and np.isfinite(there):
            right[i] = place[i] + gap * here / (here - there)
        elif there >= 0 and np.isfinite(here):
            left[i + 1] = place[i + 1] - gap * there / (there - here)
    return left, right
