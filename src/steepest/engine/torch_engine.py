"""The torch engine: ATen kernels on planned buffers; `torch.autograd` is never asked.

Torch is optional: this module is imported only when the engine is chosen. Integers of 32 bits stand
for the words of random keys, because torch has few operations on unsigned ones; two's complement
makes the products and sums the same bits.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from steepest.engine.protocol import Call
from steepest.engine.torch_kernel import KERNELS
from steepest.program.trace import Instruction, Program, Value

REALS = {"float32": torch.float32, "float64": torch.float64}


class TorchEngine:
    """Kernels by ATen with `out=`, on the CPU or another device."""

    name = "torch"

    def __init__(self, dtype: Any = np.float32, device: str = "cpu") -> None:
        self.real = np.dtype(dtype)
        self.device = torch.device(device)
        real = REALS[self.real.name]
        self._types = {"real": real, "int": torch.int64, "word": torch.int32, "byte": torch.uint8}

    def memory(self, count: int) -> Any:
        """Return `count` bytes of memory on the device."""
        return torch.zeros(count + 64, dtype=torch.uint8, device=self.device)

    def array(self, value: Value, data: np.ndarray | None = None) -> Any:
        """Return a tensor of its own for `value`, filled with `data` or zeros."""
        tensor = torch.zeros(value.shape, dtype=self._types[value.kind], device=self.device)
        if data is not None:
            self.write(tensor, data)
        return tensor

    def write(self, tensor: Any, data: np.ndarray) -> None:
        """Copy a NumPy array into a tensor."""
        source = np.ascontiguousarray(data)
        source = source.view(np.int32) if source.dtype == np.uint32 else source
        tensor.copy_(torch.from_numpy(np.array(source)).reshape(tensor.shape))

    def hold(self, value: Value, data: np.ndarray) -> Any:
        """Return a tensor with `data`."""
        return self.array(value, data)

    def table(self, like: Any, rows: np.ndarray) -> Any:
        """Return the rows in the type of `like`, on its device."""
        tensor = torch.zeros(rows.shape, dtype=like.dtype, device=self.device)
        self.write(tensor, rows)
        return tensor

    @property
    def copy(self) -> Callable[[Any, Any], Any]:
        """Return Tensor.copy_."""
        copy: Callable[[Any, Any], Any] = torch.Tensor.copy_
        return copy

    def piece(self, memory: Any, offset: int, value: Value) -> Any:
        """Return the tensor of `value` at `offset` bytes into `memory`."""
        kind = self._types[value.kind]
        start = -memory.data_ptr() % 64 + offset
        stretch = memory[start : start + value.size * kind.itemsize]
        return stretch.view(kind).view(value.shape)

    def view(self, array: Any, name: str, attributes: dict[str, Any]) -> Any:
        """Return a view by one of the view primitives.

        The same memory gets the same strides, also along axes of size one: where they differ,
        torch takes writing in place for a partial overlap.
        """
        if name == "reshape":
            return array.view(attributes["shape"])
        if name == "transpose":
            shown = array.permute(attributes["axes"])
        elif name == "broadcast":
            shown = array.expand(attributes["shape"])
        else:
            start = attributes["start"]
            shown = array.narrow(attributes["axis"], start, attributes["stop"] - start)
        return shown.view(shown.shape)

    def numpy(self, array: Any) -> np.ndarray:
        """Return the contents as a NumPy array."""
        result: np.ndarray = array.cpu().numpy()
        return result

    def bind_copy(self, source: Any, target: Any) -> list[Call]:
        """Return the call that copies one tensor over another."""
        return [(target.copy_, (source,))]

    def bind(self, instruction: Instruction, args: list[Any], outs: list[Any]) -> list[Call]:
        """Return the calls that execute one instruction on these buffers."""
        primitive = instruction.primitive
        if primitive.view:
            view = args[0].reshape if primitive.name == "reshape" else None
            if view is None:
                raise NotImplementedError(f"a copying {primitive.name}")
            return [(_copy_reshaped, (args[0], outs[0]))]
        return KERNELS[primitive.name](args, outs, instruction.attributes)

    def bind_chain(
        self,
        instructions: Sequence[Instruction],  # noqa: ARG002 - the protocol's signature
        arrays: dict[int, Any],  # noqa: ARG002 - see above
        blocks: Callable[[], list[Call]],
    ) -> list[Call]:
        """Return the calls that run a chain in blocks."""
        return blocks()

    def seal(self, codes: list[list[Call]]) -> list[list[Call]]:
        """Return the codes as they are."""
        return codes

    def rewrite(self, program: Program) -> Program:
        """Return the program as it is."""
        return program


def _copy_reshaped(source: Any, target: Any) -> None:
    target.copy_(source.reshape(target.shape))
