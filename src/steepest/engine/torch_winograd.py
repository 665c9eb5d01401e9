"""3×3 convolutions on the CPU by compiled Winograd kernels, where those are faster than ATen's.

Weights are transformed in every step.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from steepest.engine.native_winograd import scratch_size, winograd_source
from steepest.engine.protocol import Call
from steepest.engine.torch_team import Work, Workspace, calls_of, cut_batch, library_of
from steepest.program.trace import Instruction

CACHED_BYTES = 384 << 10  # of a chunk of tiles with their products: most of an L2 cache
LEAST_TILES, MOST_TILES = 48, 192  # a chunk's, whatever its channels
GRADIENT_BYTES = 8 << 20  # of the weights' gradients that pieces add up to
MOST_PIECES = 8
WASTE = 0.75  # products of whole tiles, of those of the definition, up to which tiles pay
FEWEST = 64  # tiles for which transforming the weights pays


def winograd_calls(
    instruction: Instruction, args: list[Any], outs: list[Any], memory: Workspace
) -> list[Call] | None:
    """Return the calls of a convolution or one of its gradients, None where ATen's are better."""
    bind = BINDINGS.get(instruction.primitive.name)
    if bind is None or not _is_tiled(instruction, args, outs):
        return None
    library = library_of(winograd_source, outs[0])
    if library is None or not _is_wide(library, instruction, args, outs):
        return None
    calls: list[Call] = []
    for run in range(outs[0].shape[0]):
        own = [a[run].numpy() for a in args]
        calls += bind(library, own, outs[0][run].numpy(), instruction.attributes, memory)
    return calls


def _shapes(name: str, args: list[Any], outs: list[Any]) -> tuple[Any, Any, Any]:
    """Return (images, results, weights) of a convolution, by the instruction that computes it."""
    if name == "conv2d":
        return args[0], outs[0], args[1]
    return (outs[0], args[0], args[1]) if name == "conv2d_input" else (*args, outs[0])


def _is_tiled(instruction: Instruction, args: list[Any], outs: list[Any]) -> bool:
    _, y, w = _shapes(instruction.primitive.name, args, outs)
    how = instruction.attributes
    if tuple(w.shape[1:3]) != (3, 3) or how["stride"] != 1 or how["groups"] != 1:
        return False
    n, p, q = y.shape[1:4]
    each = ((p + 1) // 2) * ((q + 1) // 2)
    fits = 16 * each <= WASTE * 9 * p * q and n * each >= FEWEST and how["padding"] <= 2
    return fits and all(a.is_contiguous() for a in (*args, *outs))


def _is_wide(
    library: ctypes.CDLL, instruction: Instruction, args: list[Any], outs: list[Any]
) -> bool:
    """Tell whether both numbers of channels fill the vectors."""
    _, _, w = _shapes(instruction.primitive.name, args, outs)
    library.product_width.restype = ctypes.c_int64
    return all(n % library.product_width() == 0 for n in w.shape[3:5])


def _tiles(channels: int, itemsize: int) -> int:
    """Return how many tiles a chunk has; `channels` is C + O."""
    return min(MOST_TILES, max(LEAST_TILES, CACHED_BYTES // (16 * channels * itemsize)))


def _correlate(
    library: ctypes.CDLL, arrays: list[Any], y: Any, turned: bool, padding: int, memory: Workspace
) -> list[Call]:
    """Return the calls of y = x * w (+ bias), or with the turned weights."""
    x, w, bias = arrays
    real, channels = y.dtype, x.shape[-1] + y.shape[-1]
    u = memory.take("weights", 16 * w.shape[2] * w.shape[3], real)
    tiles = _tiles(channels, real.itemsize)
    works = []
    for k, part in enumerate(cut_batch(len(x), MOST_PIECES)):
        scratch = memory.take(f"scratch {k}", scratch_size(channels, tiles), real)
        sizes = (part.stop - part.start, *x.shape[1:], *y.shape[1:], padding, tiles)
        works.append(Work(library.winograd_conv, (x[part], u, bias, y[part], scratch), sizes))
    turn = Work(library.winograd_weights, (w, u), (*w.shape[2:], int(turned)))
    return [*calls_of([turn], real), *calls_of(works, real)]


def _conv2d(
    library: ctypes.CDLL, args: list[Any], out: Any, how: dict[str, Any], memory: Workspace
) -> list[Call]:
    x, w, *bias = args
    arrays = [x, w, bias[0] if bias else None]
    return _correlate(library, arrays, out, False, how["padding"], memory)


def _conv2d_input(
    library: ctypes.CDLL, args: list[Any], out: Any, how: dict[str, Any], memory: Workspace
) -> list[Call]:
    return _correlate(library, [*args, None], out, True, 2 - how["padding"], memory)


def _conv2d_weight(
    library: ctypes.CDLL, args: list[Any], out: Any, how: dict[str, Any], memory: Workspace
) -> list[Call]:
    x, g = args
    real, count, channels = out.dtype, out.shape[2] * out.shape[3], sum(out.shape[2:])
    tiles = _tiles(channels, real.itemsize)
    most = min(MOST_PIECES, max(2, GRADIENT_BYTES // (16 * count * real.itemsize)))
    parts = cut_batch(len(x), most)
    du = memory.take("gradients", len(parts) * 16 * count, real)
    works = []
    for k, part in enumerate(parts):
        scratch = memory.take(f"scratch {k}", scratch_size(channels, tiles), real)
        sizes = (part.stop - part.start, *x.shape[1:], *g.shape[1:], how["padding"], tiles)
        own = du[k * 16 * count : (k + 1) * 16 * count]
        works.append(Work(library.winograd_grad, (x[part], g[part], own, scratch), sizes))
    fold = Work(library.winograd_fold, (du, out), (len(parts), count))
    return [*calls_of(works, real), *calls_of([fold], real)]


BINDINGS: dict[str, Callable[..., list[Call]]] = {
    "conv2d": _conv2d,
    "conv2d_input": _conv2d_input,
    "conv2d_weight": _conv2d_weight,
}
