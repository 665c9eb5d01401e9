"""Regularization that drops more than single elements: channels, and branches.

Shapes: x is (R, N, ..., C). In training what is kept is scaled by 1 / (1 - rate).
"""

from dataclasses import dataclass
from typing import Any

from steepest.nn.scope import Scope


@dataclass(frozen=True)
class SpatialDropout:
    """Whole channels of an example zeroed at random (Tompson et al. 2015, section 3.2)."""

    rate: float = 0.5

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return x with channels zeroed in training, x itself otherwise."""
        return _dropped(x, scope, self.rate, (*x.shape[:2], *(1,) * (x.ndim - 3), x.shape[-1]))


@dataclass(frozen=True)
class DropPath:
    """A whole example zeroed at random: the end of a residual branch (Huang et al. 2016)."""

    rate: float = 0.1

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return x with examples zeroed in training, x itself otherwise."""
        return _dropped(x, scope, self.rate, (*x.shape[:2], *(1,) * (x.ndim - 2)))


def _dropped(x: Any, scope: Scope, rate: float, shape: tuple[int, ...]) -> Any:
    if not scope.train or rate == 0.0:
        return x
    return x * scope.mask(shape, rate)
