"""Recording: symbols stand for arrays, a recorder writes down what is done to them.

A `Program` is precision-free: its values are `real` (float32 or float64, chosen when an engine
binds it), `int` (int64), `word` (uint32, keys of random numbers) or `byte` (uint8, stored images).
Instructions are pure, so equal ones are recorded once (common-subexpression elimination).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from steepest.program.primitive import Primitive

Shape = tuple[int, ...]
KINDS = ("real", "int", "word", "byte")
BYTES = {"real": 4, "int": 8, "word": 4, "byte": 1}  # of one element; reals counted as float32


@dataclass(frozen=True)
class Value:
    """The shape and kind of one value of a program."""

    shape: Shape
    kind: str

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """The size in bytes with reals of four bytes."""
        return self.size * BYTES[self.kind]

    def __str__(self) -> str:
        sizes = "×".join(map(str, self.shape))
        return f"{'' if self.kind == 'real' else self.kind}[{sizes}]"


@dataclass(frozen=True, eq=False)
class Instruction:
    """`outs = primitive(args, **attributes)`; args and outs are indices into the values."""

    primitive: Primitive
    args: tuple[int, ...]
    attributes: dict[str, Any]
    outs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """A recorded computation.

    `pairs` declares state: name -> (old, new), values of equal shape; after a replay `new` stands
    where `old` stood.
    """

    values: tuple[Value, ...]
    instructions: tuple[Instruction, ...]
    inputs: dict[str, int]
    constants: dict[int, np.ndarray]
    outputs: dict[str, int]
    pairs: dict[str, tuple[int, int]] = field(default_factory=dict)

    def flops_of(self, instruction: Instruction) -> int:
        """Return the floating-point operations of one instruction (a multiply-add counts two)."""
        arguments = [self.values[i] for i in instruction.args]
        outs = [self.values[i] for i in instruction.outs]
        return instruction.primitive.flops(arguments, outs, instruction.attributes)

    def bytes_of(self, instruction: Instruction) -> int:
        """Return the bytes an instruction reads and writes, reals counted as four; views 0."""
        if instruction.primitive.view:
            return 0
        written = sum(self.values[i].bytes for i in instruction.outs)
        count = self.values[instruction.outs[0]].size
        read = 0
        for position, i in enumerate(instruction.args):
            sparse = position in instruction.primitive.sparse
            read += count * BYTES[self.values[i].kind] if sparse else self.values[i].bytes
        return read + written

    @property
    def flops(self) -> int:
        """The floating-point operations of one replay."""
        return sum(map(self.flops_of, self.instructions))

    @property
    def bytes(self) -> int:
        """The bytes one replay reads and writes, without any fusion."""
        return sum(map(self.bytes_of, self.instructions))

    def __str__(self) -> str:
        from steepest.program.listing import listing

        return listing(self)


class Symbol:
    """Stands for an array while recording; operators record."""

    __slots__ = ("index", "recorder")
    __array_ufunc__ = None  # so that array + symbol asks the symbol
    __hash__ = object.__hash__

    def __init__(self, recorder: Recorder, index: int) -> None:
        self.recorder = recorder
        self.index = index

    @property
    def value(self) -> Value:
        """The shape and kind."""
        return self.recorder.values[self.index]

    @property
    def shape(self) -> Shape:
        """The shape, the run axis included."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.value.shape)

    def __repr__(self) -> str:
        return f"Symbol(%{self.index} {self.value})"

    def __add__(self, other: Any) -> Any:
        return _operate("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _operate("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return _operate("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _operate("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return _operate("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _operate("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _operate("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _operate("div", other, self)

    def __neg__(self) -> Any:
        return _operate("neg", self)

    def __matmul__(self, other: Any) -> Any:
        return _operate("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _operate("matmul", other, self)

    def __pow__(self, exponent: float) -> Any:
        return _operate("power", self, exponent=exponent)

    def __bool__(self) -> bool:
        raise TypeError("a symbol has no truth value while recording; use F.where")


def _operate(name: str, *arguments: Any, **attributes: Any) -> Any:
    from steepest.program import function

    return getattr(function, name)(*arguments, **attributes)


class Recorder:
    """The program while it is written."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.instructions: list[Instruction] = []
        self.inputs: dict[str, int] = {}
        self.constants: dict[int, np.ndarray] = {}
        self._known: dict[Any, tuple[int, ...]] = {}

    def _new(self, shape: Sequence[int], kind: str) -> int:
        self.values.append(Value(tuple(int(n) for n in shape), kind))
        return len(self.values) - 1

    def input(self, name: str, shape: Sequence[int], kind: str = "real") -> Symbol:
        """Declare an input (also the old half of a state pair)."""
        if name in self.inputs:
            raise ValueError(f"the program has an input '{name}' already")
        self.inputs[name] = self._new(shape, kind)
        return Symbol(self, self.inputs[name])

    def constant(self, array: Any) -> Symbol:
        """Return the symbol of a number or an array known while recording."""
        data = np.asarray(array)
        kind = {"f": "real", "i": "int", "u": "word", "b": "int"}[data.dtype.kind]
        if isinstance(array, (int, float)):
            kind = "real"  # an immediate takes part in real arithmetic
        data = data.astype({"real": np.float64, "int": np.int64, "word": np.uint32}[kind])
        key = ("constant", data.shape, kind, data.tobytes())
        if key not in self._known:
            index = self._new(data.shape, kind)
            data.setflags(write=False)
            self.constants[index] = data
            self._known[key] = (index,)
        return Symbol(self, self._known[key][0])

    def symbol(self, argument: Any) -> Symbol:
        """Return `argument` as a symbol of this recording."""
        if isinstance(argument, Symbol):
            if argument.recorder is not self:
                raise ValueError("a symbol of another recording was used")
            return argument
        return self.constant(argument)

    def append(
        self, primitive: Primitive, arguments: tuple[Any, ...], attributes: dict[str, Any]
    ) -> Any:
        """Record one instruction, or return what an equal one gave before."""
        args = tuple(self.symbol(a).index for a in arguments)
        if args and all(i in self.constants for i in args):
            return self._fold(primitive, args, attributes)
        key = (primitive.name, args, tuple(sorted(attributes.items())))
        outs = self._known.get(key)
        if outs is None:
            try:
                inferred = primitive.infer(*(self.values[i] for i in args), **attributes)
            except ValueError as error:
                shapes = ", ".join(str(self.values[i]) for i in args)
                raise ValueError(f"{primitive.name}({shapes}): {error}") from None
            outs = tuple(self._new(shape, kind) for shape, kind in inferred)
            self.instructions.append(Instruction(primitive, args, attributes, outs))
            self._known[key] = outs
        symbols = tuple(Symbol(self, i) for i in outs)
        return symbols if len(symbols) > 1 else symbols[0]

    def _fold(self, primitive: Primitive, args: tuple[int, ...], attributes: dict[str, Any]) -> Any:
        """Compute what depends on constants alone, once, in float64."""
        result = primitive.define(*(self.constants[i] for i in args), **attributes)
        if isinstance(result, tuple):
            return tuple(self.constant(array) for array in result)
        return self.constant(np.asarray(result))

    def program(
        self,
        outputs: Mapping[str, Symbol],
        pairs: Mapping[str, tuple[Symbol, Symbol]] | None = None,
    ) -> Program:
        """Close the recording: keep what `outputs` and `pairs` need, in the order recorded."""
        states = {name: (old.index, new.index) for name, (old, new) in (pairs or {}).items()}
        results = {name: self.symbol(s).index for name, s in outputs.items()}
        needed = {*results.values(), *(new for _, new in states.values())}
        kept = []
        for instruction in reversed(self.instructions):
            if needed.intersection(instruction.outs):
                kept.append(instruction)
                needed.update(instruction.args)
        constants = {i: data for i, data in self.constants.items() if i in needed}
        return Program(
            tuple(self.values), tuple(reversed(kept)), dict(self.inputs), constants, results, states
        )


def record(function: Callable[..., Mapping[str, Symbol]], **shapes: Sequence[int]) -> Program:
    """Record `function(**symbols)` on real inputs of the given shapes; it returns named outputs.

    >>> program = record(lambda x: {"y": x * 2.0}, x=(3,))
    >>> [i.primitive.name for i in program.instructions]
    ['mul']
    """
    recorder = Recorder()
    symbols = {name: recorder.input(name, shape) for name, shape in shapes.items()}
    return recorder.program(function(**symbols))
