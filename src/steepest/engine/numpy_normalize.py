"""NumPy kernels of normalization and its gradient, in blocks that stay in cache.

Statistics over leading axes (batch normalization) work on rows as long as an image's, with the
per-channel vectors repeated along them, so that inner loops are long; sums over rows are BLAS
matrix-vector products. Other axes take whole-array operations. No run axis here.
"""

from typing import Any

import numpy as np

from steepest.engine.protocol import Call

Array = np.ndarray
BLOCK = 1 << 15  # elements: three blocks of float32 fit the L2 cache


def _fold(x: Array) -> int:
    """Return how many channel vectors make a row: a line of pixels, or one for flat examples."""
    return int(x.shape[2]) if x.ndim == 4 else 1


def _is_leading(axes: tuple[int, ...], x: Array) -> bool:
    """Tell whether statistics run over all axes but the last (`axes` count the run axis)."""
    return axes == tuple(range(1, x.ndim)) and x.flags.c_contiguous and x.ndim in {2, 4}


class _Rows:
    """Arrays of one shape as rows of repeated channels, cut into blocks."""

    def __init__(self, x: Array) -> None:
        self.channels, self.repeat = x.shape[-1], _fold(x)
        self.width = self.channels * self.repeat
        self.count = x.size // self.width
        self.step = max(1, min(self.count, BLOCK // self.width))
        self.dtype = x.dtype
        self.ones = np.ones(self.count, x.dtype)
        self.pixels = np.asarray(1.0 / (self.count * self.repeat), x.dtype)

    def cut(self, *arrays: Array) -> list[list[Array]]:
        """Return per block the rows of every array."""
        rows = [a.reshape(self.count, self.width, copy=False) for a in arrays]
        starts = range(0, self.count, self.step)
        return [[r[i : i + self.step] for r in rows] for i in starts]

    def scratch(self) -> Array:
        """Return memory for one block."""
        return np.empty((self.step, self.width), self.dtype)

    def row(self) -> Array:
        """Return memory for a vector repeated along a row."""
        return np.empty(self.width, self.dtype)

    def channel(self) -> Array:
        """Return memory for one number per channel."""
        return np.empty(self.channels, self.dtype)

    def spread(self, vector: Array, row: Array) -> Call:
        """Return the call that repeats a channel vector along a row."""
        return np.copyto, (row.reshape(self.repeat, self.channels), vector.reshape(-1))

    def gather(self, row: Array, vector: Array) -> Call:
        """Return the call that sums the repetitions of a row into a channel vector."""
        return np.add.reduce, (row.reshape(self.repeat, self.channels), 0, None, vector)

    def accumulate(self, block: Array, total: Array, piece: Array, first: bool) -> list[Call]:
        """Return the calls that add the sum of a block's rows to `total`."""
        ones = self.ones[: block.shape[0]]
        if first:
            return [(np.dot, (ones, block, total))]
        return [(np.dot, (ones, block, piece)), (np.add, (total, piece, total))]


def normalize(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    """Mean, centred variance, then x a + c with a = gain / sqrt(variance + eps)."""
    if not _is_leading(attributes["axes"], args[0]):
        return _normalize_any(args, outs, attributes)
    x, gain, shift = args
    y, mean, variance = (outs[0], outs[1].reshape(-1), outs[2].reshape(-1))
    rows = _Rows(x)
    total, piece, centre, scale, scratch = (
        rows.row(),
        rows.row(),
        rows.row(),
        rows.row(),
        rows.scratch(),
    )
    a, c = rows.channel(), rows.channel()
    calls: list[Call] = []
    for k, (block,) in enumerate(rows.cut(x)):
        calls += rows.accumulate(block, total, piece, first=k == 0)
    calls += [rows.gather(total, mean), (np.multiply, (mean, rows.pixels, mean))]
    calls.append(rows.spread(mean, centre))
    for k, (block,) in enumerate(rows.cut(x)):
        t = scratch[: block.shape[0]]
        calls += [(np.subtract, (block, centre, t)), (np.multiply, (t, t, t))]
        calls += rows.accumulate(t, total, piece, first=k == 0)
    calls += [rows.gather(total, variance), (np.multiply, (variance, rows.pixels, variance))]
    calls += _inverse_root(variance, a, attributes["eps"])
    calls += [(np.multiply, (a, gain.reshape(-1), a)), rows.spread(a, scale)]
    calls += [(np.copyto, (c, shift.reshape(-1))), rows.spread(c, total)]
    for block, out in rows.cut(x, y):
        calls += [(np.subtract, (block, centre, out)), (np.multiply, (out, scale, out))]
        calls.append((np.add, (out, total, out)))
    return calls


def _inverse_root(variance: Array, out: Array, eps: float) -> list[Call]:
    return [
        (np.add, (variance, np.asarray(eps, out.dtype), out)),
        (np.sqrt, (out, out)),
        (np.reciprocal, (out, out)),
    ]


def normalize_grad(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    """Return dx = a (g - mean(g) - z mean(g z)) with z = (x - mean) / sqrt(variance + eps)."""
    if not _is_leading(attributes["axes"], args[0]) or not args[1].flags.c_contiguous:
        return _grad_any(args, outs, attributes)
    g, x, gain, mean, variance = args
    dx, to_gain, to_shift = outs[0], outs[1].reshape(-1), outs[2].reshape(-1)
    rows = _Rows(x)
    centre, total, piece, sums, scratch = (
        rows.row(),
        rows.row(),
        rows.row(),
        rows.row(),
        rows.scratch(),
    )
    root, a, k = rows.channel(), rows.channel(), rows.channel()
    calls = [
        rows.spread(mean, centre),
        *_inverse_root(variance.reshape(-1), root, attributes["eps"]),
    ]
    for i, (back, block) in enumerate(rows.cut(g, x)):
        t = scratch[: block.shape[0]]
        calls += rows.accumulate(back, sums, piece, first=i == 0)
        calls += [(np.subtract, (block, centre, t)), (np.multiply, (t, back, t))]
        calls += rows.accumulate(t, total, piece, first=i == 0)
    calls += [rows.gather(sums, to_shift), rows.gather(total, to_gain)]
    calls += [
        (np.multiply, (to_gain, root, to_gain)),
        (np.multiply, (root, gain.reshape(-1), a)),
        (np.multiply, (to_gain, root, k)),  # of x - mean, before the division by the pixels
        (np.multiply, (k, rows.pixels, k)),
        rows.spread(k, total),
        (np.multiply, (to_shift, rows.pixels, k)),
        rows.spread(k, sums),
        rows.spread(a, piece),
    ]
    for back, block, out in rows.cut(g, x, dx):
        t = scratch[: block.shape[0]]
        calls += _send_back(back, block, out, (t, centre, total, sums, piece))
    return calls


def _send_back(g: Array, x: Array, dx: Array, memory: tuple[Array, ...]) -> list[Call]:
    """Return the calls of dx = (g - (x - centre) k - mean) a on one block."""
    t, centre, k, mean, a = memory
    return [
        (np.subtract, (x, centre, t)),
        (np.multiply, (t, k, t)),
        (np.subtract, (g, t, t)),
        (np.subtract, (t, mean, t)),
        (np.multiply, (t, a, dx)),
    ]


def _own_axes(attributes: dict[str, Any]) -> tuple[int, ...]:
    return tuple(i - 1 for i in attributes["axes"])


def _scale(x: Array, statistics: Array) -> Array:
    return np.asarray(statistics.size / x.size, x.dtype)


def _normalize_any(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    x, gain, shift = args
    y, mean, variance = outs
    axes, per = _own_axes(attributes), _scale(x, outs[1])
    a, t = np.empty_like(mean), np.empty_like(y)
    return [
        (np.add.reduce, (x, axes, None, mean, True)),
        (np.multiply, (mean, per, mean)),
        (np.subtract, (x, mean, y)),
        (np.multiply, (y, y, t)),
        (np.add.reduce, (t, axes, None, variance, True)),
        (np.multiply, (variance, per, variance)),
        *_inverse_root(variance, a, attributes["eps"]),
        (np.multiply, (a, gain, a)),
        (np.multiply, (y, a, y)),
        (np.add, (y, shift, y)),
    ]


def _grad_any(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    g, x, gain, mean, variance = args
    dx, to_gain, to_shift = outs
    axes, per = _own_axes(attributes), _scale(x, mean)
    root, k, t, z = np.empty_like(mean), np.empty_like(mean), np.empty_like(g), np.empty_like(g)
    return [
        *_inverse_root(variance, root, attributes["eps"]),
        (np.subtract, (x, mean, z)),
        (np.multiply, (z, root, z)),
        (np.multiply, (g, z, t)),
        (np.add.reduce, (t, axes, None, to_gain, True)),
        (np.add.reduce, (g, axes, None, to_shift, True)),
        (np.multiply, (to_gain, per, k)),
        (np.multiply, (z, k, z)),
        (np.subtract, (g, z, t)),
        (np.multiply, (to_shift, per, k)),
        (np.subtract, (t, k, t)),
        (np.multiply, (root, gain, k)),
        (np.multiply, (t, k, dx)),
    ]
