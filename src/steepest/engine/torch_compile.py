"""A program as one function of torch, traced to a graph and handed to `torch.compile`.

The graph is straight-line text of ATen calls, which can be read (`source`). Inputs and shared
memory are its arguments; at its end it overwrites the states and the buffers of the outputs, so
that the loop sees what it sees of a planned program.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from steepest.engine.protocol import Call, Engine
from steepest.engine.torch_pure import salted
from steepest.errors import UsageError
from steepest.program.trace import Instruction, Program

HOSTED = ("torch_module", "torch_module_grad", "torch_optimizer")  # a user's own code
Functions = Mapping[str, Callable[..., Any]]


class Whole:
    """A program bound as one compiled function: write `inputs`, `replay`, read `outputs`.

    It is compiled when it is made. Raises UsageError where it cannot be.
    """

    def __init__(
        self, program: Program, engine: Engine, shared: Mapping[str, Any], functions: Functions
    ) -> None:
        self.program, values = program, program.values
        self.inputs: dict[str, Any] = {
            n: shared[n] if n in shared else engine.array(values[i])
            for n, i in program.inputs.items()
        }
        self.outputs = {n: engine.array(values[i]) for n, i in program.outputs.items()}
        constants = [engine.array(values[i], x) for i, x in program.constants.items()]
        salts = [salted(x.attributes) for x in program.instructions if _is_mask(x)]
        here = next(iter(self.inputs.values())).device
        buffers = (
            *self.inputs.values(), *constants, *(s.to(here) for s in salts), *self.outputs.values()
        )  # fmt: skip
        states = {old for old, _ in program.pairs.values()}
        changing = {id(self.inputs[n]) for n, i in program.inputs.items() if i in states}
        changing |= {id(output) for output in self.outputs.values()}
        trial = [b.clone() if id(b) in changing else b for b in buffers]
        graph = make_fx(step_function(program, functions))(*trial)
        self.source = str(graph.code)
        self.code: list[Call] = [(_compiled(graph, trial), buffers)]

    def replay(self) -> None:
        """Execute every instruction once."""
        for kernel, buffers in self.code:
            kernel(*buffers)


def step_function(program: Program, functions: Functions) -> Callable[..., Any]:
    """Return the program as a function of its buffers: inputs, constants, salts, outputs.

    It executes every instruction by a pure function, then writes outputs and new states.
    """

    def step(*buffers: Any) -> tuple[()]:
        left = iter(buffers)
        values = {i: next(left) for i in (*program.inputs.values(), *program.constants)}
        salts = [next(left) for x in program.instructions if _is_mask(x)]
        given = set(program.inputs.values())
        for x in program.instructions:
            arguments = [values[i] for i in x.args]
            attributes = {k: v for k, v in x.attributes.items() if k != "salt"}
            if _is_mask(x):
                arguments.append(salts.pop(0))
            found = functions[x.primitive.name](*arguments, **attributes)
            made = found if isinstance(found, tuple) else (found,)
            values |= zip(x.outs, made, strict=True)
        moves = [(next(left), i) for i in program.outputs.values()]
        moves += [(values[old], new) for old, new in program.pairs.values() if old != new]
        kept = {i: values[i].clone() for _, i in moves if _root(program, i) in given}
        for target, i in moves:
            target.copy_(kept.get(i, values[i]))
        return ()

    return step


def check(program: Program) -> None:
    """Raise UsageError for a program that asks a user's own code."""
    if any(x.primitive.name in HOSTED for x in program.instructions):
        raise UsageError("a module or optimizer of one's own is not compiled; leave out compile")


def _is_mask(instruction: Instruction) -> bool:
    return instruction.primitive.name == "dropout_mask"


def _root(program: Program, index: int) -> int:
    """Return the value that `index` shows: itself, or what it is a view of."""
    views = {x.outs[0]: x.args[0] for x in program.instructions if x.primitive.view}
    while index in views:
        index = views[index]
    return index


def _compiled(graph: Any, trial: list[Any]) -> Callable[..., Any]:
    """Return the compiled graph, tried once on buffers that it may overwrite."""
    compiled: Callable[..., Any] = torch.compile(graph, fullgraph=True, dynamic=False)
    try:
        compiled(*trial)
    except Exception as error:
        reason = " ".join(str(error).split()[:25])
        raise UsageError(f"torch.compile failed: {reason}; leave out compile") from error
    return compiled
