"""Array operators: matrix product, gathering, softmax cross-entropy, random masks.

Shapes: R runs, N examples of a batch, K classes, n examples of a data set.
"""

import zlib
from functools import lru_cache
from typing import Any

import numpy as np

from steepest.program.primitive import Primitive, no_cost
from steepest.program.structure import broadcast, reshape, sum_
from steepest.program.trace import Shape, Value


def _matmul_array(a: Any, b: Any, *, ta: bool = False, tb: bool = False) -> Any:
    left = np.swapaxes(a, -1, -2) if ta else a
    return np.matmul(left, np.swapaxes(b, -1, -2) if tb else b)


def _matmul_infer(
    a: Value, b: Value, *, ta: bool = False, tb: bool = False
) -> list[tuple[Shape, str]]:
    if len(a.shape) < 2 or len(a.shape) != len(b.shape):
        raise ValueError("the operands need equally many axes, two at least")
    m, k = a.shape[-2:][::-1] if ta else a.shape[-2:]
    k2, n = b.shape[-2:][::-1] if tb else b.shape[-2:]
    if k != k2:
        raise ValueError(f"inner sizes {k} and {k2} differ")
    return [((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), m, n), "real")]


def _matmul_flops(arguments: list[Value], outs: list[Value], attributes: dict[str, Any]) -> int:
    inner = arguments[0].shape[-2 if attributes.get("ta") else -1]
    return 2 * outs[0].size * inner


def _matmul_left(g: Any, _y: Any, a: Any, b: Any, *, ta: bool = False, tb: bool = False) -> Any:  # noqa: ARG001 - a vjp takes all arguments
    return matmul(b, g, ta=tb, tb=True) if ta else matmul(g, b, ta=False, tb=not tb)


def _matmul_right(g: Any, _y: Any, a: Any, b: Any, *, ta: bool = False, tb: bool = False) -> Any:  # noqa: ARG001 - a vjp takes all arguments
    return matmul(g, a, ta=True, tb=ta) if tb else matmul(a, g, ta=not ta, tb=False)


def _gather_left(_g: Any, _y: Any, data: Any, _index: Any, **_: Any) -> Any:
    raise ValueError(f"gather has no gradient with respect to its data, here {data.value}")


def _gather_array(data: Any, index: Any, *, scale: float) -> Any:
    rows = np.asarray(data)[index]
    if rows.dtype.kind in "ui" and scale == 1.0:
        return rows
    real = rows if rows.dtype.kind == "f" else rows.astype(np.float64)
    return real * real.dtype.type(scale)


def _gather_infer(data: Value, index: Value, *, scale: float) -> list[tuple[Shape, str]]:
    kind = "int" if data.kind == "int" else "real"
    if kind == "int" and scale != 1.0:
        raise ValueError("integers are gathered unscaled")
    return [((*index.shape, *data.shape[1:]), kind)]


def _entropy_array(logits: Any, labels: Any, *, smoothing: float) -> tuple[Any, Any]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=-1, keepdims=True)
    chosen = np.take_along_axis(shifted, labels[..., None], axis=-1)
    mean = shifted.mean(axis=-1, keepdims=True)
    loss = np.log(total) - (1.0 - smoothing) * chosen - smoothing * mean
    return loss[..., 0].astype(logits.dtype), (e / total).astype(logits.dtype)


def _entropy_infer(logits: Value, labels: Value, *, smoothing: float) -> list[tuple[Shape, str]]:
    if logits.shape[:-1] != labels.shape:
        raise ValueError("labels need the shape of the logits without their last axis")
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"label smoothing {smoothing} is outside [0, 1)")
    return [(labels.shape, "real"), (logits.shape, "real")]


def _entropy_grad_array(g: Any, probabilities: Any, labels: Any, *, smoothing: float) -> Any:
    classes = probabilities.shape[-1]
    target = np.full_like(probabilities, smoothing / classes)
    hit = np.take_along_axis(target, labels[..., None], axis=-1) + (1.0 - smoothing)
    np.put_along_axis(target, labels[..., None], hit.astype(target.dtype), axis=-1)
    return (probabilities - target) * np.asarray(g)[..., None]


