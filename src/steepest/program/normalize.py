"""Normalization by the mean and variance over some axes, with its statistics and its gradient.

y = (x - mean) / sqrt(variance + eps) * gain + shift (Ioffe & Szegedy 2015, algorithm 1); `gain`,
`shift` and the statistics have the shape of x with ones at the axes; the variance is biased.
"""

import math
from typing import Any

import numpy as np

from steepest.program.primitive import Primitive
from steepest.program.trace import Shape, Value

Axes = tuple[int, ...]


def count(shape: Shape, axes: Axes) -> int:
    """Return how many elements one mean is taken over."""
    return math.prod(shape[i] for i in axes)


def _statistics(shape: Shape, axes: Axes) -> Shape:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _normalize_array(
    x: Any, gain: Any, shift: Any, *, axes: Axes, eps: float
) -> tuple[Any, Any, Any]:
    mean = x.mean(axis=axes, keepdims=True)
    variance = np.square(x - mean).mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * gain + shift, mean, variance


def _normalize_infer(
    x: Value, gain: Value, shift: Value, *, axes: Axes, eps: float
) -> list[tuple[Shape, str]]:
    shape = _statistics(x.shape, axes)
    if gain.shape != shape or shift.shape != shape:
        raise ValueError(f"gain and shift need the shape {shape} of the statistics")
    if eps <= 0:
        raise ValueError(f"eps {eps} must be positive")
    return [(x.shape, "real"), (shape, "real"), (shape, "real")]


def _grad_array(
    g: Any, x: Any, gain: Any, mean: Any, variance: Any, **how: Any
) -> tuple[Any, Any, Any]:
    """Return the cotangents of x, gain and shift (Ioffe & Szegedy 2015, section 3, summed up)."""
    axes = how["axes"]
    n, root = count(x.shape, axes), np.sqrt(variance + how["eps"])
    z = (x - mean) / root
    to_gain, to_shift = (h.sum(axis=axes, keepdims=True) for h in (g * z, g))
    return gain / root * (g - to_shift / n - z * (to_gain / n)), to_gain, to_shift


def _grad_infer(g: Value, _x: Value, gain: Value, *_: Value, **__: Any) -> list[tuple[Shape, str]]:
    return [(g.shape, "real"), (gain.shape, "real"), (gain.shape, "real")]


def _vjp(which: int) -> Any:
    """One instruction gives all three cotangents; elimination merges what the vjps record."""

    def vjp(g: Any, y: Any, x: Any, gain: Any, _shift: Any, **how: Any) -> Any:
        return normalize_grad(g, x, gain, y[1], y[2], **how)[which]

    return vjp


normalize = Primitive(
    "normalize",
    _normalize_infer,
    _normalize_array,
    (_vjp(0), _vjp(1), _vjp(2)),
    flops=lambda arguments, _, __: 6 * arguments[0].size,
)
normalize_grad = Primitive(
    "normalize_grad",
    _grad_infer,
    _grad_array,
    (),
    flops=lambda arguments, _, __: 9 * arguments[0].size,
)

NORMALIZE: dict[str, Primitive] = {p.name: p for p in (normalize, normalize_grad)}
