"""The NumPy engine: always there, float32 or float64.

Element-wise kernels run over all runs at once; every other kernel is called run by run on the same
code, which is why R batched runs equal R separate ones to the last bit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.engine.numpy_array import ARRAY_KERNELS, RUN_FREE
from steepest.engine.numpy_elementwise import ELEMENTWISE_KERNELS
from steepest.engine.protocol import Call
from steepest.program.layout import view
from steepest.program.trace import Instruction, Value


class NumpyEngine:
    """Kernels by NumPy, SciPy's BLAS where it has what NumPy lacks."""

    name = "numpy"

    def __init__(self, dtype: Any = np.float32) -> None:
        self.real = np.dtype(dtype)
        self._types = {"real": self.real, "int": np.int64, "word": np.uint32, "byte": np.uint8}

    def memory(self, count: int) -> np.ndarray:
        """Return `count` bytes aligned to a cache line."""
        raw = np.zeros(count + 64, np.uint8)
        start = -raw.ctypes.data % 64
        return raw[start : start + count]

    def array(self, value: Value, data: np.ndarray | None = None) -> np.ndarray:
        """Return an aligned array of its own for `value`."""
        kind = np.dtype(self._types[value.kind])
        array = self.memory(value.size * kind.itemsize).view(kind).reshape(value.shape)
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

    @property
    def copy(self) -> Callable[[np.ndarray, np.ndarray], None]:
        """Return np.copyto."""
        return np.copyto

    def piece(self, memory: np.ndarray, offset: int, value: Value) -> np.ndarray:
        """Return the array of `value` at `offset` bytes into `memory`."""
        kind = np.dtype(self._types[value.kind])
        stretch = memory[offset : offset + value.size * kind.itemsize]
        return stretch.view(kind).reshape(value.shape)

    def view(self, array: np.ndarray, name: str, attributes: dict[str, Any]) -> np.ndarray:
        """Return a view by one of the view primitives."""
        result: np.ndarray = view(array, name, attributes)
        return result

    def numpy(self, array: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return array

    def bind_copy(self, source: np.ndarray, target: np.ndarray) -> list[Call]:
        """Return the call that copies one array over another."""
        return [(np.copyto, (target, source))]

    def bind(
        self, instruction: Instruction, args: list[np.ndarray], outs: list[np.ndarray]
    ) -> list[Call]:
        """Return the calls that execute one instruction on these buffers."""
        primitive, attributes = instruction.primitive, instruction.attributes
        if primitive.view:
            return [(_copy_view, (args[0], outs[0], primitive.name, attributes))]
        if primitive.elementwise:
            kernel = ELEMENTWISE_KERNELS[primitive.name]
            return kernel(args, outs[0], attributes)
        free = RUN_FREE.get(primitive.name, ())
        calls: list[Call] = []
        for run in range(outs[0].shape[0]):
            own = [a if i in free or a.ndim == 0 else a[run, ...] for i, a in enumerate(args)]
            calls += ARRAY_KERNELS[primitive.name](own, [o[run, ...] for o in outs], attributes)
        return calls


def _copy_view(source: np.ndarray, target: np.ndarray, name: str, attributes: dict[str, Any]) -> None:
    """Copy what a view primitive would show, where strides do not allow the view itself."""
    shown = source.reshape(attributes["shape"]) if name == "reshape" else view(source, name, attributes)
    np.copyto(target, shown)
