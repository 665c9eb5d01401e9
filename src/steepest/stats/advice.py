"""How many further pairs would decide a comparison, if the mean and the spread seen are true.

Deciding is a difference or an equivalence, whichever needs fewer pairs, with 80 % power.
"""

from bisect import bisect_left

from steepest.stats.power import equivalence_power, equivalence_size, power, sample_size
from steepest.stats.sequential import Ahead

MOST = 1_000  # more than this is no advice
WANTED = 0.8  # power


def pairs(delta: float, spread: float, n: int, margin: float, alpha: float) -> int | None:
    """Return how many pairs besides n decide at two-sided `alpha`; None above the most.

    >>> pairs(1.0, 1.0, 4, 0.1, 0.05)
    6
    """
    sizes = [
        sample_size(delta, spread, alpha, WANTED),
        equivalence_size(delta, spread, margin, alpha, WANTED),
    ]
    needed = min((size for size in sizes if size is not None), default=None)
    if needed is None or needed - n > MOST:
        return None
    return max(needed - n, 1)


def pairs_ahead(delta: float, spread: float, n: int, margin: float, ahead: Ahead) -> int | None:
    """Return how many pairs besides n decide at the look that follows them; None above the most.

    A later look is less strict, so both its power and its level grow with its pairs.
    """

    def chance(count: int) -> float:
        alpha = ahead.nominal(count)
        return max(
            power(delta, spread, count, alpha),
            equivalence_power(delta, spread, count, margin, alpha),
        )

    later = range(n + 1, min(ahead.most, n + MOST) + 1)
    place = bisect_left(later, WANTED, key=chance)
    return later[place] - n if place < len(later) else None
