"""Compiled kernels on the CPU's tensors: the C of the NumPy engine over the same memory.

A tensor of the CPU and its NumPy view share their elements, so chains of element-wise instructions
(update rules above all), pooling, the small kernels around the loss and small matrix products are
the very calls the NumPy engine makes: the way into a product through ATen costs microseconds. Large
products and convolutions stay with ATen, where its libraries are as fast or faster.
"""

import math
import platform
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from steepest.engine.native import processor_lines
from steepest.engine.native_chain import Entry, Lowered, lower_chain
from steepest.engine.native_kernel import LOOPED, LOWERINGS, unary
from steepest.engine.numpy_array import RUN_FREE
from steepest.engine.protocol import Call
from steepest.engine.torch_team import parallel
from steepest.program.trace import Instruction

Array = np.ndarray
SMALL = 64e6  # floating-point operations of a product below which a call costs more than ATen saves
LOWERED = (
    "gather", "argmax", "cross_entropy", "cross_entropy_grad", "dropout_mask", "sum", "rank_one",
    "max_pool", "max_pool_grad",
)  # fmt: skip
Plain = Callable[[], list[Call]]


def host_view(tensor: Any) -> Array:
    """Return the NumPy array over a tensor's memory; words of keys are unsigned there."""
    array: Array = tensor.numpy()
    return array.view(np.uint32) if tensor.dtype == torch.int32 else array


def lower_elementwise(
    instructions: Sequence[Instruction], tensors: dict[int, Any], real: Any, plain: Plain
) -> list[Call] | None:
    """Return one compiled call for element-wise instructions, None where C has no word for them."""
    arrays = {i: host_view(t) for i, t in tensors.items()}
    first = instructions[0]
    if len(instructions) == 1 and first.primitive.name in LOOPED:
        entry = unary(LOOPED[first.primitive.name], arrays[first.args[0]], arrays[first.outs[0]])
        return None if entry is None else [(Lowered((entry,), plain), ())]
    entry = lower_chain(instructions, arrays, real)
    return None if entry is None else [(Lowered((entry,), plain, tuple(instructions), arrays), ())]


def lower_array(
    instruction: Instruction, args: list[Any], outs: list[Any], plain: Plain
) -> list[Call] | None:
    """Return one compiled call of another instruction for all runs, None where there is none."""
    name = instruction.primitive.name
    if name not in LOWERED and not _is_own_product(name, args, outs):
        return None
    given, made = [host_view(a) for a in args], [host_view(o) for o in outs]
    free, entries = RUN_FREE.get(name, ()), list[Entry]()
    for run in range(made[0].shape[0]):
        own = [a if i in free else _of_run(a, run) for i, a in enumerate(given)]
        found = LOWERINGS[name](own, [o[run, ...] for o in made], instruction.attributes)
        if found is None:
            return None
        entries += found
    return [(Lowered(tuple(entries), plain), ())]


@lru_cache(maxsize=1)
def most_flops() -> float:
    """Return the size of the largest product that is NumPy's own call, on this machine.

    Without a limit on processors of AMD, where ATen's MKL keeps to AVX2: on those with AVX-512
    OpenBLAS is up to twice as fast. Large products need a team of threads that does their pieces.
    """
    is_amd = any("AuthenticAMD" in line for line in (*processor_lines(), platform.processor()))
    return math.inf if is_amd and torch.backends.mkl.is_available() and parallel() else SMALL


def _is_own_product(name: str, args: list[Any], outs: list[Any]) -> bool:
    """Tell whether an instruction is a product of each run's matrices, and not too large."""
    if name != "matmul" or outs[0].dim() != 3 or any(a.dim() != 3 for a in args):
        return False
    return bool(2 * math.prod(args[0].shape[1:]) * outs[0].shape[2] <= most_flops())


def _of_run(array: Array, run: int) -> Array:
    return array if array.ndim == 0 else array[run if array.shape[0] > 1 else 0, ...]
