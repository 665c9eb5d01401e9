"""What an engine is: memory, views of it, and a kernel for every primitive.

An engine knows nothing of networks or rules. A kernel writes into buffers that are given to it; it
keeps no state between calls.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from steepest.program.trace import Instruction, Program, Value

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Engine(Protocol):
    """Kernels with an executor; `real` is the NumPy type of reals (float32 or float64)."""

    name: str
    real: np.dtype[Any]

    def memory(self, count: int) -> Any:
        """Return `count` bytes of memory."""
        ...

    def array(self, value: Value, data: np.ndarray | None = None) -> Any:
        """Return an array of its own for `value`, filled with `data` or zeros."""
        ...

    def write(self, array: Any, data: np.ndarray) -> None:
        """Copy a NumPy array into an array of the engine."""
        ...

    def hold(self, value: Value, data: np.ndarray) -> Any:
        """Return an array of the engine that may share memory with `data`, for reading only."""
        ...

    def table(self, like: Any, rows: np.ndarray) -> Any:
        """Return rows of the same type as `like`, one to be copied into it before every replay."""
        ...

    def column(self, host: np.ndarray) -> Any:
        """Return what a result is written into step by step: `host`, or its like on the device."""
        ...

    def settle(self, column: Any, host: np.ndarray) -> None:
        """Bring a column's contents to the host array it was made for."""
        ...

    @property
    def copy(self) -> Callable[[Any, Any], Any]:
        """Return the function that copies one array over another: target first, then source."""
        ...

    def piece(self, memory: Any, offset: int, value: Value) -> Any:
        """Return the array of `value` that begins `offset` bytes into `memory`."""
        ...

    def view(self, array: Any, name: str, attributes: dict[str, Any]) -> Any:
        """Return a view by one of the view primitives, never a copy."""
        ...

    def numpy(self, array: Any) -> np.ndarray:
        """Return the contents as a NumPy array (shared where the memory is the host's)."""
        ...

    def begin(self) -> None:
        """Prepare for binding the next program."""
        ...

    def bind_copy(self, source: Any, target: Any) -> list[Call]:
        """Return the calls that copy one array over another."""
        ...

    def bind(self, instruction: Instruction, args: list[Any], outs: list[Any]) -> list[Call]:
        """Return the calls that execute one instruction on these buffers."""
        ...

    def bind_chain(
        self,
        instructions: Sequence[Instruction],
        arrays: dict[int, Any],
        blocks: Callable[[], list[Call]],
    ) -> list[Call]:
        """Return the calls that execute a chain; `blocks()` makes those that run it in blocks.

        `arrays` holds the buffers of all values but those that live inside the chain only.
        """
        ...

    def lower(
        self, programs: Mapping[str, Program], shared: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return programs bound as wholes (like `Bound`); None where they are bound by kernels."""
        ...

    def seal(self, codes: list[list[Call]]) -> list[list[Call]]:
        """Return the finished codes of all programs of a run."""
        ...

    def rewrite(self, program: Program) -> Program:
        """Return the program as this engine prefers it, with the same results."""
        ...
