"""A user's own `torch.nn.Module` as a layer: one instruction forward, one for its gradients.

Law: what the module remembers (parameters, buffers) lives in the run's named memory, never in the
module, so it is saved, resumed and masked as everything else is. Torch is imported only here inside
functions, and only where such a module is named. Image batches reach the module as torch has them,
(N, C, H, W) in the unit interval; everything else as it is, (N, ...).
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.errors import UsageError, nearest
from steepest.nn.arch import Arch
from steepest.nn.scope import Scope
from steepest.nn.torch_about import (
    FILLED,
    About,
    about_module,
    arguments,
    filled,
    initial_arrays,
    make,
    seeded,
)
from steepest.program.primitive import Primitive
from steepest.program.trace import Shape, Value

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Origin:
    """Where modules of one network come from; equal only to itself, as programs need it.

    `made` keeps one module per type and device, so that all programs of a run share it; `graph` is
    what torch recorded in the latest forward pass, until its backward pass.
    """

    found: Any
    given: dict[str, Any]
    shape: Shape
    about: About
    made: dict[Any, Any] = field(default_factory=dict)
    graph: Any = None

    def __repr__(self) -> str:
        return getattr(self.found, "__qualname__", "module")

    def module(self, like: Any) -> Any:
        """Return the module with reals of the type and on the device of the tensor `like`."""
        key = like.dtype, like.device
        if key not in self.made:
            with seeded(0):
                self.made[key] = make(self.found, self.given, self.shape).to(
                    device=key[1], dtype=key[0]
                )
        return self.made[key]


@dataclass(frozen=True)
class FromModule:
    """The values a module has after its construction, seeded by the run."""

    layer: "TorchModule"
    shape: Shape
    classes: int
    name: str

    def of_seed(self, seed: int) -> Array:
        """Return the float64 values of the run with this seed."""
        return initial_arrays(self.layer, self.shape, self.classes, seed)[self.name]

    def draw(self, shape: Shape, generator: np.random.Generator) -> Array:
        """Return values seeded by a generator."""
        return self.of_seed(int(generator.integers(2**62))).reshape(shape)


@dataclass(frozen=True)
class TorchModule:
    """A layer made of a module; it reads the data, so it is the whole network."""

    found: Any  # the class or factory
    options: tuple[tuple[str, Any], ...] = ()

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return (1, N, ...): one run at a time."""
        if x.shape[0] != 1:
            raise UsageError(f"{self} trains one run at a time, not {x.shape[0]} in one program")
        shape = tuple(x.shape[2:])
        origin = self.origin(shape, scope.classes)
        leaves = []
        for each in origin.about.state:
            declare = scope.param if each.trained else scope.statistic
            initial = FromModule(self, shape, scope.classes, each.name)
            leaves.append(declare(each.leaf, each.shape, initial))
        if not scope.train:
            return torch_module(x, *leaves, origin=origin)
        found = torch_module(x, *leaves, scope.key, origin=origin)
        y, *after = found if isinstance(found, tuple) else (found,)
        kept = [(n, old) for n, old in zip(origin.about.state, leaves, strict=True)]
        for (each, old), new in zip(kept[origin.about.trained :], after, strict=True):
            scope.update(each.leaf, old, new)
        return y

    def __str__(self) -> str:
        return f"module '{self.found.__module__}:{self.found.__qualname__}'"

    def origin(self, shape: Shape, classes: int) -> Origin:
        """Return where the modules for examples of `shape` come from."""
        given = filled(self, shape, classes)
        return Origin(self.found, given, shape, about_module(self, shape, classes))


def torch_arch(name: str, found: Any, options: Mapping[str, Any]) -> Arch:
    """Return the arch of a module's class or factory; UsageError for an option it does not take."""
    known = arguments(found)
    takes_any = any(
        p.kind is inspect.Parameter.VAR_KEYWORD
        for p in inspect.signature(found).parameters.values()
    )
    for option in options:
        if option not in known and not takes_any:
            raise UsageError(f"model '{name}' has no option '{option}'; {nearest(option, known)}")
    missing = [
        p.name
        for p in known.values()
        if p.default is p.empty and p.name not in options and p.name not in FILLED
    ]
    if missing:
        raise UsageError(f"model '{name}' needs the option '{missing[0]}'")
    return Arch(name, TorchModule(found, tuple(sorted(options.items()))))


def _no_definition(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("a torch module is computed by the torch engine only")


def _infer(x: Value, *_: Value, origin: Origin) -> list[tuple[Shape, str]]:
    about = origin.about
    trains = len(_) > len(about.state)  # the last argument is then the step's random key
    kept = [((1, *n.shape), "real") for n in about.state[about.trained :]] if trains else []
    return [((*x.shape[:2], *about.output), "real"), *kept]


def _forward_flops(arguments: list[Value], _: list[Value], attributes: dict[str, Any]) -> int:
    return int(attributes["origin"].about.flops) * arguments[0].shape[1]


def _backward_flops(arguments: list[Value], _: list[Value], attributes: dict[str, Any]) -> int:
    return 2 * int(attributes["origin"].about.flops) * arguments[0].shape[1]


def _vjp(index: int) -> Any:
    """Return the vjp of argument `index`: of the trained parameters one instruction gives all."""

    def vjp(g: Any, y: Any, *arguments: Any, origin: Origin) -> Any:
        about = origin.about
        if index == 0:
            raise ValueError("a module reads the data: it has no gradient for its input")
        if index > about.trained:
            return None
        found = torch_module_grad(g, *arguments[: about.trained + 1], origin=origin)
        del y
        return found[index - 1] if isinstance(found, tuple) else found

    return vjp


def _grad_infer(_g: Value, _x: Value, *leaves: Value, **_: Any) -> list[tuple[Shape, str]]:
    return [(leaf.shape, "real") for leaf in leaves]


torch_module = Primitive("torch_module", _infer, _no_definition, _vjp, flops=_forward_flops)
torch_module_grad = Primitive(
    "torch_module_grad", _grad_infer, _no_definition, (), flops=_backward_flops
)
