"""Rewrites: functions Program → Program that compute the same numbers with less work.

A rewrite may add instructions that no layer or rule is written with; their primitives stand here.
Each is proven equal by test. Shapes: R runs, m rows and n columns of a weight matrix.
"""

from dataclasses import replace
from typing import Any

from steepest.program.array import matmul
from steepest.program.elementwise import mul, sub
from steepest.program.primitive import Primitive
from steepest.program.structure import concat, part, reshape
from steepest.program.trace import Instruction, Program, Shape, Value


def _rank_one_array(p: Any, x: Any, d: Any, scale: Any) -> Any:
    factor = scale if getattr(scale, "ndim", 0) == 0 else scale[..., None]
    return p - factor * (x.swapaxes(-1, -2) * d)


def _rank_one_infer(p: Value, x: Value, d: Value, scale: Value) -> list[tuple[Shape, str]]:
    runs, m, n = p.shape
    if x.shape != (runs, 1, m) or d.shape != (runs, 1, n) or scale.shape not in ((), (runs, 1)):
        raise ValueError("a rank-one update takes (R, m, n), (R, 1, m), (R, 1, n) and (R, 1)")
    return [(p.shape, "real")]


rank_one = Primitive(
    "rank_one",
    _rank_one_infer,
    _rank_one_array,
    flops=lambda _, outs, __: 3 * outs[0].size,
    inplace=0,
)
"""p - scale (x ⊗ d), rounded product by product as the three instructions it stands for.

A kernel may leave the rows out where x is 0: only a d that is not finite, or a p of -0, would tell.
"""


Match = tuple[Instruction, Instruction, Instruction, int]


class _Draft:
    """A program being rewritten: values grow, instructions are inserted before a place."""

    def __init__(self, program: Program) -> None:
        self.values = list(program.values)
        self.made: list[Instruction] = []

    def append(self, primitive: Primitive, args: tuple[int, ...], **attributes: Any) -> int:
        inferred = primitive.infer(*(self.values[i] for i in args), **attributes)
        ((shape, kind),) = inferred
        self.values.append(Value(tuple(int(n) for n in shape), kind))
        out = len(self.values) - 1
        self.made.append(Instruction(primitive, args, attributes, (out,)))
        return out


def rank_one_updates(program: Program) -> Program:
    """Update p - s g leaf by leaf where parts of the gradient g are outer products.

    At batch 1 the gradient of a linear layer's weights is x ⊗ d. Writing it out, scaling it and
    subtracting it passes three times over memory; `rank_one` passes once. Where the gradient is
    read by anything else (momentum, clipping, a penalty) the program is returned as it is.
    """
    for old, new in program.pairs.values():
        found = _match(program, old, new)
        if found is not None:
            program = _replace(program, old, found)
    return program


def _maker(program: Program, index: int) -> Instruction | None:
    return next((x for x in program.instructions if index in x.outs), None)


def _readers(program: Program, index: int) -> int:
    """Return how often a value is read, as a result or state too."""
    kept = [*program.outputs.values(), *(new for _, new in program.pairs.values())]
    return sum(x.args.count(index) for x in program.instructions) + kept.count(index)


def _match(program: Program, old: int, new: int) -> Match | None:
    """Return (sub, mul, concat, scale) of new = old - scale * concat(outer products, ...)."""
    update = _maker(program, new)
    if update is None or update.primitive is not sub or update.args[0] != old:
        return None
    step = _maker(program, update.args[1])
    if step is None or step.primitive is not mul or _readers(program, step.outs[0]) != 1:
        return None
    runs = program.values[old].shape[0]
    for scale, gradient in (step.args, step.args[::-1]):
        whole = _maker(program, gradient)
        if (
            whole is not None
            and whole.primitive is concat
            and whole.attributes["axis"] == 1
            and len(program.values[old].shape) == 2
            and program.values[gradient].shape == program.values[old].shape
            and program.values[scale].shape in ((), (runs, 1))
            and _readers(program, gradient) == 1
            and any(_outer(program, i) for i in whole.args)
        ):
            return update, step, whole, scale
    return None


def _outer(program: Program, index: int) -> Instruction | None:
    """Return the matmul with inner size 1 whose product a part of the gradient is, if it is one."""
    maker = _maker(program, index)
    while maker is not None and maker.primitive is reshape:
        if _readers(program, maker.outs[0]) != 1:
            return None
        maker = _maker(program, maker.args[0])
    if maker is None or maker.primitive is not matmul or _readers(program, maker.outs[0]) != 1:
        return None
    x, d = (program.values[i].shape for i in maker.args)
    out = program.values[maker.outs[0]].shape
    plain = maker.attributes.get("ta") and not maker.attributes.get("tb")
    fits = len(out) == 3 and x == (out[0], 1, out[1]) and d == (out[0], 1, out[2])
    return maker if plain and fits else None


def _replace(program: Program, old: int, match: Match) -> Program:
    update, step, whole, scale = match
    draft, start, pieces = _Draft(program), 0, []
    for argument in whole.args:
        stop = start + program.values[argument].shape[1]
        own = draft.append(part, (old,), axis=1, start=start, stop=stop)
        outer = _outer(program, argument)
        if outer is None:
            pieces.append(draft.append(sub, (own, draft.append(mul, (scale, argument)))))
        else:
            shape = program.values[outer.outs[0]].shape
            leaf = draft.append(reshape, (own,), shape=shape)
            moved = draft.append(rank_one, (leaf, *outer.args, scale))
            flat = program.values[argument].shape
            pieces.append(draft.append(reshape, (moved,), shape=flat))
        start = stop
    joined = Instruction(concat, tuple(pieces), {"axis": 1}, update.outs)
    instructions: list[Instruction] = []
    for instruction in program.instructions:
        if instruction is update:
            instructions += [*draft.made, joined]
        elif instruction not in (step, whole):
            instructions.append(instruction)
    changed = replace(program, values=tuple(draft.values), instructions=tuple(instructions))
    return _without_dead(changed)


def _without_dead(program: Program) -> Program:
    """Leave out what no result and no state needs."""
    needed = {*program.outputs.values(), *(new for _, new in program.pairs.values())}
    kept = []
    for instruction in reversed(program.instructions):
        if needed.intersection(instruction.outs):
            kept.append(instruction)
            needed.update(instruction.args)
    return replace(program, instructions=tuple(reversed(kept)))
