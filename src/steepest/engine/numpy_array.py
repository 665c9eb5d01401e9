"""NumPy kernels of the array operators and of the structural primitives, for one run each.

A kernel takes (arguments, outputs, attributes) without the run axis and returns calls. Which
arguments have no run axis to begin with stands in `RUN_FREE`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.engine import numpy_convolution as convolution
from steepest.engine import numpy_normalize as normalization
from steepest.engine import numpy_pooling as pooling
from steepest.engine import numpy_sample as sample
from steepest.engine.protocol import Call
from steepest.program.array import keep_threshold, mask_base

Array = np.ndarray
Kernel = Callable[[list[Array], list[Array], dict[str, Any]], list[Call]]

RANK_ONE_BLOCK = 16_384  # elements of a weight matrix updated at once

RUN_FREE: dict[str, tuple[int, ...]] = {"gather": (0,)}  # the data set is shared by all runs


def _matmul(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    a, b = args
    left = a.swapaxes(-1, -2) if attributes.get("ta") else a
    right = b.swapaxes(-1, -2) if attributes.get("tb") else b
    out = outs[0]
    if left.ndim > 2 or right.ndim > 2:
        return [(np.matmul, (left, right, out))]
    if left.shape[0] == 1:  # a vector times a matrix reads the matrix once, at memory speed
        return [(np.dot, (left[0], right, out[0]))]
    if left.shape[1] == 1:  # an outer product
        return [(np.multiply, (left, right, out))]
    return (
        [(np.dot, (left, right, out))]
        if out.flags.c_contiguous
        else [(np.matmul, (left, right, out))]
    )


def _gather(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    data, index = args
    out = outs[0]
    if data.dtype == out.dtype:
        calls: list[Call] = [(np.take, (data, index, 0, out, "clip"))]
    else:
        stored = np.empty(out.shape, data.dtype)
        calls = [(np.take, (data, index, 0, stored, "clip")), (np.copyto, (out, stored))]
    if attributes["scale"] != 1.0:
        calls.append((np.multiply, (out, np.asarray(attributes["scale"], out.dtype), out)))
    return calls


def _argmax(args: list[Array], outs: list[Array], _: dict[str, Any]) -> list[Call]:
    return [(np.argmax, (args[0], -1, outs[0]))]


def _flat_hits(labels: Array, classes: int, hits: Array) -> Call:
    """Return the call that computes the flat positions of the labels in an (N, K) array."""
    rows = np.arange(labels.size, dtype=np.int64).reshape(labels.shape) * classes
    return np.add, (rows, labels, hits)


def _cross_entropy(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    logits, labels = args
    loss, probabilities = outs
    smoothing, classes = attributes["smoothing"], logits.shape[-1]
    column = np.empty((*labels.shape, 1), logits.dtype)
    hits = np.empty(labels.shape, np.int64)
    calls: list[Call] = [
        (np.maximum.reduce, (logits, -1, None, column, True)),
        (np.subtract, (logits, column, probabilities)),
        _flat_hits(labels, classes, hits),
        (np.take, (probabilities, hits, None, loss, "clip")),
    ]
    if smoothing:
        mean = np.empty(labels.shape, logits.dtype)
        calls += [
            (np.add.reduce, (probabilities, -1, None, mean)),
            (np.multiply, (mean, np.asarray(smoothing / classes, mean.dtype), mean)),
            (np.multiply, (loss, np.asarray(1.0 - smoothing, loss.dtype), loss)),
            (np.add, (loss, mean, loss)),
        ]
    return [
        *calls,
        (np.exp, (probabilities, probabilities)),
        (np.add.reduce, (probabilities, -1, None, column, True)),
        (np.divide, (probabilities, column, probabilities)),
        (np.log, (column, column)),
        (np.subtract, (column[..., 0], loss, loss)),
    ]


def _cross_entropy_grad(
    args: list[Array], outs: list[Array], attributes: dict[str, Any]
) -> list[Call]:
    g, probabilities, labels = args
    out, classes, smoothing = outs[0], probabilities.shape[-1], attributes["smoothing"]
    hits = np.empty(labels.shape, np.int64)
    chosen = np.empty(labels.shape, out.dtype)
    offset = np.asarray(smoothing / classes, out.dtype)
    return [
        (np.subtract, (probabilities, offset, out))
        if smoothing
        else (np.copyto, (out, probabilities)),
        _flat_hits(labels, classes, hits),
        (np.take, (out, hits, None, chosen, "clip")),
        (np.subtract, (chosen, np.asarray(1.0 - smoothing, out.dtype), chosen)),
        (np.put, (out, hits, chosen, "clip")),
        (np.multiply, (out, g[..., None], out)),
    ]


def _dropout_mask(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    key, out = args[0], outs[0]
    base = mask_base(out.size, attributes["salt"]).reshape(out.shape)
    word, shifted = np.empty(out.shape, np.uint32), np.empty(out.shape, np.uint32)
    flag = np.empty(out.shape, bool)
    threshold = np.asarray(keep_threshold(attributes["rate"]), np.int32)
    scale = np.asarray(1.0 / (1.0 - attributes["rate"]), out.dtype)
    return [
        (np.bitwise_xor, (base, key[0:1].reshape(()), word)),
        (np.multiply, (word, np.asarray(0x7FEB352D, np.uint32), word)),
        (np.right_shift, (word, np.asarray(15, np.uint32), shifted)),
        (np.bitwise_xor, (word, shifted, word)),
        (np.add, (word, key[1:2].reshape(()), word)),
        (np.multiply, (word, np.asarray(0x846CA68B, np.uint32), word)),
        (np.less, (word.view(np.int32), threshold, flag)),
        (np.multiply, (flag, scale, out)),
    ]


def _reduction(function: np.ufunc) -> Kernel:
    def kernel(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
        axes = tuple(i - 1 for i in attributes["axes"] if i > 0)
        if len(axes) != len(attributes["axes"]):
            raise ValueError("a program for an engine keeps the run axis out of reductions")
        x, out = args[0], outs[0]
        leading = axes == tuple(range(len(axes))) and 0 < len(axes) < x.ndim
        if function is np.add and leading and x.flags.c_contiguous and x.dtype.kind == "f":
            rows = x.reshape(int(np.prod(x.shape[: len(axes)])), -1)
            ones = np.ones(len(rows), x.dtype)  # BLAS sums columns faster than add.reduce
            return [(np.dot, (ones, rows, out.reshape(-1)))]
        return [(function.reduce, (x, axes, None, out, attributes["keepdims"]))]

    return kernel


def _rank_one(args: list[Array], outs: list[Array], _: dict[str, Any]) -> list[Call]:
    """Write the outer product for a few rows at a time, so that it stays in cache."""
    p, x, d, scale = args
    out, factor = outs[0], scale.reshape(())
    rows = max(1, RANK_ONE_BLOCK // p.shape[1])
    scratch, column = np.empty((rows, p.shape[1]), p.dtype), x.reshape(-1, 1)
    calls: list[Call] = []
    for start in range(0, len(p), rows):
        block = slice(start, start + rows)
        product = scratch[: len(p[block])]
        calls += [
            (np.multiply, (column[block], d, product)),
            (np.multiply, (factor, product, product)),
            (np.subtract, (p[block], product, out[block])),
        ]
    return calls


def _pad(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    axis, before = attributes["axis"] - 1, attributes["before"]
    inside = (slice(None),) * axis + (slice(before, before + args[0].shape[axis]),)
    return [(outs[0].fill, (0,)), (np.copyto, (outs[0][inside], args[0]))]


def _concat(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> list[Call]:
    """Copy the parts that were not produced in place."""
    axis, start, calls = attributes["axis"] - 1, 0, []
    for a in args:
        inside = (slice(None),) * axis + (slice(start, start + a.shape[axis]),)
        start += a.shape[axis]
        target = outs[0][inside]
        if not _is_same(a, target):
            calls.append((np.copyto, (target, a)))
    return calls


def _is_same(a: Array, b: Array) -> bool:
    steps = [(s, t) for n, s, t in zip(a.shape, a.strides, b.strides, strict=True) if n > 1]
    return a.ctypes.data == b.ctypes.data and all(s == t for s, t in steps)


ARRAY_KERNELS: dict[str, Kernel] = {
    "matmul": _matmul,
    "gather": _gather,
    "argmax": _argmax,
    "cross_entropy": _cross_entropy,
    "cross_entropy_grad": _cross_entropy_grad,
    "dropout_mask": _dropout_mask,
    "sum": _reduction(np.add),
    "max": _reduction(np.maximum),
    "rank_one": _rank_one,
    "pad": _pad,
    "concat": _concat,
    "conv2d": convolution.conv2d,
    "conv2d_input": convolution.conv2d_input,
    "conv2d_weight": convolution.conv2d_weight,
    "max_pool": pooling.max_pool,
    "max_pool_grad": pooling.max_pool_grad,
    "avg_pool": pooling.avg_pool,
    "avg_pool_grad": pooling.avg_pool_grad,
    "normalize": normalization.normalize,
    "normalize_grad": normalization.normalize_grad,
    "crop": sample.crop,
    "warp": sample.warp,
}
