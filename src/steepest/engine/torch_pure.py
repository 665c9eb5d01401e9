"""The primitives as pure functions of tensors, for programs that are compiled as a whole.

They take arguments and attributes as the definitions do, run axis included, and write into nothing:
where results go is left to the compiler. Products and convolutions of a cast table are rounded as
`torch_cast` has it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from steepest.engine.torch_cast import CAST
from steepest.engine.torch_convolution import image, weights
from steepest.engine.torch_sample import crop, warp
from steepest.program.array import keep_threshold, mask_base

Pure = Callable[..., Any]


def pure_functions(real: Any, is_cast: bool) -> dict[str, Pure]:
    """Return the function of every primitive for reals of a type, by name."""
    typed = {name: partial(function, real) for name, function in TYPED.items()}
    found = PLAIN | typed
    return found | ({name: _rounded(found[name]) for name in CAST} if is_cast else {})


def _rounded(function: Pure) -> Pure:
    def rounded(*arguments: Any, **attributes: Any) -> Any:
        narrow = [a.to(torch.bfloat16) for a in arguments]
        return function(*narrow, **attributes).to(arguments[0].dtype)

    return rounded


def _matmul(a: Any, b: Any, ta: bool = False, tb: bool = False) -> Any:
    left, right = (x.transpose(-1, -2) if turned else x for x, turned in ((a, ta), (b, tb)))
    if left.dim() == right.dim() == 3 and left.shape[0] == right.shape[0] == 1:
        return torch.mm(left[0], right[0]).unsqueeze(0)
    return torch.matmul(left, right)


def _gather(real: Any, data: Any, index: Any, scale: float) -> Any:
    rows = data[index]
    if not data.is_floating_point() and data.dtype != torch.uint8:
        return rows
    rows = rows.to(real)
    return rows if scale == 1.0 else rows * scale


def _cross_entropy(logits: Any, labels: Any, smoothing: float) -> tuple[Any, Any]:
    logs = torch.log_softmax(logits, -1)
    chosen = torch.gather(logs, -1, labels.unsqueeze(-1)).squeeze(-1)
    loss = (smoothing - 1.0) * chosen
    if smoothing:
        loss = loss - smoothing / logits.shape[-1] * logs.sum(-1)
    return loss, torch.exp(logs)


def _cross_entropy_grad(g: Any, probabilities: Any, labels: Any, smoothing: float) -> Any:
    classes = torch.arange(probabilities.shape[-1], device=labels.device)
    hit = (classes == labels.unsqueeze(-1)).to(probabilities.dtype)
    target = smoothing / probabilities.shape[-1] + (1.0 - smoothing) * hit
    return (probabilities - target) * g.unsqueeze(-1)


def _dropout_mask(real: Any, key: Any, base: Any, shape: Any, rate: float) -> Any:
    word = (base.view(1, -1) ^ key[:, :1]) * 0x7FEB352D
    word = word ^ ((word >> 15) & 0x1FFFF)
    word = (word + key[:, 1:]) * (0x846CA68B - 2**32)
    return ((word < keep_threshold(rate)).to(real) * (1.0 / (1.0 - rate))).reshape(shape)


def salted(attributes: dict[str, Any]) -> Any:
    """Return the constants (int32) that a dropout mask is hashed from."""
    size = 1
    for n in attributes["shape"][1:]:
        size *= n
    return torch.from_numpy(mask_base(size, attributes["salt"]).view("int32").copy())


def _rank_one(p: Any, x: Any, d: Any, scale: Any) -> Any:
    factor = scale if scale.dim() == 0 else scale.unsqueeze(-1)
    return p - x.transpose(-1, -2) * d * factor


def _pad(x: Any, axis: int, before: int, after: int) -> Any:
    return functional.pad(x, (*(0, 0) * (x.dim() - 1 - axis), before, after))


def _by_run(function: Pure, *arguments: Any) -> Any:
    """Return a function's results on every run's own arguments, stacked."""
    found = [function(*own) for own in zip(*arguments, strict=True)]
    if isinstance(found[0], tuple):
        return tuple(torch.stack(results) for results in zip(*found, strict=True))
    return torch.stack(found)


def _pixels_last(x: Any) -> Any:
    return x.permute(0, 2, 3, 1)


def _conv2d(x: Any, w: Any, b: Any = None, *, stride: int, padding: int, groups: int) -> Any:
    def own(x: Any, w: Any, b: Any = None) -> Any:
        return _pixels_last(functional.conv2d(image(x), weights(w), b, stride, padding, 1, groups))

    return _by_run(own, x, w, *(() if b is None else (b,)))


def _back(which: int, how: dict[str, Any], g: Any, x: Any, w: Any) -> Any:
    pair = [how["stride"]] * 2, [how["padding"]] * 2
    rest = (*pair, [1, 1], False, [0, 0], how["groups"], [which == 0, which == 1, False])
    return torch.ops.aten.convolution_backward(image(g), image(x), weights(w), None, *rest)[which]


def _conv2d_input(g: Any, w: Any, size: Any, **how: Any) -> Any:
    def own(g: Any, w: Any) -> Any:
        x = g.new_empty((g.shape[0], *size, w.shape[2] * how["groups"]))  # only its shape is read
        return _pixels_last(_back(0, how, g, x, w))

    return _by_run(own, g, w)


def _conv2d_weight(x: Any, g: Any, window: Any, **how: Any) -> Any:
    def own(x: Any, g: Any) -> Any:
        w = g.new_empty((*window, x.shape[-1] // how["groups"], g.shape[-1]))
        back = _back(1, how, g, x, w).permute(2, 3, 1, 0)
        return back.clone(memory_format=torch.contiguous_format)  # compilers choose other strides

    return _by_run(own, x, g)


def _first(y: Any, width: int, stride: int) -> Any:
    """Return where every window of y (N, C, H', W') begins, counted line after line."""
    i, j = (torch.arange(n, device=y.device) for n in y.shape[2:4])
    return (i.unsqueeze(1) * width + j) * stride


def _max_pool(x: Any, window: int, stride: int) -> Any:
    def own(x: Any) -> Any:
        y, place = functional.max_pool2d(image(x), window, stride, return_indices=True)
        return _pixels_last(y), _pixels_last(place - _first(y, x.shape[2], stride))

    return _by_run(own, x)


def _max_pool_grad(g: Any, where: Any, shape: Any, window: int, stride: int) -> Any:
    def own(g: Any, where: Any) -> Any:
        place = image(where) + _first(image(g), shape[1], stride)
        x = image(g.new_empty((g.shape[0], *shape)))
        square = [window] * 2, [stride] * 2, [0, 0], [1, 1]
        back = torch.ops.aten.max_pool2d_with_indices_backward
        return _pixels_last(back(image(g), x, *square, False, place))

    return _by_run(own, g, where)


def _avg_pool(x: Any, window: int, stride: int) -> Any:
    return _by_run(lambda x: _pixels_last(functional.avg_pool2d(image(x), window, stride)), x)


def _avg_pool_grad(g: Any, shape: Any, window: int, stride: int) -> Any:
    def own(g: Any) -> Any:
        x = image(g.new_empty((g.shape[0], *shape)))
        square = [window] * 2, [stride] * 2, [0, 0], False, True, None
        return _pixels_last(torch.ops.aten.avg_pool2d_backward(image(g), x, *square))

    return _by_run(own, g)


def _normalize(x: Any, gain: Any, shift: Any, axes: Any, eps: float) -> Any:
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) * (gain * torch.rsqrt(variance + eps)) + shift, mean, variance


def _normalize_grad(
    g: Any, x: Any, gain: Any, mean: Any, variance: Any, **how: Any
) -> tuple[Any, Any, Any]:
    root, per = torch.rsqrt(variance + how["eps"]), mean.numel() / x.numel()
    z = (x - mean) * root
    to_shift, to_gain = (h.sum(how["axes"], keepdim=True) for h in (g, g * z))
    return (g - z * (to_gain * per) - to_shift * per) * (gain * root), to_gain, to_shift


TYPED: dict[str, Pure] = {
    "gather": _gather,
    "greater": lambda real, a, b: (a > b).to(real),
    "equal": lambda real, a, b: (a == b).to(real),
    "dropout_mask": _dropout_mask,
}
PLAIN: dict[str, Pure] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "neg": torch.neg,
    "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "square": torch.square,
    "tanh": torch.tanh, "sigmoid": torch.sigmoid, "erf": torch.erf, "absolute": torch.abs,
    "sign": torch.sign, "maximum": torch.maximum, "minimum": torch.minimum, "relu": torch.relu,
    "gate": lambda g, y: torch.where(y <= 0, 0.0, g),
    "where": lambda condition, a, b: torch.where(condition != 0, a, b),
    "power": torch.pow,
    "matmul": _matmul,
    "argmax": lambda x: torch.argmax(x, -1),
    "cross_entropy": _cross_entropy, "cross_entropy_grad": _cross_entropy_grad,
    "rank_one": _rank_one,
    "sum": lambda x, axes, keepdims: torch.sum(x, axes, keepdim=keepdims),
    "max": lambda x, axes, keepdims: torch.amax(x, axes, keepdim=keepdims),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes: x.permute(axes),
    "broadcast": lambda x, shape: x.expand(shape),
    "part": lambda x, axis, start, stop: x.narrow(axis, start, stop - start),
    "pad": _pad,
    "concat": lambda *parts, axis: torch.cat(parts, axis),
    "conv2d": _conv2d, "conv2d_input": _conv2d_input, "conv2d_weight": _conv2d_weight,
    "max_pool": _max_pool, "max_pool_grad": _max_pool_grad,
    "avg_pool": _avg_pool, "avg_pool_grad": _avg_pool_grad,
    "normalize": _normalize, "normalize_grad": _normalize_grad,
    "crop": crop, "warp": warp,
}  # fmt: skip
