"""The cast table: which primitives compute in bfloat16, and how.

All buffers stay float32: parameters, slots, statistics, activations. The primitives named here,
which tensor cores run, see their arguments rounded to bfloat16 and give results that are widened
again; products are summed in float32 inside (Kalamkar et al. 2019). Everything else, above all
losses, normalizations and update rules, is float32 throughout.
"""

from collections.abc import Callable
from typing import Any

import torch

from steepest.engine.protocol import Call
from steepest.program.trace import Instruction

Kernel = Callable[[list[Any], list[Any], dict[str, Any]], list[Call]]
CAST = ("matmul", "conv2d", "conv2d_input", "conv2d_weight")
WIDENED = CAST[1:]  # kernels that copy their results into place, and so widen them on the way


class Narrowed:
    """The rounded values of one program; each is rounded once, however many kernels read it."""

    def __init__(self) -> None:
        self._known: dict[int, Any] = {}

    def bind(
        self, kernel: Kernel, instruction: Instruction, args: list[Any], outs: list[Any]
    ) -> list[Call]:
        """Return the calls of a kernel of the table on rounded arguments."""
        calls: list[Call] = []
        narrow = []
        for index, tensor in zip(instruction.args, args, strict=True):
            if index not in self._known:  # a value is written once in a program
                self._known[index] = _narrow(tensor)
                calls.append((self._known[index].copy_, (tensor,)))
            narrow.append(self._known[index])
        widens = instruction.primitive.name in WIDENED
        results = outs if widens else [_narrow(o) for o in outs]
        calls += kernel(narrow, results, instruction.attributes)
        pairs = zip(outs, results, strict=True)
        return calls + [(o.copy_, (r,)) for o, r in pairs if o is not r]


def _narrow(tensor: Any) -> Any:
    return torch.empty(tensor.shape, dtype=torch.bfloat16, device=tensor.device)
