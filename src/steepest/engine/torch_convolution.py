"""ATen kernels of convolution, pooling and normalization, run axis included.

Convolutions see every run's images as permuted views, which are torch's channels-last layout; runs
loop. Pooling and normalization work on all runs at once.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from steepest.engine.protocol import Call
from steepest.program.pooling import corners

Kernel = Callable[[list[Any], list[Any], dict[str, Any]], list[Call]]


def _image(x: Any) -> Any:
    return x.permute(0, 3, 1, 2)


def _weights(w: Any) -> Any:
    return w.permute(3, 2, 0, 1)


def _into(target: Any, function: Callable[..., Any], which: int | None = None) -> Call:
    """Return the call that copies a result of `function` into `target`."""

    def kernel() -> None:
        result = function()
        target.copy_(result if which is None else result[which])

    return kernel, ()


def _conv2d(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    stride, padding, groups = (attributes[k] for k in ("stride", "padding", "groups"))
    calls = []
    for run, out in enumerate(outs[0]):
        x, w, *b = (a[run] for a in args)
        bias = b[0] if b else None
        convolve = partial(torch.conv2d, _image(x), _weights(w), bias, stride, padding, 1, groups)
        calls.append(_into(_image(out), convolve))
    return calls


def _backward(mask: list[bool], g: Any, x: Any, w: Any, attributes: dict[str, Any]) -> Any:
    pair = [attributes["stride"]] * 2, [attributes["padding"]] * 2
    return partial(
        torch.ops.aten.convolution_backward,
        _image(g), _image(x), _weights(w), None, *pair, [1, 1], False, [0, 0],
        attributes["groups"], mask,
    )  # fmt: skip


def _conv2d_input(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    calls = []
    for g, w, dx in zip(*args, outs[0], strict=True):
        back = _backward([True, False, False], g, dx, w, attributes)  # of x only the shape is read
        calls.append(_into(_image(dx), back, 0))
    return calls


def _conv2d_weight(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    calls = []
    for x, g, dw in zip(*args, outs[0], strict=True):
        back = _backward([False, True, False], g, x, dw, attributes)
        calls.append(_into(_weights(dw), back, 1))
    return calls


def _max_pool(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    first, *rest = corners(args[0], **attributes)
    y, where = outs
    flag = torch.empty(y.shape, dtype=torch.bool, device=y.device)
    calls: list[Call] = [(y.copy_, (first,)), (where.zero_, ())]
    for k, seen in enumerate(rest, start=1):
        calls += [
            (partial(torch.gt, seen, y, out=flag), ()),
            (partial(torch.maximum, y, seen, out=y), ()),
            (where.masked_fill_, (flag, k)),
        ]
    return calls


def _max_pool_grad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    g, where = args
    dx = outs[0]
    flag = torch.empty(g.shape, dtype=torch.bool, device=g.device)
    sent = torch.empty_like(g)
    calls: list[Call] = [(dx.zero_, ())]
    for k, target in enumerate(corners(dx, attributes["window"], attributes["stride"])):
        position = torch.tensor(k, dtype=torch.uint8, device=g.device)
        calls += [
            (partial(torch.eq, where, position, out=flag), ()),
            (partial(torch.mul, g, flag, out=sent), ()),
            (target.add_, (sent,)),
        ]
    return calls


def _avg_pool(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    first, *rest = corners(args[0], **attributes)
    y = outs[0]
    calls: list[Call] = [(y.copy_, (first,))]
    calls += [(y.add_, (seen,)) for seen in rest]
    return [*calls, (y.mul_, (attributes["window"] ** -2,))]


def _avg_pool_grad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    g, dx, window = args[0], outs[0], attributes["window"]
    targets = corners(dx, window, attributes["stride"])
    share = torch.empty_like(g)
    scale = torch.tensor(window**-2, dtype=g.dtype, device=g.device)
    spread: list[Call] = [(target.add_, (share,)) for target in targets]
    return [(partial(torch.mul, g, scale, out=share), ()), (dx.zero_, ()), *spread]


def _normalize(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    x, gain, shift = args
    y, mean, variance = outs
    axes, eps = attributes["axes"], attributes["eps"]

    def kernel() -> None:
        v, m = torch.var_mean(x, axes, correction=0, keepdim=True)
        variance.copy_(v)
        mean.copy_(m)
        torch.sub(x, m, out=y)
        torch.addcmul(shift, y, gain * torch.rsqrt(v + eps), out=y)

    return [(kernel, ())]


def _normalize_grad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    g, x, gain, mean, variance = args
    dx, to_gain, to_shift = outs
    axes, eps = attributes["axes"], attributes["eps"]
    per = mean.numel() / x.numel()

    def kernel() -> None:
        root = torch.rsqrt(variance + eps)
        z = (x - mean).mul_(root)
        torch.sum(g, axes, True, out=to_shift)
        torch.sum(g * z, axes, True, out=to_gain)
        z.mul_(to_gain * per).add_(to_shift * per)
        torch.sub(g, z, out=dx).mul_(gain * root)

    return [(kernel, ())]


IMAGE_KERNELS: dict[str, Kernel] = {
    "conv2d": _conv2d,
    "conv2d_input": _conv2d_input,
    "conv2d_weight": _conv2d_weight,
    "max_pool": _max_pool,
    "max_pool_grad": _max_pool_grad,
    "avg_pool": _avg_pool,
    "avg_pool_grad": _avg_pool_grad,
    "normalize": _normalize,
    "normalize_grad": _normalize_grad,
}
