"""What a study could have found: power and size of the paired t test.

T = (mean of n differences) / (sd / sqrt(n)) is noncentral t with n − 1 degrees of freedom. Its
tails are integrated over the spread s = sqrt(chi² / (n − 1)), because given s they are normal.
`alpha` is two-sided; a family of m comparisons passes its share of it, (1 − level) / m.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NODES = 256  # of the quadrature: agrees with scipy's noncentral t within 1e-5 from three pairs on
MOST = 1_000_000  # units; beyond this no sample size is worth a number


def critical(n: int, alpha: float) -> float:
    """Return the t above which n differences count as different from 0 at two-sided `alpha`."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 1 - alpha / 2))


def power(difference: float, sd: float, n: int, alpha: float = 0.05) -> float:
    """Return the chance that n paired differences show `difference`, with its right sign.

    `sd` is the standard deviation of one difference.

    >>> round(power(1.0, 1.0, 10), 3)
    0.803
    """
    if n < 2:
        return 0.0
    if sd == 0:
        return float(difference != 0)
    return _found(abs(difference) * np.sqrt(n) / sd, n, alpha)


def equivalence_power(
    difference: float, sd: float, n: int, margin: float, alpha: float = 0.05
) -> float:
    """Return the chance that the interval of n paired differences lies inside ±margin.

    `difference` is the true one. At `alpha` 0.10 this is the power of Schuirmann's (1987) two
    one-sided tests at 5 % each.
    """
    from scipy.special import ndtr

    if n < 2:
        return 0.0
    if sd == 0:
        return float(abs(difference) < margin)
    spread, weight = _spread(n - 1)
    need = critical(n, alpha) * spread
    unit = np.sqrt(n) / sd
    upper = ndtr((margin - difference) * unit - need)
    lower = ndtr((-margin - difference) * unit + need)
    return float(weight @ np.maximum(upper - lower, 0))


def sample_size(
    difference: float, sd: float, alpha: float = 0.05, wanted: float = 0.8
) -> int | None:
    """Return how many pairs find `difference` with power `wanted`; None where none would.

    >>> sample_size(1.0, 1.0)
    10
    """
    if difference == 0:
        return None
    return _smallest(lambda n: power(difference, sd, n, alpha), wanted)


def equivalence_size(
    difference: float, sd: float, margin: float, alpha: float = 0.05, wanted: float = 0.8
) -> int | None:
    """Return how many pairs show equivalence within ±margin with power `wanted`, or None."""
    if abs(difference) >= margin:
        return None
    return _smallest(lambda n: equivalence_power(difference, sd, n, margin, alpha), wanted)


def detectable(sd: float, n: int, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """Return the smallest difference that n pairs find with power `wanted`.

    >>> round(detectable(1.0, 10), 3)
    0.996
    """
    if n < 2:
        return float("inf")
    if sd == 0:
        return 0.0
    low, high = 0.0, critical(n, alpha) + 10.0
    while _found(high, n, alpha) < wanted:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _found(middle, n, alpha) < wanted else (low, middle)
    return high * sd / float(np.sqrt(n))


def _found(shift: float, n: int, alpha: float) -> float:
    """Return P(T > critical) for noncentral t shifted by `shift`."""
    from scipy.special import ndtr

    spread, weight = _spread(n - 1)
    return float(weight @ ndtr(shift - critical(n, alpha) * spread))


@lru_cache(maxsize=256)
def _spread(df: int) -> tuple[Array, Array]:
    """Return nodes of sqrt(chi² / df) and their weights: Gauss–Legendre over its probability."""
    from scipy.special import chdtri

    node, weight = _nodes()
    return np.sqrt(chdtri(df, (1 - node) / 2) / df), weight / 2


@lru_cache(maxsize=1)
def _nodes() -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(NODES)


def _smallest(reach: Any, wanted: float) -> int | None:
    """Return the smallest n with reach(n) ≥ wanted, for a reach that grows with n."""
    high = 2
    while reach(high) < wanted:
        if high >= MOST:
            return None
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reach(middle) < wanted else (low, middle)
    return high
