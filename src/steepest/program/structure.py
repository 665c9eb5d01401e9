"""Structural primitives: reductions, shapes, parts. Views name memory that already exists."""

from typing import Any

import numpy as np

from steepest.program.elementwise import equal
from steepest.program.primitive import Primitive, no_cost
from steepest.program.trace import Shape, Value


def _reduced(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    kept = [1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes]
    return tuple(kept)


def _reduce_infer(x: Value, *, axes: tuple[int, ...], keepdims: bool) -> list[tuple[Shape, str]]:
    return [(_reduced(x.shape, axes, keepdims), x.kind)]


def _reduce_flops(arguments: list[Value], _: list[Value], __: dict[str, Any]) -> int:
    return arguments[0].size


def _spread(g: Any, x: Any, axes: tuple[int, ...]) -> Any:
    kept = reshape(g, shape=_reduced(x.shape, axes, keepdims=True))
    return broadcast(kept, shape=tuple(x.shape))


def _sum_vjp(g: Any, _y: Any, x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:  # noqa: ARG001 - a vjp takes its primitive's attributes
    return _spread(g, x, axes)


def _max_vjp(g: Any, y: Any, x: Any, *, axes: tuple[int, ...], keepdims: bool) -> Any:  # noqa: ARG001 - a vjp takes its primitive's attributes
    hit = equal(x, _spread(y, x, axes))
    share = sum_(hit, axes=axes, keepdims=True)
    return _spread(g, x, axes) * hit / broadcast(share, shape=tuple(x.shape))


def _reshape_infer(x: Value, *, shape: Shape) -> list[tuple[Shape, str]]:
    if np.prod(shape) != x.size:
        raise ValueError(f"{x.size} elements do not fit shape {shape}")
    return [(shape, x.kind)]


def _transpose_vjp(g: Any, _y: Any, _x: Any, *, axes: tuple[int, ...]) -> Any:
    return transpose(g, axes=tuple(int(i) for i in np.argsort(axes)))


def _check_axis(x: Value, axis: int) -> None:
    if not 0 <= axis < len(x.shape):
        raise ValueError(f"axis {axis} is none of the {len(x.shape)}; they count from 0")


def _slice_array(x: Any, *, axis: int, start: int, stop: int) -> Any:
    return x[(slice(None),) * (axis % np.ndim(x)) + (slice(start, stop),)]


def _slice_infer(x: Value, *, axis: int, start: int, stop: int) -> list[tuple[Shape, str]]:
    _check_axis(x, axis)
    if not 0 <= start < stop <= x.shape[axis]:
        raise ValueError(f"part {start}:{stop} is outside axis {axis}")
    return [((*x.shape[:axis], stop - start, *x.shape[axis + 1 :]), x.kind)]


def _slice_vjp(g: Any, _y: Any, x: Any, *, axis: int, start: int, stop: int) -> Any:
    return pad(g, axis=axis, before=start, after=x.shape[axis] - stop)


def _pad_array(x: Any, *, axis: int, before: int, after: int) -> Any:
    axis %= np.ndim(x)
    widths = [(before, after) if i == axis else (0, 0) for i in range(np.ndim(x))]
    return np.pad(x, widths)


def _pad_infer(x: Value, *, axis: int, before: int, after: int) -> list[tuple[Shape, str]]:
    _check_axis(x, axis)
    if min(before, after) < 0:
        raise ValueError(f"pad by {before} and {after} on axis {axis}: neither may be negative")
    n = x.shape[axis] + before + after
    return [((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.kind)]


def _pad_vjp(g: Any, _y: Any, x: Any, *, axis: int, before: int, after: int) -> Any:  # noqa: ARG001 - a vjp takes its primitive's attributes
    return part(g, axis=axis, start=before, stop=before + x.shape[axis])


def _concat_infer(*parts: Value, axis: int) -> list[tuple[Shape, str]]:
    first = parts[0]
    _check_axis(first, axis)
    rest = {(*p.shape[:axis], *p.shape[axis + 1 :]) for p in parts}
    if len(rest) > 1:
        raise ValueError(f"the parts differ in an axis other than {axis}")
    n = sum(p.shape[axis] for p in parts)
    return [((*first.shape[:axis], n, *first.shape[axis + 1 :]), first.kind)]


def _concat_vjp(index: int) -> Any:
    def vjp(g: Any, _y: Any, *parts: Any, axis: int) -> Any:
        start = sum(p.shape[axis] for p in parts[:index])
        return part(g, axis=axis, start=start, stop=start + parts[index].shape[axis])

    return vjp


sum_ = Primitive(
    "sum",
    _reduce_infer,
    lambda x, *, axes, keepdims: np.sum(x, axis=axes, keepdims=keepdims),
    (_sum_vjp,),
    flops=_reduce_flops,
)
max_ = Primitive(
    "max",
    _reduce_infer,
    lambda x, *, axes, keepdims: np.max(x, axis=axes, keepdims=keepdims),
    (_max_vjp,),
    flops=_reduce_flops,
)
reshape: Primitive = Primitive(
    "reshape",
    _reshape_infer,
    lambda x, *, shape: np.reshape(x, shape),
    (lambda g, _y, x, shape: reshape(g, shape=tuple(x.shape)),),  # noqa: ARG005 - see above
    flops=no_cost,
    view=True,
)
transpose = Primitive(
    "transpose",
    lambda x, *, axes: [(tuple(x.shape[i] for i in axes), x.kind)],
    lambda x, *, axes: np.transpose(x, axes),
    (_transpose_vjp,),
    flops=no_cost,
    view=True,
)
broadcast = Primitive(
    "broadcast",
    lambda x, *, shape: [(np.broadcast_shapes(x.shape, shape), x.kind)],
    lambda x, *, shape: np.broadcast_to(x, shape),
    (lambda g, _y, _x, shape: g,),  # noqa: ARG005 - the reverse walk sums the expanded axes
    flops=no_cost,
    view=True,
)
part = Primitive("part", _slice_infer, _slice_array, (_slice_vjp,), flops=no_cost, view=True)
pad = Primitive("pad", _pad_infer, _pad_array, (_pad_vjp,), flops=no_cost)
concat = Primitive(
    "concat",
    _concat_infer,
    lambda *parts, axis: np.concatenate(parts, axis=axis),
    _concat_vjp,
    flops=no_cost,
)

STRUCTURE: dict[str, Primitive] = {
    p.name: p for p in (sum_, max_, reshape, transpose, broadcast, part, pad, concat)
}
