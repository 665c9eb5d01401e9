"""May a new state overwrite the old one in place? Only when nothing reads the old too late.

A state is seen as rows of one run each; a span start:stop is a stretch of axis 1. Where a view is
too intricate to follow, its span is taken too wide, which costs a copy and never an error.
"""

from dataclasses import dataclass

from steepest.program.chain import Step
from steepest.program.place import Alias, Places, Region
from steepest.program.trace import Program


@dataclass(frozen=True)
class Access:
    """A step that touches the stretch start:stop of a state, through `value`.

    `in_order` says that the value's elements are those of the stretch, one after another.
    """

    step: int
    value: int
    start: int
    stop: int
    in_order: bool = True


def overwritable(program: Program, units: list[Step], places: Places, old: int, new: int) -> bool:
    """Tell whether `new` may be written over `old`.

    Every write must come after the reads of what it overwrites, or element for element with them.
    """
    if program.values[old] != program.values[new]:
        return False
    writes = _writes(program, units, places, new)
    reads = _reads(program, units, places, old)
    return bool(writes) and all(
        _is_in_time(program, units, read, write) for write in writes for read in reads
    )


def _is_in_time(program: Program, units: list[Step], read: Access, write: Access) -> bool:
    if read.stop <= write.start or write.stop <= read.start:
        return True
    if read.step != write.step:
        return read.step < write.step
    return _is_aligned(program, units[read.step], read, write)


def _writes(program: Program, units: list[Step], places: Places, new: int) -> list[Access]:
    """Return every write into the memory of `new`, which may be assembled from regions."""
    found = []
    for position, step in enumerate(units):
        for index in step.writes:
            span = _region(program, places, index, new)
            if span is not None:
                found.append(Access(position, index, *span))
    return found


def _region(program: Program, places: Places, index: int, new: int) -> tuple[int, int] | None:
    """Return the span of `new` that `index` is a region of, through regions of regions."""
    start, stop = 0, _width(program, index)
    while index != new:
        place = places.get(index)
        if not isinstance(place, Region):
            return None
        start, stop = place.start + start, place.start + stop
        index = place.whole
    return start, stop


def _width(program: Program, index: int) -> int:
    shape = program.values[index].shape
    return program.values[index].size // shape[0] if shape else 1


def _reads(program: Program, units: list[Step], places: Places, old: int) -> list[Access]:
    """Return every read of `old`; outputs and other new states are read after the last step."""
    news = [new for other, new in program.pairs.values() if other != old]
    final = (*program.outputs.values(), *news)
    readers = [(position, i) for position, step in enumerate(units) for i in step.reads]
    readers += [(len(units), i) for i in final]
    found = (view_of(program, places, i, old, position) for position, i in readers)
    return [access for access in found if access is not None]


def view_of(program: Program, places: Places, index: int, old: int, step: int = 0) -> Access | None:
    """Return which stretch of `old` a value shows, None where it lies elsewhere."""
    value, views = index, []
    while index != old:
        place = places.get(index)
        if not isinstance(place, Alias):
            return None
        views.append(place.instruction)
        index = place.instruction.args[0]
    start, stop, in_order = 0, _width(program, old), True
    for view in reversed(views):
        source, name = program.values[view.args[0]].shape, view.primitive.name
        narrows = in_order and name == "part" and source[1:] == (stop - start,)
        if narrows and view.attributes["axis"] == 1:
            start, stop = start + view.attributes["start"], start + view.attributes["stop"]
        elif name != "reshape":
            in_order = False
    return Access(step, value, start, stop, in_order)


def _is_aligned(program: Program, step: Step, read: Access, write: Access) -> bool:
    """Tell whether one step reads and writes a stretch element for element."""
    if not read.in_order or (read.start, read.stop) != (write.start, write.stop):
        return False
    (position,) = [p for p, x in enumerate(step.instructions) if write.value in x.outs]
    maker = step.instructions[position]
    if maker.primitive.inplace is not None:
        first = write.value == maker.outs[0]
        return first and maker.args[maker.primitive.inplace] == read.value
    later = (i for x in step.instructions[position + 1 :] for i in x.args)
    return (
        all(x.primitive.elementwise for x in step.instructions)
        and program.values[read.value].shape == program.values[write.value].shape
        and read.value not in later
    )
