"""Grouping: consecutive element-wise instructions on one large shape become a chain.

An engine runs a chain block by block, so that its intermediate values stay in cache and most of
them need no buffer at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from steepest.program.layout import Layouts, has_rows
from steepest.program.trace import Instruction, Program

BLOCK = 16_384  # elements of a row that a chain handles at once: a few vectors fit the L2 cache
SMALLEST = 2 * BLOCK  # a value smaller than this is not worth blocks


@dataclass(frozen=True, eq=False)
class Step:
    """One unit of replay: an instruction, or a chain of element-wise ones of equal shape.

    `inner` are the values that live inside the chain only.
    """

    instructions: tuple[Instruction, ...]
    inner: frozenset[int] = frozenset()

    @property
    def is_chain(self) -> bool:
        """Tell whether the step is run in blocks."""
        return len(self.instructions) > 1

    @property
    def reads(self) -> Iterator[int]:
        """The values read from outside."""
        own = {i for instruction in self.instructions for i in instruction.outs}
        return (i for x in self.instructions for i in x.args if i not in own)

    @property
    def writes(self) -> Iterator[int]:
        """The values written for others."""
        return (i for x in self.instructions for i in x.outs if i not in self.inner)


def steps(program: Program, shown: Layouts, copied: frozenset[int]) -> list[Step]:
    """Return the program's steps; views are none, unless they stand in `copied`.

    `shown` holds the strides of views, because a chain sees each operand as rows of runs.
    """
    groups: list[list[Instruction]] = []
    for instruction in program.instructions:
        if instruction.primitive.view and instruction.outs[0] not in copied:
            continue
        if groups and _joins(program, shown, groups[-1], instruction):
            groups[-1].append(instruction)
        else:
            groups.append([instruction])
    return [Step(tuple(g), _inner(program, g)) for g in groups]


def _joins(
    program: Program, shown: Layouts, group: list[Instruction], instruction: Instruction
) -> bool:
    """Tell whether an instruction may be run in the same blocks as the group before it."""
    shape = program.values[instruction.outs[0]].shape
    return (
        program.values[group[-1].outs[0]].shape == shape
        and all(_is_chainable(program, shown, x) for x in (group[-1], instruction))
        and not _sees(program, instruction, {i for x in group for i in x.outs})
    )


def _sees(program: Program, instruction: Instruction, made: set[int]) -> bool:
    """Tell whether an instruction reads something made in its own chain through a view.

    A view may show an element of another block, one that is not yet computed.
    """
    viewed = {x.outs[0]: x.args[0] for x in program.instructions if x.primitive.view}
    for index in instruction.args:
        source = index
        while source in viewed:
            source = viewed[source]
        if source != index and source in made:
            return True
    return False


def _is_chainable(program: Program, shown: Layouts, instruction: Instruction) -> bool:
    """Large, element-wise, and every operand either of full shape or one number per run."""
    if not instruction.primitive.elementwise:
        return False
    out = program.values[instruction.outs[0]]
    if out.size < SMALLEST or out.kind != "real" or len(out.shape) < 2:
        return False
    runs = out.shape[0]
    return all(
        value.kind == "real"
        and (value.shape == out.shape or value.size == 1 or is_per_run(value.shape, runs))
        and (index not in shown or has_rows(shown[index], value.shape[0] if value.shape else 1))
        for index, value in ((i, program.values[i]) for i in instruction.args)
    )


def is_per_run(shape: tuple[int, ...], runs: int) -> bool:
    """Tell whether a shape is (R, 1, ..., 1)."""
    return len(shape) > 1 and shape[0] == runs and all(n == 1 for n in shape[1:])


def _inner(program: Program, group: list[Instruction]) -> frozenset[int]:
    """Return the outputs of a chain that nothing else reads, through views or not."""
    if len(group) == 1:
        return frozenset()
    own = {id(i) for i in group}
    outside = {new for _, new in program.pairs.values()} | set(program.outputs.values())
    for instruction in program.instructions:
        if id(instruction) not in own:
            outside.update(instruction.args)
    return frozenset(i for x in group for i in x.outs if i not in outside)
