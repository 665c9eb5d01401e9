"""Which views can be views: stride arithmetic on arrays that hold no memory."""

from typing import Any

import numpy as np

from steepest.program.trace import Program, Shape


def _dense(shape: Shape) -> np.ndarray:
    strides = [8] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * shape[i + 1]
    return np.lib.stride_tricks.as_strided(np.zeros(1), shape, strides, writeable=False)


def view(array: Any, name: str, attributes: dict[str, Any]) -> Any:
    """Apply a view primitive to a NumPy array without copying; ValueError where that is impossible."""
    if name == "reshape":
        return array.reshape(attributes["shape"], copy=False)
    if name == "transpose":
        return array.transpose(attributes["axes"])
    if name == "broadcast":
        return np.broadcast_to(array, attributes["shape"])
    stretch = slice(attributes["start"], attributes["stop"])
    return array[(slice(None),) * attributes["axis"] + (stretch,)]


def layouts(program: Program, places: dict[int, Any]) -> dict[int, bool]:
    """Return for every view's output whether it can alias its argument."""
    arrays: dict[int, np.ndarray] = {}
    possible: dict[int, bool] = {}

    def array(index: int) -> np.ndarray:
        if index not in arrays:
            place = places.get(index)
            shape = program.values[index].shape
            if hasattr(place, "whole"):
                row = array(place.whole)[:, place.start : place.stop]
                arrays[index] = row.reshape(shape, copy=False)
            else:
                arrays[index] = _dense(shape)
        return arrays[index]

    for instruction in program.instructions:
        if not instruction.primitive.view:
            continue
        out = instruction.outs[0]
        try:
            arrays[out] = view(
                array(instruction.args[0]), instruction.primitive.name, instruction.attributes
            )
            possible[out] = True
        except ValueError:
            possible[out] = False
    return possible
