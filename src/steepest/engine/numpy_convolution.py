"""NumPy kernels of convolution and its gradients: windows unfolded chunk by chunk, then one GEMM.

A chunk is as many images, or lines of one, as unfold into about 1 MB: its matrix is made, used and
forgotten within the cache. All calls and views are made when a program is bound.
Shapes have no run axis here: x (N, H, W, C), weights (h, w, C / groups, O), y (N, H', W', O).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from steepest.engine.protocol import Call

Array = np.ndarray
Band = tuple[slice, slice]  # examples, and lines of the result
CHUNK_BYTES = 1 << 20  # measured: 0.5 to 2 MB are equal, whole batches 1.3 to 1.5 times slower


@dataclass(frozen=True)
class Window:
    """How windows lie on an image: extents of the window and of its positions, stride, padding."""

    window: tuple[int, int]
    size: tuple[int, int]
    stride: int
    padding: int

    @property
    def is_pixel(self) -> bool:
        """Tell whether a window is one pixel and every pixel has one: nothing to unfold."""
        return self.window == (1, 1) and self.stride == 1 and self.padding == 0


def _chunks(examples: int, bytes_each: int) -> Iterator[slice]:
    step = max(1, min(examples, CHUNK_BYTES // max(bytes_each, 1)))
    for start in range(0, examples, step):
        yield slice(start, min(start + step, examples))


def _views(x: Array, how: Window, planes: bool) -> Array:
    """Return all windows of images as a view: (n, H', W', h, w, C), or pixels last for planes."""
    (rows, columns), (height, width), s = how.window, how.size, how.stride
    n, h, w, c = x.strides
    count, channels = x.shape[0], x.shape[3]
    if planes:
        shape = (rows, columns, channels, count, height, width)
        return as_strided(x, shape, (h, w, c, n, h * s, w * s))
    shape = (count, height, width, rows, columns, channels)
    return as_strided(x, shape, (n, h * s, w * s, h, w, c))


def _bands(how: Window, examples: int, row_bytes: int) -> Iterator[Band]:
    """Yield chunks of whole images, or of lines of one image where that alone is too large."""
    height = how.size[0]
    lines = max(1, CHUNK_BYTES // max(row_bytes, 1))
    if lines >= height:
        for part in _chunks(examples, height * row_bytes):
            yield part, slice(0, height)
        return
    for example in range(examples):
        for start in range(0, height, lines):
            yield slice(example, example + 1), slice(start, min(start + lines, height))


def unfold(x: Array, how: Window) -> Iterator[tuple[Band, list[Call], Array]]:
    """Yield per chunk: its part of y, the calls that unfold it, the matrix (pixels, h w C).

    Few channels are copied plane by plane (rows of pixels), many window by window (rows of
    channels), whichever rows are longer; BLAS reads either order.
    """
    examples, height, width, channels = x.shape
    inner, p = how.window[0] * how.window[1] * channels, how.padding
    planes = how.window[1] * channels < how.size[1]
    bands = list(_bands(how, examples, inner * how.size[1] * x.itemsize))
    widest, lines = bands[0][0].stop, bands[0][1].stop
    matrix = np.empty(0 if how.is_pixel else widest * lines * how.size[1] * inner, x.dtype)
    border = np.zeros((widest, height + 2 * p, width + 2 * p, channels) if p else 0, x.dtype)
    for part, rows in bands:
        n, calls, source = part.stop - part.start, list[Call](), x[part]
        pixels = n * (rows.stop - rows.start) * how.size[1]
        if how.is_pixel and source[:, rows].flags.c_contiguous:
            yield (part, rows), [], source[:, rows].reshape(pixels, inner)
            continue
        if p:
            if rows.start == 0:
                calls.append((np.copyto, (border[:n, p : p + height, p : p + width], source)))
            source = border[:n]
        own = replace(how, size=(rows.stop - rows.start, how.size[1]))
        seen = _views(source[:, rows.start * how.stride :], own, planes)
        target = (matrix if matrix.size else np.empty(seen.size, x.dtype))[: seen.size]
        calls.append((np.copyto, (target.reshape(seen.shape), seen)))
        flat = target.reshape((inner, pixels) if planes else (pixels, inner))
        yield (part, rows), calls, flat.T if planes else flat


def _grouped(x: Array, groups: int) -> list[Array]:
    own = x.shape[-1] // groups
    return [x[..., k * own : (k + 1) * own] for k in range(groups)]


def _flat(x: Array, calls: list[Call]) -> Array:
    """Return images as (pixels, C), by a call that copies them where strides forbid a view."""
    shape = (x[..., 0].size, x.shape[-1])
    if x.flags.c_contiguous:
        return x.reshape(shape)
    own = np.empty(shape, x.dtype)
    calls.append((np.copyto, (own.reshape(x.shape), x)))
    return own


def _correlate(x: Array, w: Array, y: Array, how: Window) -> list[Call]:
    """Return y = windows of x times weights, one group; y may be a part of the channels."""
    calls: list[Call] = []
    weights = _flat(w, calls)
    for part, unfolding, matrix in unfold(x, how):
        out = y[part]
        inside = out.flags.c_contiguous
        flat = (
            out.reshape(-1, out.shape[-1])
            if inside
            else np.empty_like(out.reshape(-1, out.shape[-1]))
        )
        calls += [*unfolding, (np.dot, (matrix, weights, flat))]
        if not inside:
            calls.append((np.copyto, (out, flat.reshape(out.shape))))
    return calls


def _add_rows(y: Array, b: Array) -> list[Call]:
    """Add b over the channels, in rows as long as an image's so that inner loops are long."""
    width = y.shape[2]
    row = np.empty((width, b.size), y.dtype)
    rows = y.reshape(-1, width * b.size, copy=False)
    return [(np.copyto, (row, b)), (np.add, (rows, row.reshape(-1), rows))]


