"""Initial values of parameters, as frozen descriptions drawn from a named stream.

Fans of a weight of shape (..., in, out): fan_in = product of all axes but the last, fan_out =
product of all axes but the one before the last.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from steepest.part import build, parse

Shape = tuple[int, ...]
Generator = np.random.Generator


class Initial(Protocol):
    """Draws float64 values for a leaf."""

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:
        """Return float64 values of `shape`."""
        ...


def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight.

    >>> fans((784, 128)), fans((3, 3, 8, 16))
    ((784, 128), (72, 144))
    """
    if len(shape) < 2:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


@dataclass(frozen=True)
class Zeros:
    """All zero."""

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:  # noqa: ARG002 - a constant
        """Return zeros."""
        return np.zeros(shape)


@dataclass(frozen=True)
class Constant:
    """All the same number."""

    value: float = 1.0

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:  # noqa: ARG002 - a constant
        """Return `value` everywhere."""
        return np.full(shape, self.value)


@dataclass(frozen=True)
class Normal:
    """Normal with a given standard deviation."""

    std: float = 0.01

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:
        """Return normal values."""
        return self.std * generator.standard_normal(shape)


@dataclass(frozen=True)
class Glorot:
    """Uniform on ±sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, equation 16)."""

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:
        """Return uniform values."""
        bound = math.sqrt(6.0 / sum(fans(shape)))
        return generator.uniform(-bound, bound, shape)


@dataclass(frozen=True)
class He:
    """Normal with variance 2 / fan_in (He et al. 2015, equation 10), for ReLU."""

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:
        """Return normal values."""
        return math.sqrt(2.0 / fans(shape)[0]) * generator.standard_normal(shape)


@dataclass(frozen=True)
class LeCun:
    """Normal with variance 1 / fan_in (LeCun et al. 1998, section 4.6), for SELU and tanh."""

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:
        """Return normal values."""
        return math.sqrt(1.0 / fans(shape)[0]) * generator.standard_normal(shape)


@dataclass(frozen=True)
class FanIn:
    """Uniform on ±sqrt(1 / fan_in), variance 1 / (3 fan_in): PyTorch's Linear and Conv2d."""

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:
        """Return uniform values."""
        bound = math.sqrt(1.0 / fans(shape)[0])
        return generator.uniform(-bound, bound, shape)


@dataclass(frozen=True)
class Orthogonal:
    """A matrix with orthonormal columns (or rows, if wider), times `gain` (Saxe et al. 2014)."""

    gain: float = 1.0

    def draw(self, shape: Shape, generator: Generator) -> np.ndarray:
        """Return an orthogonal matrix reshaped to `shape`; axes but the last form its rows."""
        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = generator.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(normal)
        q = q * np.sign(np.diag(r))  # makes the distribution uniform (Mezzadri 2007)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


INITIALS: dict[str, type] = {
    "zeros": Zeros,
    "constant": Constant,
    "normal": Normal,
    "glorot": Glorot,
    "he": He,
    "lecun": LeCun,
    "fan_in": FanIn,
    "orthogonal": Orthogonal,
}


def initial_of(text: str) -> Any:
    """Return initial values by name, with options where they are written: "normal(std=0.1)"."""
    return build("initial values", parse("initial values", text, INITIALS), INITIALS)
