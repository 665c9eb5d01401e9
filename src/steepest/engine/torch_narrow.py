"""Convolutions of images with few channels on the CPU, such as a network's first, compiled.

The gradient of their input is ATen's: networks do not ask for it.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from steepest.engine.native_narrow import narrow_source
from steepest.engine.protocol import Call
from steepest.engine.torch_team import Work, Workspace, calls_of, cut_batch, library_of
from steepest.program.trace import Instruction

MOST_CHANNELS = 4
MOST_PIECES = 8


def narrow_calls(
    instruction: Instruction, args: list[Any], outs: list[Any], memory: Workspace
) -> list[Call] | None:
    """Return the calls of a convolution or its weights' gradient, None for more channels."""
    bind, how = BINDINGS.get(instruction.primitive.name), instruction.attributes
    whole = all(a.is_contiguous() for a in (*args, *outs))
    if bind is None or how["groups"] != 1 or args[0].shape[-1] > MOST_CHANNELS or not whole:
        return None
    library = library_of(narrow_source, outs[0])
    if library is None:
        return None
    library.product_width.restype = ctypes.c_int64
    if outs[0].shape[-1] % library.product_width():
        return None
    calls: list[Call] = []
    for run in range(outs[0].shape[0]):
        own = [a[run].numpy() for a in args]
        calls += bind(library, own, outs[0][run].numpy(), how, memory)
    return calls


def _border(x: Any, how: dict[str, Any]) -> int:
    """Return how many numbers an image with its border of zeros has."""
    height, width, channels = x.shape[1:]
    return int((height + 2 * how["padding"]) * (width + 2 * how["padding"]) * channels)


def _conv2d(
    library: ctypes.CDLL, args: list[Any], out: Any, how: dict[str, Any], memory: Workspace
) -> list[Call]:
    x, w, *bias = args
    shift, works = bias[0] if bias else None, []
    for k, part in enumerate(cut_batch(len(x), MOST_PIECES)):
        border = memory.take(f"border {k}", _border(x, how), out.dtype)
        shapes = (part.stop - part.start, *x.shape[1:], *out.shape[1:], *w.shape[:2])
        sizes = (*shapes, how["stride"], how["padding"])
        operands = (x[part], w, shift, out[part], border)
        works.append(Work(library.narrow_conv, operands, sizes))
    return calls_of(works, out.dtype)


def _conv2d_weight(
    library: ctypes.CDLL, args: list[Any], out: Any, how: dict[str, Any], memory: Workspace
) -> list[Call]:
    x, g = args
    parts, works = cut_batch(len(x), MOST_PIECES), []
    pieces = memory.take("gradients", len(parts) * out.size, out.dtype)
    for k, part in enumerate(parts):
        border = memory.take(f"border {k}", _border(x, how), out.dtype)
        shapes = (part.stop - part.start, *x.shape[1:], *g.shape[1:], *out.shape[:2])
        sizes = (*shapes, how["stride"], how["padding"])
        own = pieces[k * out.size : (k + 1) * out.size]
        works.append(Work(library.narrow_grad, (x[part], g[part], own, border), sizes))
    fold = Work(library.narrow_fold, (pieces, out), (len(parts), out.size))
    return [*calls_of(works, out.dtype), *calls_of([fold], out.dtype)]


BINDINGS: dict[str, Callable[..., list[Call]]] = {
    "conv2d": _conv2d,
    "conv2d_weight": _conv2d_weight,
}
