"""Intervals for means and for paired differences.

One arm's mean: Student's t below 20 values, the BCa bootstrap from 20 on, because single scores
are skewed (an accuracy has a ceiling) and the bootstrap sees the skew once there is enough to see.
Differences of pairs: Student's t at every size. Skew cancels in a difference, and there the
bootstrap is measurably worse, above all in the far tails that a family of comparisons needs
(counted by `benchmarks/simulate_verdicts.py`).

Legend: n values (axis 0), M columns, each of them its own sample.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steepest.errors import UsageError
from steepest.seeds import stream

Array = NDArray[np.float64]

BOOTSTRAP_FROM = 20  # values; with fewer, resampling them says too little about the tails
RESAMPLES = 9_999
BLOCK = 64  # columns bootstrapped at once: 5 MB of resampled means


@dataclass(frozen=True)
class Interval:
    """A mean with its interval; both ends are infinite where one value is all there is."""

    mean: float
    low: float
    high: float
    n: int
    level: float
    method: str


def finite(values: ArrayLike, what: str) -> Array:
    """Return `values` as float64, refusing what no mean can hold.

    Raises:
        UsageError: there are no values, or some are infinite or not numbers.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[0] == 0:
        raise UsageError(f"{what}: no values; at least one is needed")
    if not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        raise UsageError(
            f"{what}: the value at index {where} is not finite; "
            "give a diverged run its last finite score"
        )
    return array


def proportion(value: float, what: str) -> float:
    """Return `value` if it lies strictly between 0 and 1.

    Raises:
        UsageError: it does not.
    """
    if not 0.0 < value < 1.0:
        raise UsageError(f"{what} is {value}; it lies between 0 and 1, for example 0.95")
    return value


def mean_interval(values: ArrayLike, level: float = 0.95, least: float = 0.0) -> Interval:
    """Return the mean of `values` (n,) with its two-sided interval.

    `least` bounds the standard deviation from below.

    >>> found = mean_interval([0.91, 0.93, 0.92])
    >>> f"{found.mean:.2f} ({found.low:.3f} to {found.high:.3f}), {found.method}"
    '0.92 (0.895 to 0.945), Student t'
    """
    array = finite(values, "mean_interval")
    if array.ndim != 1:
        raise UsageError(f"mean_interval takes one axis, not shape {array.shape}; use mean_band")
    low, high = mean_band(array[:, None], level, least)
    method = "BCa bootstrap" if _speaks(array[:, None], least)[0] else "Student t"
    return Interval(_mean(array), float(low[0]), float(high[0]), len(array), level, method)


def mean_band(values: ArrayLike, level: float = 0.95, least: float = 0.0) -> tuple[Array, Array]:
    """Return (low, high), each (M,), for the means of the columns of `values` (n, M).

    Columns that spread by less than `least`, the smallest standard deviation that is believed, get
    Student's t at any n: resampling sees no more than is there.
    """
    array = finite(values, "mean_band")
    proportion(level, "level")
    low, high = student_t(array, level, least)
    resampled = _speaks(array, least)
    if resampled.any():
        low[resampled], high[resampled] = bca(array[:, resampled], level)
    return low, high


def _speaks(values: Array, least: float) -> NDArray[np.bool_]:
    """Return of which columns (M,) resampling says enough: many values that spread enough."""
    if len(values) < BOOTSTRAP_FROM:
        return np.zeros(values.shape[1], np.bool_)
    return np.asarray(values.std(axis=0, ddof=1) >= least)


def paired_interval(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, least: float = 0.0
) -> Interval:
    """Return the mean of a − b, both (n,) and paired, with its Student t interval.

    The spread of the differences is at least that of counting (`counting_spread`), and that of
    single scores at least `least`.
    """
    one, other = finite(a, "first scores"), finite(b, "second scores")
    if one.ndim != 1 or one.shape != other.shape:
        raise UsageError(f"pairs need equal lengths; the shapes are {one.shape} and {other.shape}")
    difference = one - other
    least = max(counting_spread(np.stack([one, other])), 2**0.5 * least)
    low, high = student_t(difference[:, None], proportion(level, "level"), least)
    ends = float(low[0]), float(high[0])
    return Interval(_mean(difference), *ends, len(one), level, "paired Student t")


