"""Compiled kernels of the array primitives: which call stands for which instruction, for one run.

A function here takes what the NumPy kernel of the same name takes and returns entries, or None
where only NumPy will do (strides, kinds or shapes the C text does not cover).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.engine.native_blas import blas, loop
from steepest.engine.native_chain import Entry
from steepest.engine.native_pooling import lower_max_pool, lower_max_pool_grad
from steepest.program.array import keep_threshold, mask_base

Array = np.ndarray
Entries = list[Entry] | None
Lowering = Callable[[list[Array], list[Array], dict[str, Any]], Entries]

ROW_MAJOR, COLUMN_MAJOR, PLAIN, TRANSPOSED = 101, 102, 111, 112


def _whole(*arrays: Array) -> bool:
    return all(a.flags.c_contiguous for a in arrays)


def _order(a: Array) -> tuple[int, int] | None:
    """Return (order, leading dimension) of a matrix as BLAS names them, None for other strides."""
    for order, (outer, inner) in ((ROW_MAJOR, a.strides), (COLUMN_MAJOR, a.strides[::-1])):
        width = a.shape[1] if order == ROW_MAJOR else a.shape[0]
        if inner == a.itemsize and outer % a.itemsize == 0 and outer >= width * a.itemsize:
            return order, outer // a.itemsize
    return None


def _matmul(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> Entries:
    a, b = args
    out = outs[0]
    if a.ndim != 2 or b.ndim != 2 or not _whole(out):
        return None
    left = a.T if attributes.get("ta") else a
    right = b.T if attributes.get("tb") else b
    if 1 in (left.shape[1], right.shape[1], left.shape[0]):
        return _thin(left, right, out)
    found, one, two = blas(out.dtype.name), _order(left), _order(right)
    if found is None or one is None or two is None or a is b or a.ctypes.data == b.ctypes.data:
        return None
    flags = (PLAIN if order == ROW_MAJOR else TRANSPOSED for order in (one[0], two[0]))
    sizes = (*flags, left.shape[0], right.shape[1], left.shape[1], one[1], two[1], right.shape[1])
    return [Entry(f"gemm_{found.bits}", (left, right, out, found.gemm), sizes)]


def _thin(left: Array, right: Array, out: Array) -> Entries:
    """Return the entry of a vector times a matrix, or of an outer product."""
    if left.shape[0] == 1 and min(right.shape) > 1:
        return _vector_matrix(left[0], right, out)
    if left.shape[1] == 1 and left.shape[0] > 1 and _whole(left[:, 0], right):
        return [Entry("outer", (left, right, out), out.shape)]
    return None


def _vector_matrix(x: Array, a: Array, out: Array) -> Entries:
    found, order = blas(out.dtype.name), _order(a)
    if found is None or order is None or not _whole(x):
        return None
    return [Entry(f"gemv_{found.bits}", (x, a, out, found.gemv), (order[0], *a.shape, order[1]))]


def _gather(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> Entries:
    data, index = args
    out, scale = outs[0], attributes["scale"]
    if not _whole(data, index, out):
        return None
    width = int(np.prod(data.shape[1:]))
    if data.dtype == out.dtype and scale == 1.0:
        sizes = (index.size, width * data.itemsize, len(data))
        return [Entry("gather_rows", (data, index, out), sizes)]
    name = {"u1": "gather_bytes", out.dtype.str[1:]: "gather_reals"}.get(data.dtype.str[1:])
    if name is None or out.dtype.kind != "f":
        return None
    factor = np.asarray(scale, out.dtype)
    return [Entry(name, (data, index, out, factor), (index.size, width, len(data)))]


def _argmax(args: list[Array], outs: list[Array], _: dict[str, Any]) -> Entries:
    x, out = args[0], outs[0]
    if not _whole(x, out) or x.dtype.kind != "f":
        return None
    return [Entry("argmax_rows", (x, out), (out.size, x.shape[-1]))]


def _through(function: np.ufunc, x: Array) -> Entry | None:
    """Return the entry that applies NumPy's own inner loop in place."""
    return unary(function, x, x)


