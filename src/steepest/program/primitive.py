"""A primitive: its shape rule, its plain NumPy definition, its vjps and its cost.

Called with symbols it records an instruction, called with arrays it computes. The definition is
the oracle for every engine's kernel. A vjp is written with primitives, so gradients are
instructions too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.program.trace import Shape, Symbol, Value

Infer = Callable[..., list[tuple[Shape, str]]]
Vjp = Callable[..., Any]


def _one_per_element(_: list[Value], outs: list[Value], __: dict[str, Any]) -> int:
    return outs[0].size


def no_cost(_: list[Value], __: list[Value], ___: dict[str, Any]) -> int:
    """Return 0: the instruction moves or names data."""
    return 0


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation of the machine that programs are written for.

    `infer(values, **attributes)` gives (shape, kind) of every output; `define(*arrays,
    **attributes)` computes them; `vjps[i](g, y, *arguments, **attributes)` is the cotangent of
    argument i, where `y` is the output (a tuple where there are several) and `g` the cotangent of
    the first one. Outputs after the first are auxiliary: nothing is differentiated through them.
    """

    name: str
    infer: Infer
    define: Callable[..., Any]
    vjps: tuple[Vjp | None, ...] | Callable[[int], Vjp] = ()
    flops: Callable[[list[Value], list[Value], dict[str, Any]], int] = _one_per_element
    elementwise: bool = False
    view: bool = False
    sparse: tuple[int, ...] = ()  # arguments of which only as many elements as come out are read
    inplace: int | None = None  # the argument that is overwritten element for element, if it may be

    def __call__(self, *arguments: Any, **attributes: Any) -> Any:
        """Record where an argument is a symbol, compute where all are arrays or numbers."""
        for argument in arguments:
            if isinstance(argument, Symbol):
                return argument.recorder.append(self, arguments, attributes)
        return self.define(*arguments, **attributes)

    def vjp(self, index: int) -> Vjp | None:
        """Return the vjp of argument `index`, None where the gradient is zero.

        Raises ValueError where none is defined.
        """
        if callable(self.vjps):
            return self.vjps(index)
        if index >= len(self.vjps):
            raise ValueError(f"{self.name} has no gradient with respect to argument {index}")
        return self.vjps[index]


def _elementwise_infer(*values: Value, **_: Any) -> list[tuple[Shape, str]]:
    shape = np.broadcast_shapes(*(v.shape for v in values))
    integer = all(v.kind == "int" for v in values)
    return [(shape, "int" if integer else "real")]


def _real_infer(*values: Value, **_: Any) -> list[tuple[Shape, str]]:
    return [(np.broadcast_shapes(*(v.shape for v in values)), "real")]


def elementwise(
    name: str, define: Callable[..., Any], *vjps: Vjp | None, real: bool = False
) -> Primitive:
    """Return an element-wise primitive; `real` says that it turns integers into reals."""
    infer = _real_infer if real else _elementwise_infer
    return Primitive(name, infer, define, vjps, elementwise=True)
