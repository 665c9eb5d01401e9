"""May a new state overwrite the old one in place? Only when no step reads the old too late."""

from typing import Any

from steepest.program.chain import Step
from steepest.program.trace import Program

Span = tuple[int, int]


def overwritable(
    program: Program, units: list[Step], places: dict[int, Any], old: int, new: int
) -> bool:
    """Tell whether every write of `new` comes after, or element for element with, the reads of `old`."""
    writes = _writes(program, units, places, new)
    if not writes or program.values[old] != program.values[new]:
        return False
    return not any(
        _overlap(span, read_span)
        and (read_at > write_at or (read_at == write_at and not _aligned(program, units[read_at], value, read, span == read_span)))
        for write_at, span, value in writes
        for read_at, read_span, read in _reads(program, units, places, old)
    )


def _writes(
    program: Program, units: list[Step], places: dict[int, Any], new: int
) -> list[tuple[int, Span, int]]:
    """Return (step, span, value) of everything that writes memory of `new`."""
    found = []
    for position, step in enumerate(units):
        for index in step.writes:
            place = places.get(index)
            if index == new:
                size = program.values[new].shape[1] if len(program.values[new].shape) > 1 else 1
                parts = _parts(program, places, new)
                spans = [(0, size)] if parts is None else parts
                found += [(position, span, index) for span in spans]
            elif getattr(place, "whole", None) == new:
                found.append((position, (place.start, place.stop), index))  # type: ignore[union-attr] - a Region, by its attribute
    return found


def _parts(program: Program, places: dict[int, Any], new: int) -> list[Span] | None:
    """Return the spans a concatenation itself copies: those its producers have not written."""
    (maker,) = [x for x in program.instructions if new in x.outs]
    if maker.primitive.name != "concat":
        return None
    written = {(p.start, p.stop) for p in places.values() if getattr(p, "whole", None) == new}
    spans, start = [], 0
    for argument in maker.args:
        stop = start + program.values[argument].shape[1]
        spans.append((start, stop))
        start = stop
    return [span for span in spans if span not in written]


def _reads(
    program: Program, units: list[Step], places: dict[int, Any], old: int
) -> list[tuple[int, Span, int]]:
    found = []
    for position, step in enumerate(units):
        for index in step.reads:
            span = _span(program, places, index, old)
            if span:
                found.append((position, span, index))
    return found


def _span(program: Program, places: dict[int, Any], index: int, old: int) -> Span | None:
    """Return which part of `old` a value shows, None where it lies elsewhere."""
    chain = []
    while index != old:
        instruction = getattr(places.get(index), "instruction", None)
        if instruction is None:
            return None
        chain.append(instruction)
        index = instruction.args[0]
    shape = program.values[old].shape
    span = (0, shape[1] if len(shape) > 1 else 1)
    for instruction in reversed(chain):
        if instruction.primitive.name == "part" and len(program.values[instruction.args[0]].shape) == 2:
            start = instruction.attributes["start"]
            return span[0] + start, span[0] + instruction.attributes["stop"]
    return span


def _overlap(a: Span, b: Span) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _aligned(program: Program, step: Step, value: int, read: int, same_span: bool) -> bool:
    """Tell whether a step that reads old and writes new does so element for element."""
    if not same_span:
        return False
    makers = [x for x in step.instructions if value in x.outs]
    if not makers:
        return False
    position = step.instructions.index(makers[0])
    primitive = makers[0].primitive
    if primitive.inplace is not None:
        return makers[0].args[primitive.inplace] == read
    if not all(x.primitive.elementwise for x in step.instructions):
        return False
    if program.values[read].shape != program.values[value].shape:
        return False
    return not any(read in x.args for x in step.instructions[position + 1 :])
