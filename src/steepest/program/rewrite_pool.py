"""Rewrites around max-pooling: functions Program → Program that compute the same with less work.

ReLU is monotone, so relu(max_pool(y)) = max_pool(relu(y)), and it has a quarter of the elements to
visit behind a 2×2 window. Both ways round the same pixel is chosen wherever the result is positive;
where it is 0 the gate of ReLU stops the gradient, so the gradients are the same bits too.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from steepest.program.elementwise import gate, relu
from steepest.program.pooling import max_pool, max_pool_grad
from steepest.program.structure import sum_
from steepest.program.trace import Instruction, Program, Value


@dataclass(frozen=True, eq=False)
class _Branch:
    """Where a gradient comes back: h = max_pool_grad(g), then gate(h, relu's output)."""

    spread: Instruction
    gated: Instruction


@dataclass(frozen=True, eq=False)
class _Pattern:
    """A ReLU read by one max-pooling, and by the gates of the gradients that come back from it."""

    rectify: Instruction
    pool: Instruction
    branches: tuple[_Branch, ...]


def relu_behind_pool(program: Program) -> Program:
    """Move every ReLU that only a max-pooling reads behind it, in both passes."""
    for pattern in _patterns(program):
        program = _moved(program, pattern)
    return program


def sums_before_spreading(program: Program) -> Program:
    """Sum g instead of max_pool_grad(g) where the sum runs over the pixels: zeros add nothing.

    The gradient of a convolution's bias before a pooling is such a sum. Equal up to the order of
    summation, so up to rounding.
    """
    makers = {i: x for x in program.instructions for i in x.outs}
    changed = []
    for instruction in program.instructions:
        source = makers.get(instruction.args[0]) if instruction.primitive is sum_ else None
        if source and source.primitive is max_pool_grad and _over_pixels(instruction):
            changed.append(replace(instruction, args=(source.args[0],)))
        else:
            changed.append(instruction)
    return replace(program, instructions=tuple(changed))


def _over_pixels(instruction: Instruction) -> bool:
    return {2, 3} <= set(instruction.attributes["axes"])


REWRITES: tuple[Callable[[Program], Program], ...] = (relu_behind_pool, sums_before_spreading)


def rewrite_pools(program: Program) -> Program:
    """Apply all of `REWRITES` in order.

    >>> from steepest.program import F, record
    >>> program = record(
    ...     lambda x: {"y": F.max_pool(F.relu(x), window=2, stride=2)[0]}, x=(1, 1, 4, 4, 1)
    ... )
    >>> [i.primitive.name for i in rewrite_pools(program).instructions]
    ['max_pool', 'relu']
    """
    for step in REWRITES:
        program = step(program)
    return program


def _patterns(program: Program) -> list[_Pattern]:
    readers: dict[int, list[Instruction]] = {}
    for instruction in program.instructions:
        for index in dict.fromkeys(instruction.args):
            readers.setdefault(index, []).append(instruction)
    kept = Counter([*program.outputs.values(), *(new for _, new in program.pairs.values())])
    makers = {i: x for x in program.instructions for i in x.outs}
    found = []
    for rectify in program.instructions:
        if rectify.primitive is not relu or kept[rectify.outs[0]]:
            continue
        own = readers.get(rectify.outs[0], [])
        pools = [x for x in own if x.primitive is max_pool]
        if len(pools) != 1:
            continue
        gates = [x for x in own if x is not pools[0]]
        branches = [_branch(x, rectify, pools[0], makers) for x in gates]
        lonely = all(b and _is_read_once(b, readers, kept) for b in branches)
        if lonely and not kept[pools[0].outs[1]]:
            found.append(_Pattern(rectify, pools[0], tuple(b for b in branches if b)))
    return found


def _branch(
    gated: Instruction, rectify: Instruction, pool: Instruction, makers: dict[int, Instruction]
) -> _Branch | None:
    if gated.primitive is not gate or gated.args[1] != rectify.outs[0]:
        return None
    spread = makers.get(gated.args[0])
    if spread is None or spread.primitive is not max_pool_grad or spread.args[1] != pool.outs[1]:
        return None
    return _Branch(spread, gated)


def _is_read_once(
    branch: _Branch, readers: dict[int, list[Instruction]], kept: Counter[int]
) -> bool:
    out = branch.spread.outs[0]
    return len(readers[out]) == 1 and not kept[out]


def _moved(program: Program, pattern: _Pattern) -> Program:
    values = list(program.values)
    rectify, pool = pattern.rectify, pattern.pool
    pooled = pool.outs[0]
    values.append(values[pooled])
    inner = len(values) - 1  # the maximum before ReLU
    instead: dict[int, list[Instruction]] = {
        id(rectify): [],
        id(pool): [
            replace(pool, args=rectify.args, outs=(inner, pool.outs[1])),
            replace(rectify, args=(inner,), outs=(pooled,)),
        ],
    }
    for branch in pattern.branches:
        g, where = branch.spread.args
        values.append(Value(values[g].shape, values[g].kind))
        stopped = len(values) - 1
        instead[id(branch.spread)] = []
        instead[id(branch.gated)] = [
            replace(branch.gated, args=(g, pooled), outs=(stopped,)),
            replace(branch.spread, args=(stopped, where), outs=branch.gated.outs),
        ]
    instructions = [y for x in program.instructions for y in instead.get(id(x), [x])]
    return replace(program, values=tuple(values), instructions=tuple(instructions))
