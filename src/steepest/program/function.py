"""`F`: everything a layer, a loss or a rule may be written with.

Called with symbols these record, called with NumPy arrays they compute. Shapes broadcast as NumPy's
do; in a training program every array has the run axis R first.
"""

from typing import Any

from steepest.program.array import (
    ARRAY,
    argmax,
    cross_entropy,
    cross_entropy_grad,
    dropout_mask,
    gather,
    matmul,
)
from steepest.program.convolution import CONVOLUTION, conv2d, conv2d_input, conv2d_weight
from steepest.program.elementwise import (
    ELEMENTWISE,
    absolute,
    add,
    div,
    equal,
    erf,
    exp,
    gate,
    greater,
    log,
    maximum,
    minimum,
    mul,
    neg,
    power,
    relu,
    sigmoid,
    sign,
    sqrt,
    square,
    sub,
    tanh,
    where,
)
from steepest.program.normalize import NORMALIZE, normalize, normalize_grad
from steepest.program.pooling import (
    POOLING,
    avg_pool,
    avg_pool_grad,
    max_pool,
    max_pool_grad,
)
from steepest.program.primitive import Primitive
from steepest.program.sample import SAMPLE, crop, warp
from steepest.program.structure import (
    STRUCTURE,
    broadcast,
    concat,
    max_,
    pad,
    part,
    reshape,
    sum_,
    transpose,
)

PRIMITIVES: dict[str, Primitive] = {
    **ELEMENTWISE,
    **STRUCTURE,
    **ARRAY,
    **CONVOLUTION,
    **POOLING,
    **NORMALIZE,
    **SAMPLE,
}


def _axes(x: Any, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    named = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(sorted(i % x.ndim for i in named))


def sum(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:  # noqa: A001 - the field's name, used as F.sum
    """Return the sum over `axis` (all axes by default)."""
    return sum_(x, axes=_axes(x, axis), keepdims=keepdims)


def max(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:  # noqa: A001 - the field's name, used as F.max
    """Return the maximum over `axis`; ties share the gradient."""
    return max_(x, axes=_axes(x, axis), keepdims=keepdims)


def mean(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """Return the mean over `axis` (all axes by default)."""
    axes = _axes(x, axis)
    n = 1
    for i in axes:
        n *= x.shape[i]
    return sum_(x, axes=axes, keepdims=keepdims) * (1.0 / n)


__all__ = [
    "PRIMITIVES", "absolute", "add", "argmax", "avg_pool", "avg_pool_grad", "broadcast", "concat",
    "conv2d", "conv2d_input", "conv2d_weight", "crop", "cross_entropy", "cross_entropy_grad", "div",
    "dropout_mask", "equal", "erf", "exp", "gate", "gather", "greater", "log", "matmul", "max",
    "max_pool", "max_pool_grad", "maximum", "mean", "minimum", "mul", "neg", "normalize",
    "normalize_grad", "pad", "part", "power", "relu", "reshape", "sigmoid", "sign", "sqrt",
    "square", "sub", "sum", "tanh", "transpose", "warp", "where",
]  # fmt: skip
