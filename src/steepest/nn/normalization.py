"""Normalization layers. Gain and shift are neither decayed nor penalized.

Shapes: x is (R, N, ..., C). Statistics are of one run each: batched runs never mix.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.nn.initial import Constant, Zeros
from steepest.nn.scope import Scope
from steepest.program import F


@dataclass(frozen=True)
class BatchNorm:
    """Each channel over the batch and all pixels (Ioffe & Szegedy 2015, algorithms 1 and 2).

    Running statistics move by `momentum` a step, as in PyTorch, with the unbiased variance; they
    are what evaluation normalizes with. Where a channel has one value only, its variance is 0.
    """

    momentum: float = 0.1
    eps: float = 1e-5

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return x normalized, of the same shape."""
        gain = scope.vector("gain", x, Constant(1.0))
        shift = scope.vector("shift", x, Zeros())
        width = x.shape[-1]
        mean = scope.statistic("mean", (width,), Zeros())
        variance = scope.statistic("variance", (width,), Constant(1.0))
        if not scope.train:
            a = gain / F.sqrt(F.reshape(variance, shape=tuple(gain.shape)) + self.eps)
            return x * a + (shift - F.reshape(mean, shape=tuple(gain.shape)) * a)
        axes = tuple(range(1, x.ndim - 1))
        y, seen_mean, seen_variance = F.normalize(x, gain, shift, axes=axes, eps=self.eps)
        n = int(np.prod([x.shape[i] for i in axes]))
        unbiased = seen_variance * (n / max(n - 1, 1))
        self._follow("mean", mean, seen_mean, scope)
        self._follow("variance", variance, unbiased, scope)
        return y

    def _follow(self, name: str, old: Any, seen: Any, scope: Scope) -> None:
        own = F.reshape(seen, shape=tuple(old.shape))
        scope.update(name, old, (1.0 - self.momentum) * old + self.momentum * own)


def _standardize(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """Return x with mean 0 and variance 1 over `axes`."""
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    one, zero = (x.recorder.constant(np.full(shape, value)) for value in (1.0, 0.0))
    return F.normalize(x, one, zero, axes=axes, eps=eps)[0]


def _scaled(x: Any, scope: Scope) -> Any:
    return x * scope.vector("gain", x, Constant(1.0)) + scope.vector("shift", x, Zeros())


@dataclass(frozen=True)
class LayerNorm:
    """Each example, or each of its pixels, over the last axis (Ba et al. 2016, equation 4)."""

    eps: float = 1e-5

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return x normalized, of the same shape."""
        return _scaled(_standardize(x, (x.ndim - 1,), self.eps), scope)


@dataclass(frozen=True)
class GroupNorm:
    """Each example over all pixels of a group of channels (Wu & He 2018, equation 7)."""

    groups: int = 32
    eps: float = 1e-5

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return x normalized, of the same shape; raise UsageError where groups do not divide."""
        width = x.shape[-1]
        if width % self.groups:
            raise UsageError(
                f"GroupNorm at '{'.'.join(scope.path)}': {width} channels do not divide "
                f"into {self.groups} groups"
            )
        split = (*x.shape[:-1], self.groups, width // self.groups)
        axes = (*range(2, x.ndim - 1), x.ndim)
        y = _standardize(F.reshape(x, shape=split), axes, self.eps)
        return _scaled(F.reshape(y, shape=tuple(x.shape)), scope)


@dataclass(frozen=True)
class InstanceNorm:
    """Each channel of each example over its pixels (Ulyanov et al. 2016, equation 2)."""

    eps: float = 1e-5
    affine: bool = True  # PyTorch's default is False

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return x normalized, of the same shape."""
        if x.ndim < 4:
            raise UsageError(
                f"InstanceNorm at '{'.'.join(scope.path)}' needs pixels to normalize over, "
                f"not examples of shape {tuple(x.shape[2:])}"
            )
        y = _standardize(x, tuple(range(2, x.ndim - 1)), self.eps)
        return _scaled(y, scope) if self.affine else y


NORMALIZATIONS: dict[str, type] = {
    "batch": BatchNorm,
    "layer": LayerNorm,
    "group": GroupNorm,
    "instance": InstanceNorm,
}
