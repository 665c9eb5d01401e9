"""Looks at a study that may be extended: how much of the error rate each of them spends.

Lan & DeMets (1983) spend it over the fraction of information seen, t = pairs so far / pairs at
most, by a function that mimics O'Brien & Fleming (1979): for each side 2 − 2 Φ(z / sqrt(t)), where
2 − 2 Φ(z) is that side's half of the whole. So early looks are strict, the last one is hardly
stricter than the only look of a study would be, and neither number nor time of looks need be fixed.

Bounds come from the recursion of Armitage, McPherson & Rowe (1969): the density of the sum of
gains, given that no earlier look has stopped, is carried from look to look on Gauss–Legendre
nodes. A t statistic is compared by its nominal p value (Pocock 1977; Jennison & Turnbull 2000,
section 3.8): the t interval of a look has the level that a normal one would need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steepest.errors import UsageError
from steepest.stats.interval import proportion

Array = NDArray[np.float64]
NODES = 400
LEAST = 1e-12  # nominal levels below this are not told apart


@dataclass(frozen=True)
class Look:
    """One look: at which fraction of the information, at which level, and what is spent by then."""

    fraction: float
    nominal: float  # two-sided level of a test at this look
    spent: float  # chance, were there no difference, of a verdict at this look or before


@dataclass(frozen=True)
class Ahead:
    """What is left of a study that may be extended, for one of its comparisons."""

    seen: tuple[int, ...]  # pairs at the looks so far
    most: int  # pairs at most
    alpha: float  # over all looks

    def nominal(self, n: int) -> float:
        """Return the two-sided level of the next look, at n pairs.

        >>> Ahead((5,), 20, 0.05).nominal(10) < Ahead((5,), 20, 0.05).nominal(20) < 0.05
        True
        """
        return looks([m / self.most for m in (*self.seen, n)], self.alpha)[-1].nominal


def spending(fraction: float, alpha: float) -> float:
    """Return how much of `alpha` may be spent at a fraction of the information.

    >>> round(spending(0.5, 0.05), 5), spending(1.0, 0.05)
    (0.00305, 0.05)
    """
    from scipy.special import ndtr, ndtri

    if fraction >= 1.0:
        return alpha
    z = float(ndtri(1 - alpha / 4))
    return float(4 * ndtr(-z / np.sqrt(fraction)))


def looks(fractions: Sequence[float], alpha: float = 0.05) -> list[Look]:
    """Return the looks at growing fractions of the information, in (0, 1].

    Raises:
        UsageError: the fractions do not grow, or leave (0, 1].

    >>> [round(look.nominal, 4) for look in looks([0.5, 1.0])]
    [0.0031, 0.049]
    """
    proportion(alpha, "alpha")
    ordered = [float(t) for t in fractions]
    if any(b <= a for a, b in zip([0.0, *ordered], ordered, strict=False)) or ordered[-1] > 1:
        raise UsageError(f"looks are at growing fractions in (0, 1], not at {fractions}")
    return list(_looks(tuple(ordered), alpha))


@lru_cache(maxsize=64)
def _looks(fractions: tuple[float, ...], alpha: float) -> tuple[Look, ...]:
    from scipy.special import ndtr

    found: list[Look] = []
    before, spent = 0.0, 0.0
    place, mass = np.zeros(1), np.ones(1)  # of the sum of gains, while nothing has stopped
    for fraction in fractions:
        wanted = spending(fraction, alpha)
        step = np.sqrt(fraction - before)
        bound = _bound(place, mass, float(step), max(wanted - spent, 0.0))
        nominal = float(2 * ndtr(-bound / np.sqrt(fraction)))
        found.append(Look(fraction, max(nominal, LEAST), wanted))
        place, mass = _onward(place, mass, float(step), bound)
        before, spent = fraction, wanted
    return tuple(found)


def _bound(place: Array, mass: Array, step: float, share: float) -> float:
    """Return the bound outside of which the next sum of gains falls with probability `share`."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def beyond(bound: float) -> float:
        out = ndtr((place - bound) / step) + ndtr((-bound - place) / step)
        return float(mass @ out) - max(share, LEAST)

    return float(brentq(beyond, 0.0, float(np.abs(place).max()) + 12 * step, xtol=1e-10))


def _onward(place: Array, mass: Array, step: float, bound: float) -> tuple[Array, Array]:
    """Return the places inside ±bound, and the masses that are there after one more step."""
    node, weight = _nodes()
    new = bound * node
    apart = (new[:, None] - place[None, :]) / step
    density = np.exp(-0.5 * apart**2) / (step * np.sqrt(2 * np.pi))
    return new, np.asarray(bound * weight * (density @ mass))


@lru_cache(maxsize=1)
def _nodes() -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(NODES)
