"""Layers without weights: frozen descriptions that are functions of (x, scope).

Shapes: x is (R, N, ...) with R runs and N examples; images are (R, N, H, W, C).
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from steepest.nn.initial import He, Initial, Zeros
from steepest.nn.scope import Scope
from steepest.program import F


class Layer(Protocol):
    """What a layer is: called with a symbol and a scope, it returns a symbol."""

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return the output for x of shape (R, N, ...)."""
        ...


def penalize(w: Any, l1: float, l2: float, scope: Scope) -> None:
    """Add l1 * sum|w| + l2 * sum(w²), one number per run, to the objective (as Keras does)."""
    rest = tuple(range(1, w.ndim))
    if l1:
        scope.penalties.append(l1 * F.sum(F.absolute(w), axis=rest))
    if l2:
        scope.penalties.append(l2 * F.sum(F.square(w), axis=rest))


@dataclass(frozen=True)
class Linear:
    """y = x w + b over the last axis; w is (in, units). `units="classes"`: as many as classes.

    `max_norm` projects every unit's incoming weights onto a ball of that radius after each update
    (Srivastava et al. 2014, section 5.1); 0: no bound.
    """

    units: int | Literal["classes"]
    bias: bool = True
    initial: Initial = field(default_factory=He)
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float = 0.0

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return (R, N, ..., units)."""
        units = scope.classes if self.units == "classes" else self.units
        w = scope.param("w", (x.shape[-1], units), self.initial, self.max_norm)
        penalize(w, self.l1, self.l2, scope)
        if x.ndim == 3:
            y = x @ w
        else:
            rows = F.reshape(x, shape=(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1]))
            y = F.reshape(rows @ w, shape=(*x.shape[:-1], units))
        return y + scope.vector("b", y, Zeros()) if self.bias else y


@dataclass(frozen=True)
class Flatten:
    """All axes of an example in one."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return (R, N, features)."""
        return F.reshape(x, shape=(*x.shape[:2], math.prod(x.shape[2:])))


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout (Srivastava et al. 2014): scaled by 1 / (1 - rate) in training."""

    rate: float = 0.5

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return x with elements zeroed at random in training, x itself otherwise."""
        if not scope.train or self.rate == 0.0:
            return x
        return x * scope.mask(tuple(x.shape), self.rate)
