"""The executor: binds a plan to an engine's memory and replays it.

`replay` is one loop over (kernel, buffers). Programs of one run share their named memory
(parameters, slots, data) and one arena, because they never run at the same time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from steepest.engine.protocol import Call, Engine
from steepest.program.chain import BLOCK, Step
from steepest.program.place import Alias, Piece, Region, Same
from steepest.program.plan import Plan, plan
from steepest.program.trace import Program, Value


class Bound:
    """A program with its buffers: write `inputs`, call `replay`, read `outputs`."""

    def __init__(
        self, planned: Plan, engine: Engine, shared: Mapping[str, Any], arena: Any
    ) -> None:
        self.program = planned.program
        self._planned = planned
        self._engine = engine
        self._arena = arena
        self._arrays: dict[int, Any] = {}
        self._name_inputs(shared)
        self.code: list[Call] = []
        engine.begin()
        for step in planned.steps:
            self.code += self._chain(step) if step.is_chain else self._single(step)
        saved = {i: engine.array(self.program.values[i]) for i in planned.saved}
        for index, array in saved.items():
            self.code += engine.bind_copy(self.array(index), array)
        final = {i: saved[i] if i in saved else self.array(i) for i in _final(self.program)}
        for old, new in planned.copies:
            self.code += engine.bind_copy(final[new], self.array(old))
        self.inputs = {name: self._arrays[i] for name, i in self.program.inputs.items()}
        self.outputs = {name: final[i] for name, i in self.program.outputs.items()}

    def replay(self) -> None:
        """Execute every instruction once."""
        for kernel, buffers in self.code:
            kernel(*buffers)

    def _name_inputs(self, shared: Mapping[str, Any]) -> None:
        values = self.program.values
        for name, index in self.program.inputs.items():
            known = shared.get(name)
            if known is not None and tuple(known.shape) != values[index].shape:  # kernels trust it
                raise ValueError(f"{name} is {tuple(known.shape)}, not {values[index].shape}")
            self._arrays[index] = self._engine.array(values[index]) if known is None else known
        for index, data in self.program.constants.items():
            self._arrays[index] = self._engine.array(values[index], data)

    def array(self, index: int) -> Any:
        """Return the buffer of a value."""
        if index not in self._arrays:
            self._arrays[index] = self._resolve(index)
        return self._arrays[index]

    def _resolve(self, index: int) -> Any:
        place = self._planned.places[index]
        value = self.program.values[index]
        if isinstance(place, Alias):
            x = place.instruction
            return self._engine.view(self.array(x.args[0]), x.primitive.name, x.attributes)
        if isinstance(place, Region):
            span = {"axis": 1, "start": place.start, "stop": place.stop}
            row = self._engine.view(self.array(place.whole), "part", span)
            return self._engine.view(row, "reshape", {"shape": value.shape})
        if isinstance(place, Same):
            return self.array(place.other)
        if isinstance(place, Piece):
            return self._engine.piece(self._arena, place.offset, value)
        raise TypeError(f"value {index} is {place} but has no memory")

    def _single(self, step: Step) -> list[Call]:
        (instruction,) = step.instructions
        args = [self.array(i) for i in instruction.args]
        return self._engine.bind(instruction, args, [self.array(i) for i in instruction.outs])

    def _chain(self, step: Step) -> list[Call]:
        """Run a chain as one call where the engine can, else in blocks."""
        indices = {i for x in step.instructions for i in (*x.args, *x.outs)} - step.inner
        arrays = {i: self.array(i) for i in indices}
        return self._engine.bind_chain(step.instructions, arrays, lambda: self._blocks(step))

    def _blocks(self, step: Step) -> list[Call]:
        """Run a chain row by row and block by block; inner values live in registers."""
        shape = self.program.values[step.instructions[0].outs[0]].shape
        runs, width = shape[0], int(np.prod(shape[1:]))
        rows = {
            i: self._row_view(i, runs, width)
            for x in step.instructions
            for i in (*x.args, *x.outs)
            if i not in step.inner
        }
        registers = _registers(step)
        memory = [
            self._engine.array(Value((min(BLOCK, width),), "real"))
            for _ in range(max(registers.values(), default=-1) + 1)
        ]
        calls: list[Call] = []
        for run in range(runs):
            for start in range(0, width, BLOCK):
                stop = min(start + BLOCK, width)

                def block(i: int, run: int = run, start: int = start, stop: int = stop) -> Any:
                    if i in step.inner:
                        return memory[registers[i]][: stop - start]
                    row = rows[i]
                    if row.ndim == 2:
                        return row[run, start:stop]
                    return row[run, ...] if row.ndim == 1 else row

                for x in step.instructions:
                    outs = [block(i) for i in x.outs]
                    calls += self._engine.bind(x, [block(i) for i in x.args], outs)
        return calls

    def _row_view(self, index: int, runs: int, width: int) -> Any:
        """Return a value as (R, width), or (R,) for one number per run, or a scalar."""
        array = self.array(index)
        size = self.program.values[index].size
        if size == runs * width:
            return self._engine.view(array, "reshape", {"shape": (runs, width)})
        return self._engine.view(array, "reshape", {"shape": (runs,) if size == runs else ()})


def _final(program: Program) -> set[int]:
    """Return the values that are read after the last instruction."""
    return {*program.outputs.values(), *(new for _, new in program.pairs.values())}


def _registers(step: Step) -> dict[int, int]:
    """Return a register for every inner value; it is free again after the last reader."""
    last = {i: p for p, x in enumerate(step.instructions) for i in x.args}
    taken: dict[int, int] = {}
    free: list[int] = []
    count = 0
    for position, x in enumerate(step.instructions):
        dying = [i for i in dict.fromkeys(x.args) if i in step.inner and last[i] == position]
        free += [taken[i] for i in dying]
        for out in x.outs:
            if out in step.inner:
                if not free:
                    free.append(count)
                    count += 1
                taken[out] = free.pop()
    return taken


def bind_programs(
    programs: Mapping[str, Program], engine: Engine, shared: Mapping[str, Any]
) -> dict[str, Bound]:
    """Plan and bind programs over the same named memory and one arena."""
    width = engine.real.itemsize
    rewritten = {name: engine.rewrite(program) for name, program in programs.items()}
    whole = engine.lower(rewritten, shared)
    if whole is not None:
        return whole
    plans = {name: plan(program, width) for name, program in rewritten.items()}
    arena = engine.memory(max((p.arena_bytes for p in plans.values()), default=0))
    bounds = {name: Bound(p, engine, shared, arena) for name, p in plans.items()}
    sealed = engine.seal([bound.code for bound in bounds.values()])
    for bound, code in zip(bounds.values(), sealed, strict=True):
        bound.code = code
    return bounds


def call_count(bounds: Sequence[Bound]) -> int:
    """Return how many kernel calls the programs make, one replay each."""
    return sum(len(b.code) for b in bounds)
