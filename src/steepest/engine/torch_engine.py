"""The torch engine: ATen kernels on planned buffers; `torch.autograd` is asked by adapters alone.

On the CPU what can be compiled to C is (see `torch_native`); on CUDA a replay is captured as a
graph (see `torch_capture`). With bfloat16 buffers stay float32 and the primitives of `torch_cast`
compute in bfloat16.

Torch is optional: this module is imported only when the engine is chosen. Integers of 32 bits stand
for the words of random keys, because torch has few operations on unsigned ones; two's complement
makes the products and sums the same bits.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from steepest.engine.allocation import keep_freed_blocks
from steepest.engine.native import compile_library
from steepest.engine.native_seal import seal_codes
from steepest.engine.native_source import TYPES, fixed_source
from steepest.engine.protocol import Call
from steepest.engine.torch_capture import capture
from steepest.engine.torch_cast import CAST, Narrowed
from steepest.engine.torch_chain import whole_chain
from steepest.engine.torch_kernel import KERNELS
from steepest.engine.torch_narrow import narrow_calls
from steepest.engine.torch_native import lower_array, lower_elementwise
from steepest.engine.torch_team import Workspace, share
from steepest.engine.torch_winograd import winograd_calls
from steepest.errors import UsageError, unknown
from steepest.program.rewrite import rank_one_updates
from steepest.program.rewrite_pool import rewrite_pools
from steepest.program.trace import Instruction, Program, Value

REALS = {"float32": torch.float32, "float64": torch.float64}
DEVICES = ("cpu", "cuda")
NATIVE = ("auto", "off")


class TorchEngine:
    """Kernels by ATen with `out=`, on the CPU or a CUDA device.

    `dtype` float32, float64 or "bfloat16"; `compiled` hands whole programs to `torch.compile`.
    Raises UsageError for a device that is not there.
    """

    name = "torch"

    def __init__(
        self,
        dtype: Any = np.float32,
        device: str = "cpu",
        native: str = "auto",
        compiled: bool = False,
    ) -> None:
        self.is_cast = isinstance(dtype, str) and dtype == "bfloat16"
        self.real = np.dtype(np.float32 if self.is_cast else dtype)
        self.device = open_device(device)
        self.on_host = self.device.type == "cpu"
        if native not in NATIVE:
            raise unknown("value of native", native, NATIVE)
        wanted = native == "auto" and self.on_host and self.real.name in TYPES
        self._native = wanted and compile_library(fixed_source(self.real.name)) is not None
        self._compiles = compiled
        self.capture_notes: list[str] = []
        self._workspace = Workspace()
        self._narrowed = Narrowed()
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

    def column(self, host: np.ndarray) -> Any:
        """Return the host's array on the CPU, else a tensor that no step has to wait for."""
        if self.on_host:
            return host
        column = torch.empty(host.shape, dtype=self._types["real"], device=self.device)
        self.write(column, host)
        return column

    def settle(self, column: Any, host: np.ndarray) -> None:
        """Copy a column of the device to the host; one on the host is there already."""
        if column is not host:
            host[...] = self.numpy(column)

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

    def begin(self) -> None:
        """Prepare for binding the next program."""
        self._narrowed = Narrowed()

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
        plain = partial(self._plain, instruction, args, outs)
        if not self._native or (self.is_cast and primitive.name in CAST):
            return plain()
        if primitive.elementwise:
            tensors = dict(zip((*instruction.args, *instruction.outs), (*args, *outs), strict=True))
            lowered = lower_elementwise([instruction], tensors, self.real, plain)
        else:
            lowered = lower_array(instruction, args, outs, plain)
            if lowered is None:
                given = (instruction, args, outs, self._workspace)
                lowered = winograd_calls(*given) or narrow_calls(*given)
        return plain() if lowered is None else lowered

    def _plain(self, instruction: Instruction, args: list[Any], outs: list[Any]) -> list[Call]:
        kernel = KERNELS[instruction.primitive.name]
        if self.is_cast and instruction.primitive.name in CAST:
            return self._narrowed.bind(kernel, instruction, args, outs)
        return kernel(args, outs, instruction.attributes)

    def bind_chain(
        self,
        instructions: Sequence[Instruction],
        arrays: dict[int, Any],
        blocks: Callable[[], list[Call]],
    ) -> list[Call]:
        """Return one compiled call for a chain where there can be one, else what runs in blocks.

        On a GPU the instructions run one by one on whole arrays.
        """
        if not self.on_host:
            like = {"dtype": self._types["real"], "device": self.device}
            return whole_chain(instructions, arrays, self.bind, like)
        if not self._native:
            return blocks()

        def plain() -> list[Call]:
            self._native = False  # only asked for when compiling failed
            return blocks()

        return lower_elementwise(instructions, arrays, self.real, plain) or blocks()

    def lower(
        self, programs: Mapping[str, Program], shared: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return programs as compiled functions where that is wanted, captured on CUDA."""
        if not self._compiles:
            return None
        from steepest.engine.torch_compile import Whole, check
        from steepest.engine.torch_pure import pure_functions

        functions = pure_functions(self._types["real"], self.is_cast)
        for program in programs.values():
            check(program)
        found = {name: Whole(x, self, shared, functions) for name, x in programs.items()}
        if not self.on_host:
            for whole, code in zip(
                found.values(), self.seal([w.code for w in found.values()]), strict=True
            ):
                whole.code = code
        return found

    def seal(self, codes: list[list[Call]]) -> list[list[Call]]:
        """Return the finished codes: compiled on the CPU, captured as graphs on CUDA."""
        if self.on_host:
            return seal_codes(codes, self.real, share(self.real)) if self._native else codes
        captured = [capture(code, self.device) for code in codes]
        self.capture_notes = [note for _, note in captured]
        return [code for code, _ in captured]

    def rewrite(self, program: Program) -> Program:
        """Return the program with less work and the same results."""
        return rank_one_updates(rewrite_pools(program))


def open_device(name: str) -> Any:
    """Return a device, set up to repeat its results; UsageError where there is none."""
    kind = name.partition(":")[0]
    if kind not in DEVICES:
        raise unknown("device", name, DEVICES)
    if kind == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(f"device '{name}': PyTorch finds no CUDA device on this machine")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # products repeat their bits
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False  # there is bfloat16 for speed
        torch.backends.cudnn.benchmark = False
    else:
        keep_freed_blocks()
    return torch.device(name)


def _copy_reshaped(source: Any, target: Any) -> None:
    target.copy_(source.reshape(target.shape))