def counting_spread(scores: Array, grain: float = 0.0) -> float:
    """Return the least spread that differences of pairs of `scores` may claim; 0 for real numbers.

    Accuracies are counts: multiples of a step h, one over the test set's size. Two or three
    differences of counts are often equal by chance, and their spread of 0 would prove anything.
    Rounding alone gives a difference the variance h² / 6 (Sheppard 1898), so no less is believed.
    The step is the greatest common divisor of the distances between scores, by Euclid, within a
    millionth of the largest score; or `grain`, where so large a step is known.

    >>> round(counting_spread(np.array([0.91, 0.93, 0.96])) * 6**0.5, 6)
    0.01
    """
    distinct = np.unique(scores)
    blur = 1e-6 * float(np.abs(distinct).max())
    step = 0.0
    for gap in np.diff(distinct):
        longer, shorter = max(step, float(gap)), min(step, float(gap))
        while shorter > blur:
            rest = abs(longer - round(longer / shorter) * shorter)
            longer, shorter = shorter, rest
        step = longer
    return max(step if step > blur else 0.0, grain) / 6**0.5


def student_t(
    values: Array, level: float, least: float = 0.0, wide: float = 1.0
) -> tuple[Array, Array]:
    """Return (low, high), each (M,), of Student's t intervals for the columns of `values` (n, M).

    `least` bounds the standard deviation from below; intervals are `wide` times as wide as those of
    independent values. One value gives an infinite interval; equal
    values without such a bound give a point.
    """
    from scipy.special import stdtrit

    n = values.shape[0]
    mean = values.mean(axis=0)
    if n == 1:
        return np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    spread = np.maximum(values.std(axis=0, ddof=1), least)
    half = stdtrit(n - 1, (1 + level) / 2) * spread / np.sqrt(n) * wide
    low, high = mean - half, mean + half
    return (low, high) if least else _pointed(values, low, high)


def bca(values: Array, level: float) -> tuple[Array, Array]:
    """Return (low, high), each (M,), of bootstrap intervals for the columns of `values` (n, M).

    BCa (Efron 1987), with the acceleration of the mean from its third moment, and with the tails
    moved out from z to t·sqrt(n / (n − 1)) (Hesterberg 2015, "expanded percentile"): the spread of
    resampled means is too narrow by just that much, and without it 95 % intervals of 20 normal
    values cover 92 %. Resamples come from a named stream of n alone: equal values, equal intervals.
    """
    from scipy.special import stdtrit

    n = values.shape[0]
    if n == 1:
        return student_t(values, level)
    reach = float(stdtrit(n - 1, (1 + level) / 2) * np.sqrt(n / (n - 1)))
    weights = _weights(n)
    low, high = np.empty(values.shape[1]), np.empty(values.shape[1])
    for start in range(0, values.shape[1], BLOCK):
        part = slice(start, start + BLOCK)
        low[part], high[part] = _bca_ends(values[:, part], weights, reach)
    return _pointed(values, low, high)


def _bca_ends(values: Array, weights: Array, reach: float) -> tuple[Array, Array]:
    """Return the corrected percentiles at −reach and reach of the resampled means."""
    from scipy.special import ndtr, ndtri

    mean = values.mean(axis=0)
    residual = values - mean
    resampled = np.sort(weights @ residual, axis=0)
    spread = np.sqrt((residual**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        acceleration = np.nan_to_num((residual**3).sum(axis=0) / (6 * spread**3))
    below = ((resampled < 0).mean(axis=0) + (resampled <= 0).mean(axis=0)) / 2
    bias = ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    ends = []
    for z in (-reach, reach):
        pulled = bias + z
        share = ndtr(bias + pulled / np.maximum(1 - acceleration * pulled, 1e-9))
        ends.append(mean + _quantile(resampled, share))
    return ends[0], ends[1]


def _quantile(ordered: Array, share: Any) -> Array:
    """Return one quantile of each column of `ordered`, linear between its values."""
    place = share * (len(ordered) - 1)
    below = np.clip(np.floor(place).astype(np.intp), 0, len(ordered) - 2)
    column = np.arange(ordered.shape[1])
    first, second = ordered[below, column], ordered[below + 1, column]
    return np.asarray(first + (place - below) * (second - first))


def _weights(n: int) -> Array:
    """Return how much of each of n values enters each resampled mean: (RESAMPLES, n)."""
    picks = stream(0, "bootstrap", n).integers(n, size=(RESAMPLES, n))
    rows = np.arange(RESAMPLES)[:, None]
    counts = np.bincount((rows * n + picks).ravel(), minlength=RESAMPLES * n)
    return counts.reshape(RESAMPLES, n) / n


def _pointed(values: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Give columns of equal values the point they are, free of rounding."""
    same = (values == values[0]).all(axis=0)
    return np.where(same, values[0], low), np.where(same, values[0], high)


def _mean(values: Array) -> float:
    return float(values[0] if (values == values[0]).all() else values.mean())
