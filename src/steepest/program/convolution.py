"""Convolution of images and its two gradients, bilinear operators that differentiate each other.

Shapes: images x are (R, N, H, W, C), weights (R, h, w, C / groups, O), results (R, N, H', W', O);
R runs, N examples, C and O channels, h × w the window. The definitions loop over the positions of
the window, one matrix product each; engines have faster ways that must agree.
"""

from typing import Any

import numpy as np

from steepest.program.primitive import Primitive
from steepest.program.structure import sum_
from steepest.program.trace import Shape, Value

Pair = tuple[int, int]


def extent(size: int, window: int, stride: int, padding: int = 0) -> int:
    """Return how many positions a window has along an axis of `size`.

    >>> extent(28, 3, 1, 1), extent(7, 2, 2)
    (28, 3)
    """
    return (size + 2 * padding - window) // stride + 1


def _padded(x: Any, padding: int) -> Any:
    edge = (padding, padding)
    return np.pad(x, ((0, 0), (0, 0), edge, edge, (0, 0)))


def _shown(x: Any, position: Pair, size: Pair, stride: int) -> Any:
    """Return the pixels that every window sees at one of its positions."""
    (i, j), (height, width) = position, size
    return x[:, :, i : i + stride * height : stride, j : j + stride * width : stride][
        :, :, :height, :width
    ]


def _conv_array(x: Any, w: Any, b: Any = None, *, stride: int, padding: int, groups: int) -> Any:
    """y[n, p, q, o] = b[o] + sum_ijc x[n, stride p + i, stride q + j, c] w[i, j, c, o]."""
    runs, examples, height, width, _ = x.shape
    _, rows, columns, inner, outer = w.shape
    size = extent(height, rows, stride, padding), extent(width, columns, stride, padding)
    padded, own = _padded(x, padding), outer // groups
    y = np.zeros((runs, examples, *size, outer), np.result_type(x, w))
    for i, j in np.ndindex(rows, columns):
        seen = _shown(padded, (i, j), size, stride)
        for k in range(groups):
            part = seen[..., k * inner : (k + 1) * inner]
            weights = w[:, i, j, :, k * own : (k + 1) * own]
            y[..., k * own : (k + 1) * own] += part @ weights[:, None, None]
    return y if b is None else y + b.reshape(runs, 1, 1, 1, outer)


def _input_array(g: Any, w: Any, *, size: Pair, stride: int, padding: int, groups: int) -> Any:
    """Add to every pixel what each window position that saw it sends back."""
    runs, examples, *seen, outer = g.shape
    _, rows, columns, inner, _ = w.shape
    own = outer // groups
    shape = (runs, examples, size[0] + 2 * padding, size[1] + 2 * padding, inner * groups)
    dx = np.zeros(shape, np.result_type(g, w))
    for i, j in np.ndindex(rows, columns):
        target = _shown(dx, (i, j), (seen[0], seen[1]), stride)
        for k in range(groups):
            weights = w[:, i, j, :, k * own : (k + 1) * own].swapaxes(-1, -2)
            part = g[..., k * own : (k + 1) * own] @ weights[:, None, None]
            target[..., k * inner : (k + 1) * inner] += part
    return dx[:, :, padding : padding + size[0], padding : padding + size[1]]


def _weight_array(x: Any, g: Any, *, window: Pair, stride: int, padding: int, groups: int) -> Any:
    """Correlate what a window position saw with what came back."""
    runs, examples, height, width, outer = g.shape
    padded, pixels = _padded(x, padding), examples * height * width
    inner, own = x.shape[-1] // groups, outer // groups
    dw = np.zeros((runs, *window, inner, outer), np.result_type(x, g))
    for i, j in np.ndindex(*window):
        seen = _shown(padded, (i, j), (height, width), stride).reshape(runs, pixels, -1)
        back = g.reshape(runs, pixels, outer)
        for k in range(groups):
            left = seen[..., k * inner : (k + 1) * inner].swapaxes(-1, -2)
            dw[:, i, j, :, k * own : (k + 1) * own] = left @ back[..., k * own : (k + 1) * own]
    return dw


