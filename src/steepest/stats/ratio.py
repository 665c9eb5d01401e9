"""Ratios of paired quantities with intervals: how many times smaller, how many times sooner.

A ratio of means gets Fieller's (1954) interval, which is unbounded where the denominator may be
zero. A ratio of times to a target is taken pair by pair, in logarithms; a run that stopped before
the target bounds its pair from one side, and nothing is imputed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from steepest.errors import UsageError
from steepest.stats.interval import Array, Interval, finite, proportion, student_t
from steepest.stats.target import Reached


def mean_ratio(a: ArrayLike, b: ArrayLike, level: float = 0.95, least: float = 0.0) -> Interval:
    """Return mean(a) / mean(b) of pairs, (n,) each, with Fieller's interval.

    `least` bounds the standard deviations from below: a few equal counts prove nothing.

    Raises:
        UsageError: the lengths differ, or a value is not finite.

    >>> found = mean_ratio([4.0, 4.4, 3.6], [2.0, 2.1, 1.9])
    >>> f"{found.mean:.1f} ({found.low:.2f} to {found.high:.2f})"
    '2.0 (1.72 to 2.22)'
    """
    x, y = finite(a, "numerators"), finite(b, "denominators")
    if x.ndim != 1 or x.shape != y.shape:
        raise UsageError(f"a ratio of pairs needs equal lengths, not {x.shape} and {y.shape}")
    n, above, below = len(x), float(x.mean()), float(y.mean())
    ratio = above / below if below else float("inf")
    low, high = -float("inf"), float("inf")
    if n > 1:
        k = _quantile(n, level) ** 2 / n
        (xx, xy), (_, yy) = np.cov(x, y)
        xx, yy = max(xx, least**2), max(yy, least**2)
        first, second, third = below**2 - k * yy, above * below - k * xy, above**2 - k * xx
        if first > 0:
            half = float(np.sqrt(max(second**2 - first * third, 0.0)))
            low, high = float(second - half) / float(first), float(second + half) / float(first)
    return Interval(ratio, low, high, n, level, "Fieller")


@dataclass(frozen=True)
class TimeRatio:
    """How many times longer one arm takes: a geometric mean over pairs, with its interval."""

    mean: float  # of the times seen
    low: float
    high: float
    n: int
    exact: bool  # whether every run reached the target; else the mean is of times watched


def time_ratio(
    slow: Reached,
    fast: Reached,
    level: float = 0.95,
    steps: tuple[float, float] = (1.0, 1.0),
    units: ArrayLike | None = None,
) -> TimeRatio:
    """Return how many times longer `slow` takes than `fast`; index i of both is pair i.

    Where the slow run was watched without arriving, the pair's ratio is at least what was seen and
    the upper end is infinite; where the fast one was, it is at most that and the lower end is 0. A
    diverged run counts as watched as long as any. `steps` are the distances between the times at
    which each arm was measured: their rounding is the least spread that is believed. `units` (n,)
    tell which pairs belong together, such as the seeds of a tuning: their mean is then one value.

    >>> found = time_ratio(Reached((8.0, 6.0), (True, True)), Reached((4.0, 3.0), (True, False)))
    >>> round(found.mean, 9), found.low, found.exact
    (2.0, 0.0, False)
    """
    a, b = (np.asarray(r.times, dtype=float) for r in (slow, fast))
    if a.shape != b.shape or not len(a):
        raise UsageError(f"times of pairs need equal lengths, not {len(a)} and {len(b)}")
    watched = [float(t) for t in (*a, *b) if np.isfinite(t)]
    longest = max(watched, default=1.0)
    a, b = np.where(np.isfinite(a), a, longest), np.where(np.isfinite(b), b, longest)
    seen = np.log(a) - np.log(b)
    done_a, done_b = np.asarray(slow.reached), np.asarray(fast.reached)
    least = float(np.sqrt(np.mean((steps[0] / a) ** 2 + (steps[1] / b) ** 2) / 12))
    if units is not None:
        of = np.asarray(units)
        seen = np.array([seen[of == unit].mean() for unit in np.unique(of)])
    least *= (len(seen) / len(a)) ** 0.5
    low, high = student_t(seen[:, None], proportion(level, "level"), least)
    return TimeRatio(
        mean=float(np.exp(seen.mean())),
        low=_grown(low) if done_b.all() else 0.0,
        high=_grown(high) if done_a.all() else float("inf"),
        n=len(seen),
        exact=bool(done_a.all() and done_b.all()),
    )


def _grown(end: Array) -> float:
    return float(np.exp(end[0]))


def _quantile(n: int, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1 + proportion(level, "level")) / 2))
