"""Chains of element-wise instructions on whole arrays, for devices that have no blocks to gain.

On a processor a chain runs in blocks that stay in its cache. On a GPU every block would be a kernel
of its own, hundreds of them for one update of a large network or of many runs; there each
instruction is one kernel over all runs, and inner values share registers of their shape.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from steepest.engine.protocol import Call
from steepest.program.trace import Instruction

Bind = Callable[[Instruction, list[Any], list[Any]], list[Call]]


def whole_chain(
    instructions: Sequence[Instruction], arrays: Mapping[int, Any], bind: Bind, like: Any
) -> list[Call]:
    """Return the calls of a chain; `arrays` holds all values but inner ones, made as `like` is."""
    last = {i: place for place, x in enumerate(instructions) for i in x.args}
    known, calls = dict(arrays), list[Call]()
    free: dict[tuple[int, ...], list[Any]] = {}
    for place, x in enumerate(instructions):
        arguments = [known[i] for i in x.args]
        for i in dict.fromkeys(x.args):
            if i not in arrays and last[i] == place:
                free.setdefault(tuple(known[i].shape), []).append(known[i])
        shape = tuple(torch.broadcast_shapes(*(a.shape for a in arguments)))
        for out in x.outs:
            if out not in known:
                left = free.get(shape)
                known[out] = left.pop() if left else torch.empty(shape, **like)
        calls += bind(x, arguments, [known[i] for i in x.outs])
    return calls
