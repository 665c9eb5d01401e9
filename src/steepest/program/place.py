"""Places: where a value of a planned program lies."""

from collections.abc import Mapping
from dataclasses import dataclass

from steepest.program.trace import Instruction


@dataclass(frozen=True)
class Named:
    """Memory that the engine keeps under a name: an input, a state, a constant."""


@dataclass(frozen=True, eq=False)
class Alias:
    """A view of another value."""

    instruction: Instruction


@dataclass(frozen=True)
class Region:
    """The elements start:stop along axis 1 of value `whole`, in this value's own shape."""

    whole: int
    start: int
    stop: int


@dataclass(frozen=True)
class Same:
    """The memory of another value of equal shape."""

    other: int


@dataclass(frozen=True)
class Piece:
    """Memory of the arena from `offset` bytes on."""

    offset: int


Place = Named | Alias | Region | Same | Piece
Places = Mapping[int, Place]


def root(places: Places, index: int) -> int:
    """Return the value whose memory `index` lies in."""
    place = places.get(index)
    while isinstance(place, (Alias, Region, Same)):
        if isinstance(place, Alias):
            index = place.instruction.args[0]
        else:
            index = place.whole if isinstance(place, Region) else place.other
        place = places.get(index)
    return index
