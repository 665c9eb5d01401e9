"""Pooling of images over square windows without padding.

Shapes: x is (R, N, H, W, C), y is (R, N, H', W', C); R runs, N examples, C channels. Pixels that no
window reaches (the remainder of a division) get no gradient.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from steepest.program.convolution import extent
from steepest.program.primitive import Primitive
from steepest.program.trace import Shape, Value


def corners(x: Any, window: int, stride: int) -> Iterator[Any]:
    """Yield for every position of the window the pixels seen there, (..., H', W', C), as views."""
    height, width = (extent(n, window, stride) for n in x.shape[-3:-1])
    for i, j in np.ndindex(window, window):
        yield x[..., i : i + stride * height : stride, j : j + stride * width : stride, :][
            ..., :height, :width, :
        ]


def offsets(width: int, window: int) -> list[int]:
    """Return how far every position of a window lies behind its first pixel, line after line.

    >>> offsets(28, 2)
    [0, 1, 28, 29]
    """
    return [i * width + j for i, j in np.ndindex(window, window)]


def _max_array(x: Any, *, window: int, stride: int) -> tuple[Any, Any]:
    """Return the largest pixel of every window and its offset there, the first where some tie."""
    seen = np.stack(list(corners(x, window, stride)))
    return seen.max(axis=0), np.array(offsets(x.shape[3], window))[seen.argmax(axis=0)]


def _max_grad_array(g: Any, where: Any, *, shape: Shape, window: int, stride: int) -> Any:
    dx = np.zeros((*g.shape[:2], *shape), g.dtype)
    behind = offsets(shape[1], window)
    for k, target in zip(behind, corners(dx, window, stride), strict=True):
        np.add(target, np.where(where == k, g, 0), out=target)
    return dx


def _average_array(x: Any, *, window: int, stride: int) -> Any:
    return np.stack(list(corners(x, window, stride))).sum(axis=0) / window**2


def _average_grad_array(g: Any, *, shape: Shape, window: int, stride: int) -> Any:
    dx = np.zeros((*g.shape[:2], *shape), g.dtype)
    for target in corners(dx, window, stride):
        np.add(target, g / window**2, out=target)
    return dx


def _pooled(x: Value, window: int, stride: int) -> Shape:
    if len(x.shape) != 5:
        raise ValueError("images need the axes (R, N, H, W, C)")
    runs, examples, height, width, channels = x.shape
    size = extent(height, window, stride), extent(width, window, stride)
    if min(size) < 1:
        raise ValueError(f"the window {window}×{window} is larger than the image {height}×{width}")
    return (runs, examples, *size, channels)


def _max_infer(x: Value, *, window: int, stride: int) -> list[tuple[Shape, str]]:
    shape = _pooled(x, window, stride)
    fits = offsets(x.shape[3], window)[-1] < 256
    return [(shape, "real"), (shape, "byte" if fits else "int")]


def _grad_infer(g: Value, *_: Value, shape: Shape, **__: Any) -> list[tuple[Shape, str]]:
    return [((*g.shape[:2], *shape), "real")]


def _window_flops(_: list[Value], outs: list[Value], attributes: dict[str, Any]) -> int:
    size: int = attributes["window"] ** 2
    return size * outs[0].size


def _grad_flops(arguments: list[Value], _: list[Value], attributes: dict[str, Any]) -> int:
    size: int = attributes["window"] ** 2
    return size * arguments[0].size


def _max_vjp(g: Any, y: Any, x: Any, **how: int) -> Any:
    return max_pool_grad(g, y[1], shape=tuple(x.shape[2:]), **how)


def _average_vjp(g: Any, _y: Any, x: Any, **how: int) -> Any:
    return avg_pool_grad(g, shape=tuple(x.shape[2:]), **how)


max_pool = Primitive("max_pool", _max_infer, _max_array, (_max_vjp,), flops=_window_flops)
max_pool_grad = Primitive("max_pool_grad", _grad_infer, _max_grad_array, (), flops=_grad_flops)
avg_pool = Primitive(
    "avg_pool",
    lambda x, *, window, stride: [(_pooled(x, window, stride), "real")],
    _average_array,
    (_average_vjp,),
    flops=_window_flops,
)
avg_pool_grad = Primitive(
    "avg_pool_grad",
    _grad_infer,
    _average_grad_array,
    (lambda h, _y, _g, shape, **how: avg_pool(h, **how),),  # noqa: ARG005 - a vjp takes its primitive's attributes
    flops=_grad_flops,
)

POOLING: dict[str, Primitive] = {
    p.name: p for p in (max_pool, max_pool_grad, avg_pool, avg_pool_grad)
}
