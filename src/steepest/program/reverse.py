"""Reverse mode: walk the list from its end; every vjp appends instructions of its own."""

from collections.abc import Sequence

import numpy as np

from steepest.program import function as F  # noqa: N812 - the one letter the design names it by
from steepest.program.trace import Instruction, Recorder, Shape, Symbol


def reverse(output: Symbol, wrt: Sequence[Symbol], seed: Symbol | float = 1.0) -> list[Symbol]:
    """Append the gradient of `output` with respect to each of `wrt`; return their symbols.

    `output` may have any shape: its cotangent is `seed` broadcast to it, so with the run axis each
    run gets the gradient of its own loss (Griewank & Walther 2008, section 3.2). Raises ValueError
    where a primitive on the way has no gradient, as through an auxiliary output.
    """
    recorder = output.recorder
    reached, auxiliary, path = _path(recorder, wrt)
    start = recorder.symbol(seed)
    cotangents = {output.index: _match(start, output.shape)}
    for instruction in reversed(path):
        g = cotangents.get(instruction.outs[0])
        if g is not None:
            _refuse_auxiliary(instruction, auxiliary)
            _propagate(recorder, instruction, g, cotangents, reached)
    return [_gradient(recorder, cotangents, symbol) for symbol in wrt]


def _path(
    recorder: Recorder, wrt: Sequence[Symbol]
) -> tuple[set[int], set[int], list[Instruction]]:
    """Return what depends on `wrt`, which of it is auxiliary, and the instructions that make it.

    Nothing else gets a cotangent: that of the data would be waste.
    """
    wanted = {symbol.index for symbol in wrt}
    reached, path = set(wanted), []
    auxiliary: set[int] = set()
    for instruction in recorder.instructions:
        if reached.intersection(instruction.args):
            reached.update(instruction.outs)
            auxiliary.update(instruction.outs[1:])
            path.append(instruction)
    return reached, auxiliary - wanted, path


def _refuse_auxiliary(instruction: Instruction, auxiliary: set[int]) -> None:
    """Raise ValueError where a gradient would have to pass an auxiliary output."""
    for position, index in enumerate(instruction.args):
        if index in auxiliary and instruction.primitive.vjp(position) is not None:
            raise ValueError(
                f"{instruction.primitive.name} reads an auxiliary output (argument {position}) "
                "that depends on what is differentiated; there is no gradient through it"
            )


def _propagate(
    recorder: Recorder,
    instruction: Instruction,
    g: Symbol,
    cotangents: dict[int, Symbol],
    reached: set[int],
) -> None:
    arguments = [Symbol(recorder, i) for i in instruction.args]
    outs = tuple(Symbol(recorder, i) for i in instruction.outs)
    y = outs if len(outs) > 1 else outs[0]
    for position, argument in enumerate(arguments):
        if argument.index not in reached:
            continue
        vjp = instruction.primitive.vjp(position)
        if vjp is None:
            continue
        term = _match(vjp(g, y, *arguments, **instruction.attributes), argument.shape)
        known = cotangents.get(argument.index)
        cotangents[argument.index] = term if known is None else known + term


def _match(term: Symbol, shape: Shape) -> Symbol:
    """Sum the axes that broadcasting expanded; expand a seed smaller than its output."""
    if term.shape == shape:
        return term
    if len(term.shape) < len(shape) or np.prod(term.shape) < np.prod(shape):
        expanded: Symbol = F.broadcast(term, shape=shape)
        return expanded
    extra = len(term.shape) - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and term.shape[i + extra] != 1
    )
    summed: Symbol = F.reshape(F.sum(term, axis=axes), shape=shape)
    return summed


def _gradient(recorder: Recorder, cotangents: dict[int, Symbol], symbol: Symbol) -> Symbol:
    found = cotangents.get(symbol.index)
    return recorder.constant(np.zeros(symbol.shape)) if found is None else found
