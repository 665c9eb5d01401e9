"""Folds that share their training data: the corrected resampled t (Nadeau & Bengio 2003).

The scores of k folds come from networks trained on overlapping examples, so they move together,
and the variance of their mean is not s²/n. There is no unbiased estimate of it (Bengio & Grandvalet
2004); the correction takes the correlation as the share of examples that are tested on, which gives
(1/n + n_test / n_train) s² with n − 1 degrees of freedom, n being folds times repeats (Bouckaert &
Frank 2004). More repeats make it smaller only down to s² n_test / n_train, as they should: the
data are the same.
"""

from dataclasses import dataclass
from math import sqrt

from numpy.typing import ArrayLike

from steepest.errors import UsageError
from steepest.stats.interval import Interval, finite, mean_interval, proportion, student_t
from steepest.stats.sequential import Ahead


@dataclass(frozen=True)
class Basis:
    """What an interval rests on: its confidence, and how its values depend on each other."""

    level: float = 0.95
    ratio: float = 0.0  # test examples over training examples of a fold; 0: independent values
    grain: float = 0.0  # distance of neighbouring scores where they are counts; 0: real numbers
    look: str = ""  # which of several looks, where the level is that of one
    ahead: Ahead | None = None  # where there may be further looks

    def __post_init__(self) -> None:
        proportion(self.level, "level")
        if not 0.0 <= self.ratio < float("inf"):
            raise UsageError(f"ratio is {self.ratio}; it is test over training examples")

    def widening(self, n: int) -> float:
        """Return how many times wider n values make their interval than if independent.

        >>> round(Basis(ratio=0.25).widening(5), 3)  # five folds: a fifth is tested on
        1.5
        """
        return sqrt(1 + n * self.ratio)

    @property
    def least(self) -> float:
        """The least standard deviation of single scores that is believed: that of rounding.

        A difference of two has sqrt(2) times as much (`counting_spread`).
        """
        return self.grain / sqrt(12)

    @property
    def method(self) -> str:
        """The test, by its name."""
        kind = "Student t, corrected for shared training data (Nadeau & Bengio)"
        named = kind if self.ratio else "Student t"
        return f"paired {named}{', ' if self.look else ''}{self.look}"


def resampled_interval(values: ArrayLike, basis: Basis) -> Interval:
    """Return the mean of `values` (n,), one a fold, with its corrected interval.

    >>> found = resampled_interval([0.91, 0.93, 0.92, 0.94, 0.90], Basis(ratio=0.25))
    >>> f"{found.mean:.2f} ({found.low:.3f} to {found.high:.3f})"
    '0.92 (0.891 to 0.949)'
    """
    if not basis.ratio:
        return mean_interval(values, basis.level, basis.least)
    array = finite(values, "resampled_interval")
    n = len(array)
    low, high = student_t(array[:, None], basis.level, basis.least, basis.widening(n))
    mean, method = float(array.mean()), "Student t, corrected (Nadeau & Bengio)"
    return Interval(mean, float(low[0]), float(high[0]), n, basis.level, method)
