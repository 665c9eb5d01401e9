"""A program as one generated function of torch, handed to `torch.compile`.

The function is straight-line text, an assignment for every instruction, which can be read
(`source`). Inputs and shared memory are its arguments; at its end it overwrites the states and the
buffers of the outputs, so that the loop sees what it sees of a planned program.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

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
        here = next(iter(self.inputs.values())).device
        salts = [salted(x.attributes).to(here) for x in program.instructions if _is_mask(x)]
        self.source = source(program)
        buffers = (*self.inputs.values(), *constants, *salts, *self.outputs.values())
        changing = {id(self.inputs[n]) for n, i in program.inputs.items() if i in _states(program)}
        changing |= {id(output) for output in self.outputs.values()}
        trial = [b.clone() if id(b) in changing else b for b in buffers]
        self.code: list[Call] = [(_compiled(self.source, functions, trial), buffers)]

    def replay(self) -> None:
        """Execute every instruction once."""
        for kernel, buffers in self.code:
            kernel(*buffers)


def source(program: Program) -> str:
    """Return the text of `step`, a function of all buffers, with primitives by their names."""
    salts = [f"s{k}" for k in range(sum(map(_is_mask, program.instructions)))]
    results = [f"o{k}" for k in range(len(program.outputs))]
    named = [f"v{i}" for i in (*program.inputs.values(), *program.constants)]
    lines = [f"def step({', '.join([*named, *salts, *results])}):"]
    left = iter(salts)
    for x in program.instructions:
        arguments = [f"v{i}" for i in x.args] + ([next(left)] if _is_mask(x) else [])
        arguments += [f"{k}={v!r}" for k, v in x.attributes.items() if k != "salt"]
        outs = ", ".join(f"v{i}" for i in x.outs)
        lines.append(f"    {outs} = {x.primitive.name}({', '.join(arguments)})")
    moves = list(zip(results, program.outputs.values(), strict=True))
    moves += [(f"v{old}", new) for old, new in program.pairs.values() if old != new]
    kept = {i: f"k{i}" for _, i in moves if _root(program, i) in program.inputs.values()}
    lines += [f"    {name} = v{i}.clone()" for i, name in kept.items()]
    lines += [f"    {target}.copy_({kept.get(i, f'v{i}')})" for target, i in moves]
    return "\n".join(lines) + "\n"


def check(program: Program) -> None:
    """Raise UsageError for a program that asks a user's own code."""
    if any(x.primitive.name in HOSTED for x in program.instructions):
        raise UsageError("a module or optimizer of one's own is not compiled; leave out compile")


def _is_mask(instruction: Instruction) -> bool:
    return instruction.primitive.name == "dropout_mask"


def _states(program: Program) -> set[int]:
    return {old for old, _ in program.pairs.values()}


def _root(program: Program, index: int) -> int:
    """Return the value that `index` shows: itself, or what it is a view of."""
    views = {x.outs[0]: x.args[0] for x in program.instructions if x.primitive.view}
    while index in views:
        index = views[index]
    return index


def _compiled(text: str, functions: Functions, trial: list[Any]) -> Callable[..., Any]:
    """Return the compiled function of a text, tried once on buffers that it may overwrite."""
    namespace = dict(functions)
    exec(compile(text, "<program>", "exec"), namespace)  # noqa: S102 - our own text, no input in it
    compiled: Callable[..., Any] = torch.compile(namespace["step"], fullgraph=True, dynamic=False)
    try:
        compiled(*trial)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"torch.compile failed: {reason}; leave out compile") from error
    return compiled
