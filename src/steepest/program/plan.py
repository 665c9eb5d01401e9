"""Planning: where every value of a program lies, so that a replay allocates nothing.

A value is an input or a constant (`Named`), a view of another value (`Alias`), a region of a
concatenation that it will become part of (`Region`), the same memory as another value (`Same`: in
place, or a new state over the old one), or a piece of the arena (`Piece`), reused by liveness.
"""

from dataclasses import dataclass

import numpy as np

from steepest.program.arena import Arena
from steepest.program.chain import Step, steps
from steepest.program.hazard import overwritable, view_of
from steepest.program.layout import layouts
from steepest.program.place import Alias, Named, Piece, Place, Region, Same, root
from steepest.program.trace import Program


@dataclass(frozen=True, eq=False)
class Plan:
    """Steps in order, a place for every value, the arena's size, and what happens after the steps.

    First `saved` are copied to memory of their own: outputs and new states that are seen through
    a state which changes. Then `copies` (old, new) are made.
    """

    program: Program
    steps: tuple[Step, ...]
    places: dict[int, Place]
    arena_bytes: int
    saved: tuple[int, ...]
    copies: tuple[tuple[int, int], ...]


def plan(program: Program, real_bytes: int = 4, alignment: int = 64) -> Plan:
    """Return where every value lies; `real_bytes` is the size of a real (4 or 8)."""
    places: dict[int, Place] = {i: Named() for i in (*program.inputs.values(), *program.constants)}
    _place_concats(program, places)
    shown, copied = layouts(program, places)
    for instruction in program.instructions:
        if instruction.primitive.view and instruction.outs[0] not in copied:
            places[instruction.outs[0]] = Alias(instruction)
    units = steps(program, shown, copied)
    copies = _place_states(program, units, places)
    saved = _saved(program, places)
    arena = Arena(real_bytes, alignment)
    _place_rest(program, units, places, arena)
    return Plan(program, tuple(units), places, arena.size, saved, tuple(copies))


def _place_concats(program: Program, places: dict[int, Place]) -> None:
    """Let the producers of a concatenation's parts write straight into it."""
    maker = {i: x for x in program.instructions for i in x.outs}
    results = {*program.outputs.values(), *(new for _, new in program.pairs.values())}
    for instruction in program.instructions:
        if instruction.primitive.name != "concat" or instruction.attributes["axis"] != 1:
            continue
        whole, start = instruction.outs[0], 0
        for argument in instruction.args:
            stop = start + program.values[argument].shape[1]
            source = argument
            while source in maker and maker[source].primitive.name == "reshape":
                source = maker[source].args[0]
            made = maker.get(source)
            shape = program.values[source].shape
            fits = shape[0] == program.values[whole].shape[0] and (
                int(np.prod(shape[1:])) == stop - start
            )
            if made and not made.primitive.view and fits and source not in {*places, *results}:
                places[source] = Region(whole, start, stop)
            start = stop


def _place_states(
    program: Program, units: list[Step], places: dict[int, Place]
) -> list[tuple[int, int]]:
    """Write new states over old ones where no later step reads the old; list the others."""
    copies = []
    for old, new in program.pairs.values():
        if new == old:
            continue
        if new not in places and overwritable(program, units, places, old, new):
            places[new] = Same(old)
        else:
            copies.append((old, new))
    return copies


def _saved(program: Program, places: dict[int, Place]) -> tuple[int, ...]:
    """Return the outputs and new states that show a state as it was before the replay."""
    changing = [(old, new) for old, new in program.pairs.values() if old != new]
    finals = dict.fromkeys((*program.outputs.values(), *(new for _, new in changing)))
    return tuple(i for i in finals if any(view_of(program, places, i, old) for old, _ in changing))


def _place_rest(
    program: Program, units: list[Step], places: dict[int, Place], arena: Arena
) -> None:
    """Give every other value a piece of the arena for as long as it lives."""
    end = len(units)
    last: dict[int, int] = {}
    first: dict[int, int] = {}
    for position, step in enumerate(units):
        for index in step.reads:
            last[root(places, index)] = position
        for index in step.writes:
            whole = root(places, index)
            first.setdefault(whole, position)
            last[whole] = max(last.get(whole, position), position)
    kept = {*program.outputs.values(), *(new for _, new in program.pairs.values())}
    last.update({root(places, index): end for index in kept})
    living: dict[int, list[int]] = {}
    for position, step in enumerate(units):
        for index in dict.fromkeys(root(places, i) for i in step.writes):
            if index in places or first[index] != position:
                continue
            donor = _donor(program, step, index, places, last, position)
            if donor is None:
                places[index] = Piece(arena.take(program.values[index]))
                keeper = index
            else:
                places[index] = Same(donor)
                keeper = root(places, donor)
                last[keeper] = last[index]
            living.setdefault(last[keeper], []).append(keeper)
        for index in dict.fromkeys(living.pop(position, [])):
            place = places[index]
            if last[index] == position and isinstance(place, Piece):
                arena.give(place.offset)


def _donor(
    program: Program,
    step: Step,
    index: int,
    places: dict[int, Place],
    last: dict[int, int],
    position: int,
) -> int | None:
    """Return a dying argument in whose memory an element-wise result may be written."""
    makers = [p for p, x in enumerate(step.instructions) if index in x.outs]
    if not makers or not step.instructions[makers[0]].primitive.elementwise:
        return None
    later = {i for x in step.instructions[makers[0] + 1 :] for i in x.args}
    given = {root(places, i) for i in step.writes if i in places}
    for argument in dict.fromkeys(step.reads):
        holder = root(places, argument)
        same = program.values[argument] == program.values[index]
        whole = isinstance(places.get(argument), (Piece, Same))
        dying = last.get(holder) == position and isinstance(places.get(holder), Piece)
        viewed = any(i != argument and root(places, i) == holder for i in step.reads)
        if (
            same
            and whole
            and dying
            and argument not in later
            and not viewed
            and holder not in given
        ):
            return argument
    return None
