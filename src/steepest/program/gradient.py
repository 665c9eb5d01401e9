"""Gradients of plain functions of arrays, and a program run by its definitions alone."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.program.reverse import reverse
from steepest.program.trace import Program, Recorder

Array = np.ndarray


def evaluate(
    program: Program, inputs: Mapping[str, Array], dtype: Any = np.float64
) -> dict[str, Array]:
    """Run a program by the definitions of its primitives; return outputs and new states.

    Slow and plain: this is what every engine is compared with.
    """
    types = {"real": dtype, "int": np.int64, "word": np.uint32, "byte": np.uint8}
    known: dict[int, Any] = {}
    for index, data in program.constants.items():
        known[index] = data.astype(types[program.values[index].kind])
    for name, index in program.inputs.items():
        if name in inputs:
            known[index] = np.asarray(inputs[name], types[program.values[index].kind])
    for instruction in program.instructions:
        result = instruction.primitive.define(
            *(known[i] for i in instruction.args), **instruction.attributes
        )
        outs = result if isinstance(result, tuple) else (result,)
        for index, out in zip(instruction.outs, outs, strict=True):
            known[index] = np.asarray(out, types[program.values[index].kind])
    states = {name: known[new] for name, (_, new) in program.pairs.items()}
    return {name: known[i] for name, i in program.outputs.items()} | states


def grad(function: Callable[..., Any], argument: int = 0) -> Callable[..., Array]:
    """Return the function that computes the gradient of a scalar `function` of arrays.

    The function is written with operators and `steepest.F`; it is recorded, differentiated in
    reverse mode and computed in float64. `argument` says with respect to which argument.
    Raises ValueError where the result is not one number.

    >>> grad(lambda x: (x * x * x))(2.0).item()
    12.0
    """

    def gradient(*arrays: Any) -> Array:
        recorder = Recorder()
        data = [np.asarray(a, np.float64) for a in arrays]
        symbols = [recorder.input(f"x{i}", a.shape) for i, a in enumerate(data)]
        output = recorder.symbol(function(*symbols))
        if output.value.size != 1:
            raise ValueError(f"grad needs a function with one number as result, not {output.value}")
        (result,) = reverse(output, [symbols[argument]])
        program = recorder.program({"gradient": result})
        return evaluate(program, {f"x{i}": a for i, a in enumerate(data)})["gradient"]

    return gradient
