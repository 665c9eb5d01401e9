"""A trained network as a short list of operations for other machines: one run, any batch.

The forward pass is recorded for two batch sizes. What depends on weights alone is computed now, the
run axis is dropped, and sizes that differ between the two recordings are those of the batch.
Arrays keep the axes (N, H, W, C); the input is in the data's own units (bytes from 0 to 255).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.nn.arch import apply, named_arrays
from steepest.nn.scope import Leaf
from steepest.program import Recorder, Symbol
from steepest.program.trace import Instruction, Program
from steepest.train.evaluate import Network
from steepest.train.step import Task

Array = np.ndarray[Any, Any]
BATCH = -1  # stands for the batch in a shape
SIZES = (2, 3)  # the two batches that are recorded
FIXED = ("shift", "gain")
SHAPED = ("reshape", "broadcast")


@dataclass(frozen=True, eq=False)
class Operation:
    """`out = primitive(args, **attributes)`; args name operations, constants or the input "x"."""

    primitive: str
    args: tuple[str, ...]
    attributes: dict[str, Any]
    out: str


@dataclass(frozen=True, eq=False)
class Forward:
    """A network to be written in another language; `shape` is one example's, without the batch."""

    operations: tuple[Operation, ...]
    constants: dict[str, Array]  # float32; leaves keep their dotted names
    shape: tuple[int, ...]
    output: str
    output_shape: tuple[int, ...]


def lower(network: Network, run: int = 0) -> Forward:
    """Return the forward pass of one run in evaluation mode, raw data to outputs (logits)."""
    arrays = _arrays(network, run)
    programs = [_record(network.task, batch) for batch in SIZES]
    lowering = _Lowering(programs, arrays)
    for pair in zip(*(p.instructions for p in programs), strict=True):
        lowering.follow(pair)
    return Forward(
        tuple(lowering.operations),
        lowering.used(),
        network.task.shape,
        lowering.names[programs[0].outputs["y"]],
        network.task.declared.output,
    )


def _arrays(network: Network, run: int) -> dict[str, Array]:
    """Return every leaf, statistic and normalization constant with a run axis of one."""
    read = {n: np.asarray(network.engine.numpy(a)) for n, a in network.shared.items() if _own(n)}
    declared = network.task.declared
    found = dict(named_arrays(declared.leaves, read["params"][run]))
    found |= {leaf.name: read[f"stat.{leaf.name}"][run] for leaf in declared.statistics}
    found |= {n: read[n][run] for n in FIXED if n in read}
    return {n: np.asarray(a, np.float64)[None] for n, a in found.items()}


def _own(name: str) -> bool:
    return name in ("params", *FIXED) or name.startswith("stat.")


def _record(task: Task, batch: int) -> Program:
    recorder = Recorder()
    known: dict[str, Symbol] = {}

    def find(leaf: Leaf) -> Symbol:
        if leaf.name not in known:
            known[leaf.name] = recorder.input(leaf.name, (1, *leaf.shape))
        return known[leaf.name]

    x: Any = recorder.input("x", (1, batch, *task.shape))
    if task.scale != 1.0:
        x = x * task.scale
    if task.normalized:
        shape = (1, 1, *task.shape)
        x = (x - recorder.input("shift", shape)) * recorder.input("gain", shape)
    output, _ = apply(task.arch.root, x, find, task.classes)
    return recorder.program({"y": output})


class _Lowering:
    """Two recordings followed in step: known arrays are folded, the rest becomes operations."""

    def __init__(self, programs: list[Program], arrays: Mapping[str, Array]) -> None:
        self.programs = programs
        self.operations: list[Operation] = []
        self.names: dict[int, str] = {}  # of values, in the first recording
        self.constants: dict[str, Array] = {}
        self.known: tuple[dict[int, Array], ...] = ({}, {})
        for program, known in zip(programs, self.known, strict=True):
            known.update(program.constants)
            known.update({i: arrays[n] for n, i in program.inputs.items() if n != "x"})
        first = programs[0]
        self.leaves = {i: n for n, i in first.inputs.items() if n != "x"}
        self.names[first.inputs["x"]] = "x"

    def follow(self, pair: tuple[Instruction, ...]) -> None:
        """Fold an instruction, or append it."""
        first = pair[0]
        if all(i in self.known[0] for i in first.args):
            for instruction, known in zip(pair, self.known, strict=True):
                result = instruction.primitive.define(
                    *(known[i] for i in instruction.args), **instruction.attributes
                )
                outs = result if isinstance(result, tuple) else (result,)
                known.update(zip(instruction.outs, outs, strict=True))
            if first.primitive.view and first.args[0] in self.leaves:
                self.leaves[first.outs[0]] = self.leaves[first.args[0]]
            return
        seconds = pair[1].args
        args = tuple(self._name(i, k) for i, k in zip(first.args, seconds, strict=True))
        attributes = _without_run(first, pair[1].attributes)
        if first.primitive.name == "pad":
            attributes["rank"] = len(self.programs[0].values[first.outs[0]].shape) - 1
        out = f"v{len(self.operations)}"
        self.names[first.outs[0]] = out
        self.operations.append(Operation(first.primitive.name, args, attributes, out))

    def _name(self, first: int, second: int) -> str:
        """Return the name of a value; one that is known becomes a constant."""
        if first in self.names:
            return self.names[first]
        array = _any_batch(self.known[0][first], self.known[1][second])
        name = self.leaves.get(first, f"constant.{len(self.constants)}")
        if name in self.constants:  # a leaf in another shape
            name = f"{name}.{len(self.constants)}"
        self.constants[name] = (array[0] if array.ndim else array).astype(np.float32)
        self.names[first] = name
        return name

    def used(self) -> dict[str, Array]:
        """Return the constants that operations read."""
        read = {a for o in self.operations for a in o.args}
        return {n: a for n, a in self.constants.items() if n in read}


def _any_batch(first: Array, second: Array) -> Array:
    """Return a constant with one element along an axis that depends on the batch."""
    first, second = np.asarray(first), np.asarray(second)
    for axis, (a, b) in enumerate(zip(first.shape, second.shape, strict=True)):
        if a != b:
            head = np.take(first, [0], axis=axis)
            if not (first == head).all():
                raise UsageError("this network treats the examples of a batch unlike; no export")
            first = head
    return first


def _without_run(instruction: Instruction, other: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as they are without the run axis, with BATCH for the batch's size."""
    found = dict(instruction.attributes)
    name = instruction.primitive.name
    if name in SHAPED:
        pairs = zip(found["shape"], other["shape"], strict=True)
        found["shape"] = tuple(a if a == b else BATCH for a, b in pairs)[1:]
    elif name == "transpose":
        found["axes"] = tuple(i - 1 for i in found["axes"][1:])
    elif "axes" in found:
        found["axes"] = tuple(i - 1 for i in found["axes"])
    elif "axis" in found:
        found["axis"] -= 1
    return found