def conv2d(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    """Unfold and multiply, group by group; then add the bias."""
    x, w, *bias = args
    y, groups = outs[0], attributes["groups"]
    how = Window(w.shape[:2], y.shape[1:3], attributes["stride"], attributes["padding"])
    calls: list[Call] = []
    for part, weights, out in zip(
        _grouped(x, groups), _grouped(w, groups), _grouped(y, groups), strict=True
    ):
        calls += _correlate(part, weights, out, how)
    return calls + (_add_rows(y, bias[0]) if bias else [])


def _fold(g: Array, w: Array, dx: Array, how: Window) -> list[Call]:
    """Add every window's columns back to the pixels it saw, chunk by chunk."""
    (rows, columns), (height, width), s = how.window, how.size, how.stride
    p, inner, outer = how.padding, w.shape[2], w.shape[3]
    calls: list[Call] = []
    weights = _flat(w, calls).reshape(rows * columns, inner, outer)
    pixels = height * width
    for part in _chunks(g.shape[0], inner * pixels * rows * g.itemsize):
        n = part.stop - part.start
        own = _flat(g[part], calls)
        border = np.empty((n, dx.shape[1] + 2 * p, dx.shape[2] + 2 * p, inner), g.dtype)
        sent = np.empty((n * pixels, inner), g.dtype)
        calls.append((border.fill, (0,)))
        for k, (i, j) in enumerate(np.ndindex(rows, columns)):
            target = border[:, i : i + s * height : s, j : j + s * width : s]
            target = target[:, :height, :width]
            calls.append((np.dot, (own, weights[k].T, sent)))
            calls.append((np.add, (target, sent.reshape(target.shape), target)))
        inside = border[:, p : p + dx.shape[1], p : p + dx.shape[2]]
        calls.append((np.copyto, (dx[part], inside)))
    return calls


def conv2d_input(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    """Convolve g with the turned weights, or add windows back where that is not possible.

    It needs stride 1. With fewer pixels than channels (the last stages of a residual network)
    turning the weights costs more than it saves: 11 against 23 ms at 128 pixels and 512 channels.
    """
    g, w = args
    dx, groups, padding = outs[0], attributes["groups"], attributes["padding"]
    rows, columns = w.shape[:2]
    possible = attributes["stride"] == 1 and rows == columns and padding < rows
    turned = possible and g[..., 0].size >= w.shape[2]
    calls: list[Call] = []
    for back, weights, out in zip(
        _grouped(g, groups), _grouped(w, groups), _grouped(dx, groups), strict=True
    ):
        if turned:
            flipped = np.empty((rows, columns, weights.shape[3], weights.shape[2]), w.dtype)
            calls.append((np.copyto, (flipped, weights[::-1, ::-1].swapaxes(2, 3))))
            how = Window((rows, columns), (dx.shape[1], dx.shape[2]), 1, rows - 1 - padding)
            calls += _correlate(back, flipped, out, how)
        else:
            size = (g.shape[1], g.shape[2])
            how = Window((rows, columns), size, attributes["stride"], padding)
            calls += _fold(back, weights, out, how)
    return calls


def conv2d_weight(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    """Unfold x again and multiply with g; chunks add up in order."""
    x, g = args
    dw, groups = outs[0], attributes["groups"]
    how = Window(dw.shape[:2], g.shape[1:3], attributes["stride"], attributes["padding"])
    calls: list[Call] = []
    for part, back, out in zip(
        _grouped(x, groups), _grouped(g, groups), _grouped(dw, groups), strict=True
    ):
        total = np.empty((out[..., 0].size, out.shape[-1]), dw.dtype)
        piece = np.empty_like(total)
        for chunk, unfolding, matrix in unfold(part, how):
            own = _flat(back[chunk], calls)
            first = chunk[0].start == chunk[1].start == 0
            calls += [*unfolding, (np.dot, (matrix.T, own, total if first else piece))]
            if not first:
                calls.append((np.add, (total, piece, total)))
        calls.append((np.copyto, (out, total.reshape(out.shape))))
    return calls
