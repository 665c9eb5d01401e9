"""Layers of images: convolution, pooling, squeeze-and-excitation.

Shapes: x is (R, N, H, W, C) with R runs, N examples and C channels.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from steepest.errors import UsageError
from steepest.nn.initial import He, Initial, Zeros
from steepest.nn.layer import Linear, penalize
from steepest.nn.scope import Scope
from steepest.program import F


def _checked(x: Any, layer: str, scope: Scope) -> Any:
    if x.ndim != 5:
        where = ".".join(scope.path) or "the network"
        raise UsageError(
            f"{layer} at '{where}' needs images (height, width, channels), "
            f"not examples of shape {tuple(x.shape[2:])}"
        )
    return x


@dataclass(frozen=True)
class Conv2D:
    """Cross-correlation with `filters` square kernels; w is (kernel, kernel, C / groups, filters).

    `padding`: zeros on every side; "same" keeps the size at stride 1 (odd kernels), "valid" adds
    none.
    """

    filters: int
    kernel: int = 3
    stride: int = 1
    padding: int | Literal["same", "valid"] = "same"
    groups: int = 1
    bias: bool = True
    initial: Initial = field(default_factory=He)
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float = 0.0  # bound on the norm of a filter's weights after each update; 0: none

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return (R, N, H', W', filters)."""
        channels = _checked(x, "Conv2D", scope).shape[-1]
        if channels % self.groups or self.filters % self.groups:
            raise UsageError(
                f"Conv2D at '{'.'.join(scope.path)}': {channels} channels and {self.filters} "
                f"filters do not divide into {self.groups} groups"
            )
        shape = (self.kernel, self.kernel, channels // self.groups, self.filters)
        w = scope.param("w", shape, self.initial, self.max_norm)
        penalize(w, self.l1, self.l2, scope)
        b = [scope.param("b", (self.filters,), Zeros())] if self.bias else []
        how = {"stride": self.stride, "padding": self.margin, "groups": self.groups}
        return F.conv2d(x, w, *b, **how)

    @property
    def margin(self) -> int:
        """The zeros added on every side."""
        if self.padding == "valid":
            return 0
        if self.padding == "same":
            if self.kernel % 2 == 0:
                raise UsageError(
                    f'padding="same" needs an odd kernel, not {self.kernel}; give a number'
                )
            return self.kernel // 2
        if isinstance(self.padding, int) and self.padding >= 0:
            return self.padding
        raise UsageError(f'padding {self.padding!r} is not "same", "valid" or a number of pixels')


def is_convolutional(layer: Any) -> bool:
    """Tell whether a convolution stands anywhere in a description.

    >>> is_convolutional((Linear(3), (Conv2D(4),)))
    True
    """
    if isinstance(layer, Conv2D):
        return True
    if isinstance(layer, (tuple, list)):
        return any(map(is_convolutional, layer))
    return is_dataclass(layer) and any(
        is_convolutional(getattr(layer, each.name)) for each in fields(layer)
    )


@dataclass(frozen=True)
class MaxPool:
    """The largest pixel of every window, per channel; stride as wide as the window if 0."""

    window: int = 2
    stride: int = 0

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return (R, N, H', W', C); a remainder at the border is dropped."""
        _checked(x, "MaxPool", scope)
        return F.max_pool(x, window=self.window, stride=self.stride or self.window)[0]


@dataclass(frozen=True)
class AvgPool:
    """The mean of every window, per channel; stride as wide as the window if 0."""

    window: int = 2
    stride: int = 0

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return (R, N, H', W', C); a remainder at the border is dropped."""
        _checked(x, "AvgPool", scope)
        return F.avg_pool(x, window=self.window, stride=self.stride or self.window)


@dataclass(frozen=True)
class GlobalAveragePool:
    """The mean over all pixels (Lin et al. 2014, section 3.2)."""

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return (R, N, C)."""
        return F.mean(_checked(x, "GlobalAveragePool", scope), axis=(2, 3))


@dataclass(frozen=True)
class AdaptiveAveragePool:
    """Means over a grid of `size` × `size` parts of the image.

    Part i of an axis of n pixels runs from floor(i n / size) to ceil((i + 1) n / size), as in
    PyTorch; parts overlap where n is no multiple.
    """

    size: int = 1

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return (R, N, size, size, C)."""
        return self._along(self._along(_checked(x, "AdaptiveAveragePool", scope), 2), 3)

    def _along(self, x: Any, axis: int) -> Any:
        n, parts = x.shape[axis], []
        for i in range(self.size):
            start, stop = i * n // self.size, -(-(i + 1) * n // self.size)
            part = F.part(x, axis=axis, start=start, stop=stop)
            parts.append(F.mean(part, axis=axis, keepdims=True))
        return F.concat(*parts, axis=axis) if self.size > 1 else parts[0]


@dataclass(frozen=True)
class Shortcut:
    """The parameter-free shortcut of a residual network (He et al. 2016, option A).

    Every `stride`-th pixel, with zeros for the channels that are missing: `before` of them in front
    of the others, half if negative.
    """

    filters: int
    stride: int = 2
    before: int = -1

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return (R, N, H', W', filters)."""
        _checked(x, "Shortcut", scope)
        y = F.avg_pool(x, window=1, stride=self.stride) if self.stride > 1 else x
        missing = self.filters - x.shape[-1]
        if not missing:
            return y
        before = self.front(missing)
        return F.pad(y, axis=4, before=before, after=missing - before)

    def front(self, missing: int) -> int:
        """Return how many of the missing channels stand in front."""
        return missing // 2 if self.before < 0 else self.before


@dataclass(frozen=True)
class SqueezeExcite:
    """Channels weighted by a small network of their means (Hu et al. 2018, equations 2 to 4)."""

    ratio: int = 16

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return x times one weight in (0, 1) per example and channel."""
        channels = _checked(x, "SqueezeExcite", scope).shape[-1]
        means = F.mean(x, axis=(2, 3))
        inner = F.relu(scope.call("squeeze", Linear(max(1, channels // self.ratio)), means))
        weights = F.sigmoid(scope.call("excite", Linear(channels), inner))
        return x * F.reshape(weights, shape=(*x.shape[:2], 1, 1, channels))
