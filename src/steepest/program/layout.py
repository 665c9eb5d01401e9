"""Which views can be views: stride arithmetic on arrays that hold no memory."""

from typing import Any

import numpy as np

from steepest.program.place import Places, Region
from steepest.program.trace import Program, Shape

Layouts = dict[int, np.ndarray]


def _dense(shape: Shape) -> np.ndarray:
    strides = [8] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * shape[i + 1]
    return np.lib.stride_tricks.as_strided(np.zeros(1), shape, strides, writeable=False)


def view(array: Any, name: str, attributes: dict[str, Any]) -> Any:
    """Apply a view primitive to a NumPy array; ValueError where that would need a copy."""
    if name == "reshape":
        return array.reshape(attributes["shape"], copy=False)
    if name == "transpose":
        return array.transpose(attributes["axes"])
    if name == "broadcast":
        return np.broadcast_to(array, attributes["shape"])
    stretch = slice(attributes["start"], attributes["stop"])
    return array[(slice(None),) * attributes["axis"] + (stretch,)]


def layouts(program: Program, places: Places) -> tuple[Layouts, frozenset[int]]:
    """Return an array with the strides of every value, and the views that need a copy."""
    arrays: Layouts = {}
    copied = set()

    def array(index: int) -> np.ndarray:
        if index not in arrays:
            place = places.get(index)
            shape = program.values[index].shape
            if isinstance(place, Region):
                row: np.ndarray = array(place.whole)[:, place.start : place.stop]
                arrays[index] = row.reshape(shape, copy=False)
            else:
                arrays[index] = _dense(shape)
        return arrays[index]

    for instruction in program.instructions:
        out = instruction.outs[0]
        if instruction.primitive.view:
            source, name = array(instruction.args[0]), instruction.primitive.name
            try:
                arrays[out] = view(source, name, instruction.attributes)
            except ValueError:
                copied.add(out)
    return arrays, frozenset(copied)


def has_rows(array: np.ndarray, runs: int) -> bool:
    """Tell whether an array of R runs can be seen as (R, elements) without copying."""
    try:
        array.reshape((runs, array.size // runs), copy=False)
    except ValueError:
        return False
    return True
