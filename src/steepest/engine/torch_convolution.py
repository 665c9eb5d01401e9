"""ATen kernels of convolution, pooling and normalization, run axis included.

Convolutions see every run's images as permuted views, which are torch's channels-last layout; runs
loop. Pooling and normalization work on all runs at once.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from steepest.engine.protocol import Call

Kernel = Callable[[list[Any], list[Any], dict[str, Any]], list[Call]]


def image(x: Any) -> Any:
    """Return images (N, H, W, C) as torch sees them, (N, C, H, W), channels last in memory."""
    return x.permute(0, 3, 1, 2)


def weights(w: Any) -> Any:
    """Return weights (h, w, C, O) as torch sees them, (O, C, h, w).

    A single filter gets the stride of a whole one: with a stride of 1 along its axis ATen does not
    know it for channels-last memory, and refuses it.
    """
    seen = w.permute(3, 2, 0, 1)
    if w.shape[3] > 1:
        return seen
    return seen.as_strided(seen.shape, (w.numel(), *seen.stride()[1:]))


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
        convolve = partial(torch.conv2d, image(x), weights(w), bias, stride, padding, 1, groups)
        calls.append(_into(image(out), convolve))
    return calls


def _backward(mask: list[bool], g: Any, x: Any, w: Any, attributes: dict[str, Any]) -> Any:
    pair = [attributes["stride"]] * 2, [attributes["padding"]] * 2
    return partial(
        torch.ops.aten.convolution_backward,
        image(g), image(x), weights(w), None, *pair, [1, 1], False, [0, 0],
        attributes["groups"], mask,
    )  # fmt: skip


def _like(target: Any, g: Any) -> Any:
    """Return a tensor of the target's shape and g's type; nothing but these is read of it."""
    return target if target.dtype == g.dtype else g.new_empty(target.shape)


def _conv2d_input(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    calls = []
    for g, w, dx in zip(*args, outs[0], strict=True):
        back = _backward([True, False, False], g, _like(dx, g), w, attributes)
        calls.append(_into(image(dx), back, 0))
    return calls


def _conv2d_weight(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    calls = []
    for x, g, dw in zip(*args, outs[0], strict=True):
        back = _backward([False, True, False], g, x, _like(dw, g), attributes)
        calls.append(_into(weights(dw), back, 1))
        for axis in (0, 1):
            idle = _idle(x.shape[1 + axis], g.shape[1 + axis], dw.shape[axis], attributes)
            calls += [(partial(dw.select(axis, place).zero_), ()) for place in idle]
    return calls


def _idle(size: int, positions: int, kernel: int, attributes: dict[str, Any]) -> list[int]:
    """Return the kernel's lines, along one axis, that read padding at every position.

    Their gradient is 0, but ATen's bfloat16 kernel for processors leaves it unwritten.
    """
    stride, padding = attributes["stride"], attributes["padding"]
    starts = [stride * i - padding for i in range(positions)]
    return [k for k in range(kernel) if not any(0 <= start + k < size for start in starts)]


def _first(y: Any, x: Any, attributes: dict[str, Any]) -> Any:
    """Return where every window begins, counted line after line: (1, H', W')."""
    rows, columns = (torch.arange(n, device=y.device) for n in y.shape[2:4])
    return (rows.unsqueeze(1) * x.shape[3] + columns).unsqueeze(0) * attributes["stride"]


def _square(attributes: dict[str, Any]) -> tuple[list[int], list[int]]:
    return [attributes["window"]] * 2, [attributes["stride"]] * 2


def _max_pool(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    """ATen counts the maximum's place in the image, we count it from the window's first pixel."""
    pool = torch.ops.aten.max_pool2d_with_indices.out
    y, where = outs
    first, calls = _first(y, args[0], attributes), list[Call]()
    place = image(torch.empty(where.shape[1:], dtype=torch.int64, device=y.device))
    for x, out, inside in zip(args[0], y, where, strict=True):
        how = {"out": image(out), "indices": place}
        calls.append((partial(pool, image(x), *_square(attributes), **how), ()))
        calls.append((partial(torch.sub, place, first, out=image(inside)), ()))
    return calls


def _max_pool_grad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    back = torch.ops.aten.max_pool2d_with_indices_backward.grad_input
    first, calls = _first(args[0], outs[0], attributes), list[Call]()
    place = image(torch.empty(args[1].shape[1:], dtype=torch.int64, device=first.device))
    rest = (*_square(attributes), [0, 0], [1, 1], False, place)
    for g, where, dx in zip(*args, outs[0], strict=True):
        shown = image(dx)  # of x only the shape is read
        calls.append((partial(torch.add, image(where), first, out=place), ()))
        calls.append((partial(back, image(g), shown, *rest, grad_input=shown), ()))
    return calls


def _avg_pool(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    pool = torch.ops.aten.avg_pool2d.out
    return [
        (partial(pool, image(x), *_square(attributes), out=image(y)), ())
        for x, y in zip(args[0], outs[0], strict=True)
    ]


def _avg_pool_grad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    back = torch.ops.aten.avg_pool2d_backward.grad_input
    rest = (*_square(attributes), [0, 0], False, True, None)
    return [
        (partial(back, image(g), image(dx), *rest, grad_input=image(dx)), ())
        for g, dx in zip(args[0], outs[0], strict=True)
    ]


def _is_leading(x: Any, attributes: dict[str, Any]) -> bool:
    """Tell whether statistics run over all axes but the last, which ATen has a kernel for."""
    return attributes["axes"] == tuple(range(1, x.dim() - 1)) and x.dim() in {3, 5}


def _channels_second(x: Any) -> Any:
    return x.movedim(-1, 1)


def _normalize(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    if not _is_leading(args[0], attributes):
        return _normalize_any(args, outs, attributes)
    eps, norm = attributes["eps"], torch.ops.aten.native_batch_norm.out
    calls: list[Call] = []
    for x, gain, shift, y, mean, variance in zip(*args, *outs, strict=True):
        root = torch.empty_like(mean.view(-1))
        how = {"out": _channels_second(y), "save_mean": mean.view(-1), "save_invstd": root}
        rest = (gain.view(-1), shift.view(-1), None, None, True, 0.0, eps)
        calls.append((partial(norm, _channels_second(x), *rest, **how), ()))
        calls.append((_variance, (root, eps, variance.view(-1))))
    return calls


def _variance(root: Any, eps: float, out: Any) -> None:
    """Undo root = 1 / sqrt(variance + eps)."""
    torch.pow(root, -2.0, out=out).sub_(eps)


def _normalize_grad(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
    if not _is_leading(args[0], attributes):
        return _normalize_grad_any(args, outs, attributes)
    return [
        (_batch_norm_grad, (arrays[:5], arrays[5:], attributes["eps"]))
        for arrays in zip(*args, *outs, strict=True)
    ]


def _batch_norm_grad(args: tuple[Any, ...], outs: tuple[Any, ...], eps: float) -> None:
    g, x, gain, mean, variance = args
    dx, to_gain, to_shift = outs
    root = torch.rsqrt(variance.view(-1) + eps)
    back = torch.ops.aten.native_batch_norm_backward(
        _channels_second(g), _channels_second(x), gain.view(-1), None, None,
        mean.view(-1), root, True, eps, [True, True, True],
    )  # fmt: skip
    _channels_second(dx).copy_(back[0])
    to_gain.view(-1).copy_(back[1])
    to_shift.view(-1).copy_(back[2])


def _normalize_any(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
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


def _normalize_grad_any(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
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