def _entropy_grad_left(
    g: Any, _y: Any, left: Any, probabilities: Any, labels: Any, *, smoothing: float
) -> Any:
    ones = broadcast(1.0 + 0.0 * left, shape=tuple(labels.shape))
    whole = cross_entropy_grad(ones, probabilities, labels, smoothing=smoothing)
    return sum_(g * whole, axes=(len(labels.shape),), keepdims=False)


def _entropy_grad_middle(g: Any, y: Any, left: Any, *_: Any, smoothing: float) -> Any:  # noqa: ARG001 - a vjp takes its primitive's attributes
    return g * reshape(left, shape=(*y.shape[:-1], 1))


@lru_cache(maxsize=64)
def mask_base(size: int, salt: str) -> np.ndarray:
    """Return the uint32 constants of a random instruction: its salt and positions, hashed."""
    start = np.uint32(zlib.crc32(salt.encode()))
    x = np.arange(size, dtype=np.uint32) * np.uint32(0x9E3779B9) + start
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x.setflags(write=False)
    return x


def keep_threshold(rate: float) -> int:
    """Return the int32 below which an element is kept, for a dropout rate in [0, 1)."""
    return min(round((1.0 - rate) * 2**32) - 2**31, 2**31 - 1)


def _mask_array(key: Any, *, shape: Shape, rate: float, salt: str) -> Any:
    base = mask_base(int(np.prod(shape[1:])), salt)
    x = base ^ key[:, :1]
    x = x * np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x = x + key[:, 1:]
    x = x * np.uint32(0x846CA68B)
    kept = x.view(np.int32) < keep_threshold(rate)
    return (kept / (1.0 - rate)).reshape(shape)


def _mask_infer(key: Value, *, shape: Shape, rate: float, salt: str) -> list[tuple[Shape, str]]:  # noqa: ARG001 - an infer takes all attributes
    if not 0.0 < rate < 1.0:
        raise ValueError(f"rate {rate} is outside (0, 1)")
    if key.shape != (shape[0], 2):
        raise ValueError(f"the key has shape {key.shape}, not ({shape[0]}, 2)")
    return [(shape, "real")]


matmul = Primitive(
    "matmul", _matmul_infer, _matmul_array, (_matmul_left, _matmul_right), flops=_matmul_flops
)
gather = Primitive(
    "gather", _gather_infer, _gather_array, (_gather_left, None), flops=no_cost, sparse=(0,)
)
argmax = Primitive(
    "argmax",
    lambda x: [(x.shape[:-1], "int")],
    lambda x: np.argmax(x, axis=-1),
    (None,),
    flops=lambda arguments, _, __: arguments[0].size,
)
cross_entropy = Primitive(
    "cross_entropy",
    _entropy_infer,
    _entropy_array,
    (
        lambda g, y, _logits, labels, smoothing: cross_entropy_grad(
            g, y[1], labels, smoothing=smoothing
        ),
        None,
    ),
    flops=lambda arguments, _, __: 5 * arguments[0].size,
)
cross_entropy_grad: Primitive = Primitive(
    "cross_entropy_grad",
    lambda _g, probabilities, _labels, smoothing: [(probabilities.shape, "real")],  # noqa: ARG005 - see above
    _entropy_grad_array,
    (_entropy_grad_left, _entropy_grad_middle, None),
    flops=lambda _, outs, __: 2 * outs[0].size,
)
dropout_mask = Primitive(
    "dropout_mask",
    _mask_infer,
    _mask_array,
    (None,),
    flops=no_cost,
)

ARRAY: dict[str, Primitive] = {
    p.name: p for p in (matmul, gather, argmax, cross_entropy, cross_entropy_grad, dropout_mask)
}
