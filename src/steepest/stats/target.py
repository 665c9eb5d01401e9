"""Time to target: how much a run needs (epochs, updates, seconds) until its metric reaches a goal.

A run that stopped before the goal is *censored*: all that is known is that it needs longer than it
was watched, and it stays in the sample as just that. A diverged run will never reach the goal and
is watched for ever. Nothing is interpolated: a goal counts when it has been measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.errors import UsageError
from steepest.stats.interval import Array, Interval, finite, mean_interval, proportion


@dataclass(frozen=True)
class Reached:
    """When runs reached a target; index i of both is run i."""

    times: tuple[float, ...]  # the first time at the target, or how long the run was watched
    reached: tuple[bool, ...]


@dataclass(frozen=True)
class ReachedCurve:
    """The estimated share of runs that has reached the target by each time; a step function."""

    times: tuple[float, ...]
    share: tuple[float, ...]


@dataclass(frozen=True)
class Median:
    """The median time to target; infinite ends and middle read "not reached"."""

    median: float
    low: float
    high: float
    n: int
    level: float

    @property
    def text(self) -> str:
        """The median in words: a number, or "not reached"."""
        return f"{self.median:g}" if np.isfinite(self.median) else "not reached"


def time_to_target(
    times: Sequence[ArrayLike],
    metric: Sequence[ArrayLike],
    target: float,
    *,
    lower_is_better: bool = False,
    diverged: Sequence[bool] | None = None,
) -> Reached:
    """Return for each run the first of its `times` at which its `metric` is at least `target`.

    `times` and `metric` hold one array per run, of equal lengths; times ascend.

    Raises:
        UsageError: the numbers of runs, or the lengths within a run, differ or are 0.

    >>> time_to_target([[1, 2, 3], [1, 2]], [[0.5, 0.8, 0.9], [0.4, 0.6]], 0.8)
    Reached(times=(2.0, 2.0), reached=(True, False))
    """
    lost = [False] * len(times) if diverged is None else list(diverged)
    if not len(times) == len(metric) == len(lost):
        raise UsageError(
            f"time_to_target: {len(times)} runs have times, {len(metric)} a metric, "
            f"{len(lost)} a word on divergence"
        )
    found = []
    for run, (when, value, gone) in enumerate(zip(times, metric, lost, strict=True)):
        clock, height = np.asarray(when, dtype=float), np.asarray(value, dtype=float)
        if clock.shape != height.shape or clock.ndim != 1 or not len(clock):
            raise UsageError(
                f"time_to_target: run {run} has times {clock.shape} and a metric {height.shape}"
            )
        hit = height <= target if lower_is_better else height >= target
        if hit.any():
            found.append((float(clock[hit.argmax()]), True))
        else:
            found.append((np.inf if gone else float(clock[-1]), False))
    return Reached(tuple(t for t, _ in found), tuple(r for _, r in found))


def reached_curve(runs: Reached) -> ReachedCurve:
    """Return the Kaplan–Meier (1958) estimate of the share of runs that has reached the target.

    >>> reached_curve(Reached((1.0, 2.0, 3.0, 3.0), (True, False, True, False)))
    ReachedCurve(times=(0.0, 1.0, 3.0), share=(0.0, 0.25, 0.625))
    """
    times, reached = _arrays(runs)
    steps, share = _steps(times, reached)
    return ReachedCurve((0.0, *map(float, steps)), (0.0, *map(float, share)))


def median_time(runs: Reached, level: float = 0.95) -> Median:
    """Return the median time to target with its interval, both infinite where not reached.

    The median is Kaplan–Meier's. The interval is that of order statistics (the sign test inverted),
    exact at any n; its low end counts a censored run as reaching when last seen, its high end as
    never, so it holds whatever the censored runs would have done. Below six runs no two order
    statistics hold a median with 95 %, and the interval is 0 to infinity.
    """
    times, reached = _arrays(runs)
    steps, share = _steps(times, reached)
    at_half = steps[share >= 0.5 - 1e-12]
    rank = _rank(len(times), proportion(level, "level"))
    earliest, latest = np.sort(times), np.sort(np.where(reached, times, np.inf))
    low = 0.0 if rank == 0 else float(earliest[rank - 1])
    high = np.inf if rank == 0 else float(latest[len(times) - rank])
    middle = float(at_half[0]) if len(at_half) else float("inf")
    return Median(middle, low, high, len(times), level)


def restricted_mean(runs: Reached, horizon: float, level: float = 0.95) -> Interval:
    """Return the mean of min(time to target, horizon), with its interval.

    The interval is that of the mean of pseudo-values (Andersen, Hansen & Klein 2004): each run's
    part in the Kaplan–Meier area. Where no run stops early they are just min(time, horizon).

    >>> runs = Reached((1.0, 2.0, 4.0), (True, True, False))
    >>> round(restricted_mean(runs, 4.0).mean, 3)
    2.333
    """
    times, reached = _arrays(runs)
    if not (np.isfinite(horizon) and horizon > 0):
        raise UsageError(f"horizon is {horizon}; it is a time above 0")
    n = len(times)
    if n == 1:
        return mean_interval([_area(times, reached, horizon)], level)
    whole = _area(times, reached, horizon)
    keep = ~np.eye(n, dtype=np.bool_)
    parts = [
        n * whole - (n - 1) * _area(times[keep[i]], reached[keep[i]], horizon) for i in range(n)
    ]
    return mean_interval(np.round(parts, 12), level)


def _arrays(runs: Reached) -> tuple[Array, NDArray[np.bool_]]:
    times, reached = np.asarray(runs.times, dtype=float), np.asarray(runs.reached, dtype=np.bool_)
    if len(times) == 0 or len(times) != len(reached):
        raise UsageError(f"Reached holds {len(times)} times of {len(reached)} runs")
    finite(np.where(reached, times, 0.0), "times of runs that reached the target")
    return times, reached


def _steps(times: Array, reached: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return the times at which runs reach the target and the share that has, there."""
    steps = np.unique(times[reached])
    events = (times[reached] == steps[:, None]).sum(axis=1)
    watched = (times >= steps[:, None]).sum(axis=1)
    return steps, 1 - np.cumprod(1 - events / watched)


def _area(times: Array, reached: NDArray[np.bool_], horizon: float) -> float:
    """Return the area up to `horizon` under the share of runs not yet at the target."""
    steps, share = _steps(times, reached)
    early = steps < horizon
    edges = np.concatenate([[0.0], steps[early], [horizon]])
    left = np.concatenate([[1.0], 1 - share[early]])
    return float(left @ np.diff(edges))


def _rank(n: int, level: float) -> int:
    """Return the largest k for which the k-th values from both ends hold the median; 0 if none."""
    from scipy.special import bdtr

    ranks = np.arange(1, n // 2 + 1)
    return int((2 * bdtr(ranks - 1.0, n, 0.5) <= 1 - level).sum()) if len(ranks) else 0