def unary(function: np.ufunc, x: Array, out: Array) -> Entry | None:
    """Return the entry of a one-argument NumPy function on contiguous reals, None for others."""
    if not _whole(x, out) or x.dtype != out.dtype or x.dtype.kind != "f" or x.shape != out.shape:
        return None
    found = loop(function, x.dtype.name)
    return Entry("ufunc_loop", (x, out, *found), (x.size,)) if found else None


def _cross_entropy(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> Entries:
    logits, labels = args
    loss, probabilities = outs
    smoothing, classes = attributes["smoothing"], logits.shape[-1]
    total = np.empty(labels.shape, logits.dtype)
    exp, log = _through(np.exp, probabilities), _through(np.log, total)
    if not _whole(logits, labels, loss) or exp is None or log is None:
        return None
    factor = np.array([1.0 - smoothing, smoothing / classes], logits.dtype)
    sizes = (labels.size, classes, int(smoothing != 0.0))
    return [
        Entry("entropy_shift", (logits, labels, loss, probabilities, factor), sizes),
        exp,
        Entry("entropy_divide", (probabilities, total), sizes),
        log,
        Entry("entropy_loss", (total, loss), sizes),
    ]


def _cross_entropy_grad(
    args: list[Array], outs: list[Array], attributes: dict[str, Any]
) -> Entries:
    g, probabilities, labels = args
    out, classes, smoothing = outs[0], probabilities.shape[-1], attributes["smoothing"]
    if not _whole(probabilities, labels, out) or g.ndim > 1:
        return None
    step = g.strides[0] // g.itemsize if g.ndim else 0
    factor = np.array([1.0 - smoothing, smoothing / classes], out.dtype)
    sizes = (labels.size, classes, int(smoothing != 0.0), step)
    return [Entry("entropy_grad", (g, probabilities, labels, out, factor), sizes)]


def _dropout_mask(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> Entries:
    key, out = args[0], outs[0]
    base = mask_base(out.size, attributes["salt"])
    scale = np.asarray(1.0 / (1.0 - attributes["rate"]), out.dtype)
    if not _whole(key, out):
        return None
    sizes = (out.size, keep_threshold(attributes["rate"]))
    return [Entry("dropout_mask", (base, key, out, scale), sizes)]


def _sum(args: list[Array], outs: list[Array], attributes: dict[str, Any]) -> Entries:
    axes = tuple(i - 1 for i in attributes["axes"])
    x, out = args[0], outs[0]
    if not _whole(x, out) or x.dtype.kind != "f" or not axes or -1 in axes:
        return None
    if axes == (0,) and x.ndim == 2:
        return _vector_matrix(np.ones(len(x), x.dtype), x, out) if min(x.shape) > 1 else None
    if axes == (x.ndim - 1,):
        return [Entry("sum_rows", (x, out), (out.size, x.shape[-1]))]
    return None


def copying(source: Array, target: Array) -> Entries:
    """Return the entry that copies contiguous memory."""
    if not _whole(source, target) or source.dtype != target.dtype or source.size != target.size:
        return None
    return [Entry("copy_rows", (target, source), (1, source.nbytes, 0, 0))]


def _rank_one(args: list[Array], outs: list[Array], _: dict[str, Any]) -> Entries:
    p, x, d, scale = args
    if not _whole(p, x, d, outs[0]) or scale.size != 1:
        return None
    return [Entry("rank_one", (p, x, d, scale, outs[0]), p.shape)]


LOWERINGS: dict[str, Lowering] = {
    "matmul": _matmul,
    "gather": _gather,
    "argmax": _argmax,
    "cross_entropy": _cross_entropy,
    "cross_entropy_grad": _cross_entropy_grad,
    "dropout_mask": _dropout_mask,
    "sum": _sum,
    "rank_one": _rank_one,
    "max_pool": lower_max_pool,
    "max_pool_grad": lower_max_pool_grad,
}
LOOPED: dict[str, np.ufunc] = {"exp": np.exp, "log": np.log, "tanh": np.tanh}
