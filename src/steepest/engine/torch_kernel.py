"""ATen kernels of the primitives, for all runs at once.

A kernel takes (arguments, outputs, attributes), run axis included, and returns calls.
Operands are always tensors: a Python number costs torch microseconds that a 0-d tensor does not.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from steepest.engine.protocol import Call
from steepest.engine.torch_convolution import IMAGE_KERNELS
from steepest.engine.torch_module import MODULE_KERNELS
from steepest.engine.torch_sample import SAMPLE_KERNELS
from steepest.program.array import keep_threshold, mask_base

Kernel = Callable[[list[Any], list[Any], dict[str, Any]], list[Call]]


def _out(function: Callable[..., Any]) -> Kernel:
    """Return the kernel of a function with an `out=` variant."""

    def kernel(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
        return [(partial(function, *args, out=outs[0]), ())]

    return kernel


def _relu(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
    return [(partial(torch.clamp_min, args[0], 0.0, out=outs[0]), ())]


def _gate(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
    g, y = args
    threshold = torch.ops.aten.threshold_backward.grad_input
    return [(partial(threshold, g, y, 0.0, grad_input=outs[0]), ())]


def _compare(function: Callable[..., Any]) -> Kernel:
    def kernel(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
        flag = torch.empty(outs[0].shape, dtype=torch.bool, device=outs[0].device)
        return [(partial(function, *args, out=flag), ()), (outs[0].copy_, (flag,))]

    return kernel


def _where(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
    condition, a, b = args
    flag = torch.empty(condition.shape, dtype=torch.bool, device=outs[0].device)
    zero = torch.zeros((), dtype=condition.dtype, device=condition.device)
    return [
        (partial(torch.ne, condition, zero, out=flag), ()),
        (partial(torch.where, flag, a, b, out=outs[0]), ()),
    ]


def _power(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    return [(partial(torch.pow, args[0], attributes["exponent"], out=outs[0]), ())]


def _matmul(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    a, b = args
    left = a.transpose(-1, -2) if attributes.get("ta") else a
    right = b.transpose(-1, -2) if attributes.get("tb") else b
    out = outs[0]
    if left.dim() == 3 and right.dim() == 3 and left.shape[0] == right.shape[0] == 1:
        return [(partial(torch.mm, left[0], right[0], out=out[0]), ())]
    return [(partial(torch.matmul, left, right, out=out), ())]


def _gather(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    data, index = args
    out, flat = outs[0], index.view(-1)
    rows = torch.empty((flat.shape[0], *data.shape[1:]), dtype=data.dtype, device=data.device)
    select = torch.index_select
    if data.dtype == out.dtype and out.is_contiguous():
        rows = out.view(rows.shape)
        calls: list[Call] = [(partial(select, data, 0, flat, out=rows), ())]
    else:
        calls = [
            (partial(select, data, 0, flat, out=rows), ()),
            (out.copy_, (rows.view(out.shape),)),
        ]
    if attributes["scale"] != 1.0:
        scale = torch.tensor(attributes["scale"], dtype=out.dtype, device=out.device)
        calls.append((partial(torch.mul, out, scale, out=out), ()))
    return calls


def _argmax(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
    return [(partial(torch.argmax, args[0], -1, out=outs[0]), ())]


def _cross_entropy(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    logits, labels = args
    loss, probabilities = outs
    column = labels.unsqueeze(-1)
    target = loss.unsqueeze(-1)
    smoothing = attributes["smoothing"]
    calls: list[Call] = [
        (partial(torch.log_softmax, logits, -1, out=probabilities), ()),
        (partial(torch.gather, probabilities, -1, column, out=target), ()),
        (partial(torch.mul, loss, _number(loss, smoothing - 1.0), out=loss), ()),
    ]
    if smoothing:
        mean = torch.empty_like(loss)
        calls += [
            (partial(torch.sum, probabilities, -1, out=mean), ()),
            (partial(torch.mul, mean, _number(mean, smoothing / logits.shape[-1]), out=mean), ()),
            (partial(torch.sub, loss, mean, out=loss), ()),
        ]
    return [*calls, (partial(torch.exp, probabilities, out=probabilities), ())]


def _number(like: Any, value: float) -> Any:
    return torch.tensor(value, dtype=like.dtype, device=like.device)


def _cross_entropy_grad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    g, probabilities, labels = args
    out, smoothing = outs[0], attributes["smoothing"]
    offset = _number(out, smoothing / probabilities.shape[-1])
    hit = torch.full((*labels.shape, 1), smoothing - 1.0, dtype=out.dtype, device=out.device)
    return [
        (partial(torch.sub, probabilities, offset, out=out), ()),
        (out.scatter_add_, (-1, labels.unsqueeze(-1), hit)),
        (partial(torch.mul, out, g.unsqueeze(-1), out=out), ()),
    ]


def _dropout_mask(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    key, out = args[0], outs[0]
    runs, size = out.shape[0], out[0].numel()
    base = torch.from_numpy(mask_base(size, attributes["salt"]).view("int32").copy())
    base = base.to(out.device).view(1, size)
    word = torch.empty((runs, size), dtype=torch.int32, device=out.device)
    shifted, flag = torch.empty_like(word), torch.empty_like(word, dtype=torch.bool)
    number = partial(torch.tensor, dtype=torch.int32, device=out.device)
    scale = _number(out, 1.0 / (1.0 - attributes["rate"]))
    return [
        (partial(torch.bitwise_xor, base, key[:, :1], out=word), ()),
        (partial(torch.mul, word, number(0x7FEB352D), out=word), ()),
        (partial(torch.bitwise_right_shift, word, number(15), out=shifted), ()),
        (partial(torch.bitwise_and, shifted, number(0x1FFFF), out=shifted), ()),
        (partial(torch.bitwise_xor, word, shifted, out=word), ()),
        (partial(torch.add, word, key[:, 1:], out=word), ()),
        (partial(torch.mul, word, number(0x846CA68B - 2**32), out=word), ()),
        (partial(torch.lt, word, number(keep_threshold(attributes["rate"])), out=flag), ()),
        (partial(torch.mul, flag.view(out.shape), scale, out=out), ()),
    ]


def _rank_one(args: list[Any], outs: list[Any], _: dict[str, Any]) -> list[Call]:
    """Return p - scale (x ⊗ d), rounded product by product."""
    p, x, d, scale = args
    factor = scale if scale.dim() == 0 else scale.unsqueeze(-1)
    product = torch.empty_like(outs[0], memory_format=torch.contiguous_format)
    return [
        (partial(torch.mul, x.transpose(-1, -2), d, out=product), ()),
        (partial(torch.mul, product, factor, out=product), ()),
        (partial(torch.sub, p, product, out=outs[0]), ()),
    ]


def _sum(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    axes, keep = attributes["axes"], attributes["keepdims"]
    return [(partial(torch.sum, args[0], axes, keep, out=outs[0]), ())]


def _max(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    axes, keep = attributes["axes"], attributes["keepdims"]
    return [(partial(torch.amax, args[0], axes, keep, out=outs[0]), ())]


def _pad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    axis, before = attributes["axis"], attributes["before"]
    inside = outs[0].narrow(axis, before, args[0].shape[axis])
    return [(outs[0].zero_, ()), (inside.copy_, (args[0],))]


def _concat(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    """Copy the parts that were not produced in place."""
    axis, start, calls = attributes["axis"], 0, []
    for a in args:
        inside = outs[0].narrow(axis, start, a.shape[axis])
        start += a.shape[axis]
        if not _is_same(a, inside):
            calls.append((inside.copy_, (a,)))
    return calls


def _is_same(a: Any, b: Any) -> bool:
    steps = [(s, t) for n, s, t in zip(a.shape, a.stride(), b.stride(), strict=True) if n > 1]
    return a.data_ptr() == b.data_ptr() and all(s == t for s, t in steps)


KERNELS: dict[str, Kernel] = {
    "add": _out(torch.add),
    "sub": _out(torch.sub),
    "mul": _out(torch.mul),
    "div": _out(torch.div),
    "neg": _out(torch.neg),
    "exp": _out(torch.exp),
    "log": _out(torch.log),
    "sqrt": _out(torch.sqrt),
    "square": _out(torch.square),
    "tanh": _out(torch.tanh),
    "sigmoid": _out(torch.sigmoid),
    "erf": _out(torch.erf),
    "absolute": _out(torch.abs),
    "sign": _out(torch.sign),
    "maximum": _out(torch.maximum),
    "minimum": _out(torch.minimum),
    "relu": _relu,
    "gate": _gate,
    "greater": _compare(torch.gt),
    "equal": _compare(torch.eq),
    "where": _where,
    "power": _power,
    "matmul": _matmul,
    "gather": _gather,
    "argmax": _argmax,
    "cross_entropy": _cross_entropy,
    "cross_entropy_grad": _cross_entropy_grad,
    "dropout_mask": _dropout_mask,
    "rank_one": _rank_one,
    "sum": _sum,
    "max": _max,
    "pad": _pad,
    "concat": _concat,
    **IMAGE_KERNELS,
    **SAMPLE_KERNELS,
    **MODULE_KERNELS,
}
