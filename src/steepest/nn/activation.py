"""Activations: element-wise layers, one of them (PReLU) with a trained slope.

Shapes: x is (R, N, ...). At a kink the derivative is the left one.
"""

import math
from dataclasses import dataclass
from typing import Any

from steepest.nn.initial import Constant
from steepest.nn.scope import Scope
from steepest.program import F

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@dataclass(frozen=True)
class ReLU:
    """max(x, 0); the derivative at 0 is 0."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return max(x, 0)."""
        return F.relu(x)


@dataclass(frozen=True)
class LeakyReLU:
    """X where positive, slope * x elsewhere (Maas et al. 2013)."""

    slope: float = 0.01

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return the leaky rectifier of x."""
        return F.relu(x) - self.slope * F.relu(-x)


@dataclass(frozen=True)
class Tanh:
    """Hyperbolic tangent."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return tanh(x)."""
        return F.tanh(x)


@dataclass(frozen=True)
class Sigmoid:
    """Logistic function."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return 1 / (1 + exp(-x))."""
        return F.sigmoid(x)


@dataclass(frozen=True)
class GELU:
    """X times the normal distribution function, by erf (Hendrycks & Gimpel 2016)."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return 0.5 x (1 + erf(x / sqrt 2))."""
        return 0.5 * x * (1.0 + F.erf(x * math.sqrt(0.5)))


@dataclass(frozen=True)
class SiLU:
    """X sigmoid(x), also called swish (Elfwing et al. 2018)."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return x * sigmoid(x)."""
        return x * F.sigmoid(x)


@dataclass(frozen=True)
class ELU:
    """X where positive, alpha (exp(x) - 1) elsewhere (Clevert et al. 2016, equation 15)."""

    alpha: float = 1.0

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return the exponential linear unit of x."""
        return _elu(x, self.alpha)


@dataclass(frozen=True)
class SELU:
    """ELU scaled so that activations normalize themselves (Klambauer et al. 2017, equation 14)."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return the scaled exponential linear unit of x."""
        return SELU_SCALE * _elu(x, SELU_ALPHA)


@dataclass(frozen=True)
class Mish:
    """X tanh(log(1 + exp(x))) (Misra 2020)."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return x times the hyperbolic tangent of its softplus."""
        softplus = F.relu(x) + F.log(1.0 + F.exp(-F.absolute(x)))  # no overflow at either end
        return x * F.tanh(softplus)


@dataclass(frozen=True)
class Hardswish:
    """X times min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, section 5.2)."""

    def __call__(self, x: Any, scope: Scope) -> Any:  # noqa: ARG002 - a layer takes a scope
        """Return the piecewise approximation of SiLU."""
        return x * F.minimum(F.relu(x + 3.0), 6.0) * (1.0 / 6.0)


@dataclass(frozen=True)
class PReLU:
    """X where positive, slope * x elsewhere, with one trained slope (He et al. 2015)."""

    slope: float = 0.25

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return the rectifier with a slope that is a parameter, neither decayed nor penalized."""
        leaf = scope.param("slope", (1,), Constant(self.slope))
        slope = F.reshape(leaf, shape=(x.shape[0], *(1,) * (x.ndim - 1)))
        return F.relu(x) - slope * F.relu(-x)


def _elu(x: Any, alpha: float) -> Any:
    return F.relu(x) + alpha * (F.exp(F.minimum(x, 0.0)) - 1.0)


ACTIVATIONS: dict[str, type] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "gelu": GELU,
    "silu": SiLU,
    "elu": ELU,
    "selu": SELU,
    "mish": Mish,
    "hardswish": Hardswish,
    "prelu": PReLU,
}
