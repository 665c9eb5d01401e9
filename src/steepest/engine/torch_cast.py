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

Kernel = Callable[[list[Any], list[Any], dict[str, Any]], list[Call]]
CAST = ("matmul", "conv2d", "conv2d_input", "conv2d_weight")
WIDENED = CAST[1:]  # kernels that copy their results into place, and so widen them on the way


def cast(name: str, kernel: Kernel) -> Kernel:
    """Return the kernel of a primitive as the table wants it."""
    if name not in CAST:
        return kernel

    def rounded(args: list[Any], outs: list[Any], attributes: dict[str, Any]) -> list[Call]:
        narrow = [_narrow(a) for a in args]
        results = outs if name in WIDENED else [_narrow(o) for o in outs]
        before: list[Call] = [(n.copy_, (a,)) for n, a in zip(narrow, args, strict=True)]
        pairs = zip(outs, results, strict=True)
        after: list[Call] = [(o.copy_, (r,)) for o, r in pairs if o is not r]
        return [*before, *kernel(narrow, results, attributes), *after]

    return rounded


def _narrow(tensor: Any) -> Any:
    return torch.empty(tensor.shape, dtype=torch.bfloat16, device=tensor.device)
