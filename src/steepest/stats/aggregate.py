"""Many problems at once: robust means and profiles, so that no single problem decides.

Legend: R runs, P problems, S solvers (arms), T thresholds.
"""

import numpy as np
from numpy.typing import ArrayLike

from steepest.errors import UsageError
from steepest.stats.interval import Array, finite


def interquartile_mean(scores: ArrayLike) -> float:
    """Return the mean of the middle half of all `scores`, of any shape (Agarwal et al. 2021).

    A quarter of the values, rounded down, is cut at each end.

    >>> interquartile_mean([0.0, 1.0, 2.0, 100.0])
    1.5
    """
    ordered = np.sort(finite(scores, "interquartile_mean").ravel())
    cut = len(ordered) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


def score_profile(scores: ArrayLike, thresholds: ArrayLike) -> Array:
    """Return the share of runs that score above each threshold, (T,), from `scores` (R, P).

    The run-score distribution of Agarwal et al. (2021); problems weigh the same.

    >>> score_profile([[0.2, 0.8], [0.6, 0.9]], [0.5]).tolist()
    [0.75]
    """
    array = finite(scores, "score_profile")
    if array.ndim != 2:
        raise UsageError(f"score_profile takes (runs, problems), not shape {array.shape}")
    bounds = np.asarray(thresholds, dtype=float)
    return np.asarray((array[None] > bounds[:, None, None]).mean(axis=(1, 2)))


def performance_profile(costs: ArrayLike, ratios: ArrayLike) -> Array:
    """Return the share of problems each solver solves within a ratio of the best cost, (S, T).

    `costs` (S, P) are positive times to target, infinite where it was not reached (Dolan & Moré
    2002). A problem that nobody solved counts as unsolved for all.

    >>> performance_profile([[1.0, 4.0], [2.0, float("inf")]], [1.0, 2.0]).tolist()
    [[1.0, 1.0], [0.0, 0.5]]
    """
    array = np.asarray(costs, dtype=float)
    if array.ndim != 2 or array.size == 0:
        raise UsageError(f"performance_profile takes (solvers, problems), not shape {array.shape}")
    if np.isnan(array).any() or (array <= 0).any():
        raise UsageError("performance_profile: costs are above 0; infinity means not reached")
    best = array.min(axis=0)
    ratio = np.full_like(array, np.inf)
    np.divide(array, best, out=ratio, where=np.isfinite(array))
    return np.asarray((ratio[:, None, :] <= np.asarray(ratios, float)[:, None]).mean(axis=2))