def _conv_infer(
    x: Value, w: Value, b: Value | None = None, *, stride: int, padding: int, groups: int
) -> list[tuple[Shape, str]]:
    if len(x.shape) != 5 or len(w.shape) != 5:
        raise ValueError("images need the axes (R, N, H, W, C), weights (R, h, w, C / groups, O)")
    runs, examples, height, width, channels = x.shape
    _, rows, columns, inner, outer = w.shape
    if inner * groups != channels or outer % groups:
        raise ValueError(f"{channels} channels to {outer} do not divide into {groups} groups")
    if b is not None and b.shape != (runs, outer):
        raise ValueError(f"the bias has shape {b.shape}, not {(runs, outer)}")
    size = extent(height, rows, stride, padding), extent(width, columns, stride, padding)
    if min(size) < 1:
        raise ValueError(f"the window {rows}×{columns} is larger than the image {height}×{width}")
    return [((runs, examples, *size, outer), "real")]


def _input_infer(
    g: Value, w: Value, *, size: Pair, stride: int, padding: int, groups: int
) -> list[tuple[Shape, str]]:
    del stride, padding
    return [((*g.shape[:2], *size, w.shape[3] * groups), "real")]


def _weight_infer(
    x: Value, g: Value, *, window: Pair, stride: int, padding: int, groups: int
) -> list[tuple[Shape, str]]:
    del stride, padding
    return [((x.shape[0], *window, x.shape[-1] // groups, g.shape[-1]), "real")]


def _conv_x(g: Any, _y: Any, x: Any, w: Any, *_b: Any, **how: Any) -> Any:
    return conv2d_input(g, w, size=tuple(x.shape[2:4]), **how)


def _conv_w(g: Any, _y: Any, x: Any, w: Any, *_b: Any, **how: Any) -> Any:
    return conv2d_weight(x, g, window=tuple(w.shape[1:3]), **how)


def _conv_b(g: Any, *_: Any, **__: Any) -> Any:
    return sum_(g, axes=(1, 2, 3), keepdims=False)


def _input_g(h: Any, _y: Any, _g: Any, w: Any, *, size: Pair, **how: Any) -> Any:  # noqa: ARG001 - a vjp takes its primitive's attributes
    return conv2d(h, w, **how)


def _input_w(h: Any, _y: Any, g: Any, w: Any, *, size: Pair, **how: Any) -> Any:  # noqa: ARG001 - see above
    return conv2d_weight(h, g, window=tuple(w.shape[1:3]), **how)


def _weight_x(h: Any, _y: Any, x: Any, g: Any, *, window: Pair, **how: Any) -> Any:  # noqa: ARG001 - see above
    return conv2d_input(g, h, size=tuple(x.shape[2:4]), **how)


def _weight_g(h: Any, _y: Any, x: Any, _g: Any, *, window: Pair, **how: Any) -> Any:  # noqa: ARG001 - see above
    return conv2d(x, h, **how)


def _conv_flops(arguments: list[Value], outs: list[Value], _: dict[str, Any]) -> int:
    rows, columns, inner = arguments[1].shape[1:4]
    return (2 * rows * columns * inner + (len(arguments) > 2)) * outs[0].size


def _input_flops(arguments: list[Value], _: list[Value], __: dict[str, Any]) -> int:
    rows, columns, inner = arguments[1].shape[1:4]
    return 2 * rows * columns * inner * arguments[0].size


def _weight_flops(arguments: list[Value], outs: list[Value], _: dict[str, Any]) -> int:
    rows, columns, inner = outs[0].shape[1:4]
    return 2 * rows * columns * inner * arguments[1].size


conv2d = Primitive(
    "conv2d", _conv_infer, _conv_array, (_conv_x, _conv_w, _conv_b), flops=_conv_flops
)
conv2d_input = Primitive(
    "conv2d_input", _input_infer, _input_array, (_input_g, _input_w), flops=_input_flops
)
conv2d_weight = Primitive(
    "conv2d_weight", _weight_infer, _weight_array, (_weight_x, _weight_g), flops=_weight_flops
)

CONVOLUTION: dict[str, Primitive] = {p.name: p for p in (conv2d, conv2d_input, conv2d_weight)}
