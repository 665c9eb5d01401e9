"""The NumPy engine: always there, float32 or float64.

Element-wise kernels run over all runs at once; every other kernel is called run by run on the same
code, which is why R batched runs equal R separate ones to the last bit.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from steepest.engine.native import compile_library, note
from steepest.engine.native_chain import Entry, Lowered, lower_chain
from steepest.engine.native_kernel import LOOPED, LOWERINGS, copying, unary
from steepest.engine.native_seal import seal_codes
from steepest.engine.native_source import TYPES, fixed_source
from steepest.engine.numpy_array import ARRAY_KERNELS, RUN_FREE
from steepest.engine.numpy_elementwise import ELEMENTWISE_KERNELS
from steepest.engine.protocol import Call
from steepest.errors import unknown
from steepest.program.layout import view
from steepest.program.rewrite import rank_one_updates
from steepest.program.rewrite_pool import rewrite_pools
from steepest.program.trace import Instruction, Program, Value

NATIVE = ("auto", "off")


class NumpyEngine:
    """Kernels by NumPy and, where there is a C compiler, the same arithmetic compiled.

    `native` is "auto" or "off"; both give the same bits.
    """

    name = "numpy"

    def __init__(self, dtype: Any = np.float32, native: str = "auto") -> None:
        if native not in NATIVE:
            raise unknown("value of native", native, NATIVE)
        self.real = np.dtype(dtype)
        self._types = {"real": self.real, "int": np.int64, "word": np.uint32, "byte": np.uint8}
        self._native = native == "auto" and self.real.name in TYPES and self._has_library()

    def _has_library(self) -> bool:
        return compile_library(fixed_source(self.real.name)) is not None

    @property
    def is_native(self) -> bool:
        """Tell whether instructions are compiled."""
        return self._native

    @property
    def native_note(self) -> str:
        """Why instructions are not compiled; empty where they are."""
        return "" if self._native else note() or "native kernels are switched off"

    def rewrite(self, program: Program) -> Program:
        """Return the program with less work and the same results."""
        return rank_one_updates(rewrite_pools(program))

    def memory(self, count: int) -> np.ndarray:
        """Return `count` bytes aligned to a cache line."""
        raw = np.zeros(count + 64, np.uint8)
        start = -raw.ctypes.data % 64
        return raw[start : start + count]

    def array(self, value: Value, data: np.ndarray | None = None) -> np.ndarray:
        """Return an aligned array of its own for `value`."""
        kind = np.dtype(self._types[value.kind])
        raw = self.memory(value.size * kind.itemsize)
        array: np.ndarray = raw.view(kind).reshape(value.shape)
        if data is not None:
            array[...] = data
        return array

    def write(self, array: np.ndarray, data: np.ndarray) -> None:
        """Copy a NumPy array into an array of the engine."""
        np.copyto(array, data, casting="unsafe")

    def hold(self, value: Value, data: np.ndarray) -> np.ndarray:
        """Return `data` itself where its type fits, else a copy."""
        kind = np.dtype(self._types[value.kind])
        return np.ascontiguousarray(data) if data.dtype == kind else self.array(value, data)

    def table(self, like: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the rows in the type of `like`."""
        return np.ascontiguousarray(rows, like.dtype)

    def column(self, host: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return host

    def settle(self, column: np.ndarray, host: np.ndarray) -> None:
        """Do nothing: a column is the host's array."""

    @property
    def copy(self) -> Callable[[np.ndarray, np.ndarray], None]:
        """Return np.copyto."""
        return np.copyto

    def piece(self, memory: np.ndarray, offset: int, value: Value) -> np.ndarray:
        """Return the array of `value` at `offset` bytes into `memory`."""
        kind = np.dtype(self._types[value.kind])
        stretch = memory[offset : offset + value.size * kind.itemsize]
        array: np.ndarray = stretch.view(kind).reshape(value.shape)
        return array

    def view(self, array: np.ndarray, name: str, attributes: dict[str, Any]) -> np.ndarray:
        """Return a view by one of the view primitives."""
        result: np.ndarray = view(array, name, attributes)
        return result

    def numpy(self, array: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return array

    def begin(self) -> None:
        """Do nothing: what is bound depends on no other program."""

    def bind_copy(self, source: np.ndarray, target: np.ndarray) -> list[Call]:
        """Return the call that copies one array over another."""
        plain: list[Call] = [(np.copyto, (target, source))]
        return self._prefer(copying(source, target), lambda: plain)

    def bind(
        self, instruction: Instruction, args: list[np.ndarray], outs: list[np.ndarray]
    ) -> list[Call]:
        """Return the calls that execute one instruction on these buffers."""
        primitive, attributes = instruction.primitive, instruction.attributes
        if primitive.view:
            return [(_copy_view, (args[0], outs[0], primitive.name, attributes))]
        if primitive.elementwise:
            return self._bind_elementwise(instruction, args, outs)
        free = RUN_FREE.get(primitive.name, ())
        calls: list[Call] = []
        for run in range(outs[0].shape[0]):
            own = [a if i in free else _of_run(a, run) for i, a in enumerate(args)]
            calls += self._bind_array(primitive.name, own, [o[run, ...] for o in outs], attributes)
        return calls

    def bind_chain(
        self,
        instructions: Sequence[Instruction],
        arrays: dict[int, np.ndarray],
        blocks: Callable[[], list[Call]],
    ) -> list[Call]:
        """Return one compiled call for a chain, else what `blocks` makes of it."""
        entry = lower_chain(instructions, arrays, self.real) if self._native else None
        if entry is None:
            return blocks()
        plain = self._plainly(blocks)
        return [(Lowered((entry,), plain, tuple(instructions), arrays), ())]

    def lower(self, programs: Mapping[str, Program], shared: Mapping[str, Any]) -> None:
        """Return None: instructions are bound one by one."""

    def seal(self, codes: list[list[Call]]) -> list[list[Call]]:
        """Compile what was lowered, all programs at once, and join neighbouring calls."""
        return seal_codes(codes, self.real) if self._native else codes

    def _plainly(self, blocks: Callable[[], list[Call]]) -> Callable[[], list[Call]]:
        def plain() -> list[Call]:
            self._native = False  # only asked for when compiling failed
            return blocks()

        return plain

    def _prefer(self, entries: list[Entry] | None, plain: Callable[[], list[Call]]) -> list[Call]:
        if self._native and entries is not None:
            return [(Lowered(tuple(entries), plain), ())]
        return plain()

    def _bind_elementwise(
        self, instruction: Instruction, args: list[np.ndarray], outs: list[np.ndarray]
    ) -> list[Call]:
        name = instruction.primitive.name
        plain = partial(ELEMENTWISE_KERNELS[name], args, outs[0], instruction.attributes)
        if not self._native:
            return plain()
        if name in LOOPED:
            looped = unary(LOOPED[name], args[0], outs[0])
            return self._prefer(None if looped is None else [looped], plain)
        arrays = dict(zip((*instruction.args, *instruction.outs), (*args, *outs), strict=True))
        entry = lower_chain([instruction], arrays, self.real)
        return (
            plain() if entry is None else [(Lowered((entry,), plain, (instruction,), arrays), ())]
        )

    def _bind_array(
        self, name: str, args: list[np.ndarray], outs: list[np.ndarray], attributes: dict[str, Any]
    ) -> list[Call]:
        lowering = LOWERINGS.get(name) if self._native else None
        entries = lowering(args, outs, attributes) if lowering else None
        return self._prefer(entries, partial(ARRAY_KERNELS[name], args, outs, attributes))


def _of_run(array: np.ndarray, run: int) -> np.ndarray:
    """Return one run's part of an argument; a run axis of length one is shared by all runs."""
    return array if array.ndim == 0 else array[run if array.shape[0] > 1 else 0, ...]


def _copy_view(
    source: np.ndarray, target: np.ndarray, name: str, attributes: dict[str, Any]
) -> None:
    """Copy what a view primitive would show, where strides do not allow the view itself."""
    shown = (
        source.reshape(attributes["shape"]) if name == "reshape" else view(source, name, attributes)
    )
    np.copyto(target, shown)
