"""A user's own `torch.optim.Optimizer` as a rule: one instruction that asks it for its step.

The optimizer sees the run's leaves as separate parameters. Where it takes `weight_decay`, biases,
gains and shifts are a group without it, as for every other rule here. What it remembers is read out
as arrays after every epoch, so a run of it resumes to the same bits. Torch is imported inside
functions only.
"""

import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from steepest.errors import UsageError, nearest
from steepest.program.primitive import Primitive
from steepest.program.trace import Shape, Value

Array = np.ndarray[Any, Any]
PREFIX = "optimizer."  # of the names its arrays have in a State
PLAIN = (bool, int, float, str, type(None))


def is_torch_optimizer(found: Any) -> bool:
    """Tell whether a class that was imported is a `torch.optim.Optimizer`."""
    torch = sys.modules.get("torch")
    return (
        torch is not None and isinstance(found, type) and issubclass(found, torch.optim.Optimizer)
    )


@dataclass(eq=False)
class Memory:
    """One run's optimizer with its own copies of parameters and gradients; equal to itself only."""

    found: Any
    options: dict[str, Any]
    flat: Any = None
    gradient: Any = None
    optimizer: Any = None

    def __repr__(self) -> str:
        return str(self.found.__qualname__)

    def open(self, like: Any, leaves: Sequence[Any], spans: Mapping[str, tuple[int, int]]) -> None:
        """Make the optimizer for leaves that stand at `spans` of a vector (1, P) like `like`."""
        import torch

        self.flat, self.gradient = torch.zeros_like(like[0]), torch.zeros_like(like[0])
        groups: list[list[Any]] = [[], []]
        by_name = {leaf.name: leaf for leaf in leaves}
        for leaf, span in ((by_name[name], slice(*spans[name])) for name in spans):
            parameter = torch.nn.Parameter(self.flat[span].view(leaf.shape))
            parameter.grad = self.gradient[span].view(leaf.shape)
            groups[0 if leaf.is_decayed else 1].append(parameter)
        given: Any = [*groups[0], *groups[1]]
        if "weight_decay" in inspect.signature(self.found).parameters and all(groups):
            given = [{"params": groups[0]}, {"params": groups[1], "weight_decay": 0.0}]
        try:
            self.optimizer = self.found(given, **self.options)
        except Exception as error:  # the user's own code may raise anything
            what = f"{type(error).__name__}: {error}"
            raise UsageError(f"optimizer {self!r} does not take this model ({what})") from error

    def step(self, lr: float) -> None:
        """Take one step at a learning rate."""
        for group in self.optimizer.param_groups:
            if "lr" in group:
                group["lr"] = lr
        self.optimizer.step()

    def read(self) -> dict[str, Array]:
        """Return all it remembers as arrays; numbers and structure are JSON in one of them."""
        import torch

        tensors: dict[str, Array] = {}
        plain = _flat(self.optimizer.state_dict(), tensors, torch.Tensor)
        text = np.frombuffer(json.dumps(plain).encode(), np.uint8).copy()
        return {f"{PREFIX}json": text} | tensors

    def write(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Take up what `read` returned, if it is there; return the other arrays."""
        import torch

        if f"{PREFIX}json" in arrays:
            text = bytes(arrays[f"{PREFIX}json"]).decode()
            state = _deep(json.loads(text), arrays, torch.from_numpy)
            self.optimizer.load_state_dict(state)
        return {name: array for name, array in arrays.items() if not name.startswith(PREFIX)}


def _flat(value: Any, tensors: dict[str, Array], kind: Any) -> Any:
    """Return a value as JSON can hold it, its tensors put aside."""
    if isinstance(value, kind):
        name = f"{PREFIX}{len(tensors)}"
        tensors[name] = value.detach().cpu().numpy().copy()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"map": [[k, _flat(v, tensors, kind)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [_flat(v, tensors, kind) for v in value]}
    if isinstance(value, PLAIN):
        return {"plain": value}
    raise UsageError(f"the optimizer remembers a {type(value).__name__}, which cannot be saved")


def _deep(value: dict[str, Any], arrays: Mapping[str, Array], tensor: Any) -> Any:
    """Return what `_flat` was given."""
    ((how, inside),) = value.items()
    if how == "tensor":
        return tensor(np.array(arrays[inside]))
    if how == "map":
        return {k: _deep(v, arrays, tensor) for k, v in inside}
    if how == "plain":
        return inside
    listed = [_deep(v, arrays, tensor) for v in inside]
    return tuple(listed) if how == "tuple" else listed


@dataclass(frozen=True)
class TorchRule:
    """The rule of a `torch.optim.Optimizer`; `lr` follows the run's schedule."""

    found: Any
    options: tuple[tuple[str, Any], ...]
    lr: float
    memory: Memory = field(compare=False, repr=False)
    slots: ClassVar[tuple[str, ...]] = ()

    def coefficients(self, t: Any, lr: Any) -> dict[str, Any]:  # noqa: ARG002 - a rule takes the step
        """Return lr."""
        return {"lr": lr}

    def step(self, p: Any, g: Any, s: Any, c: Mapping[str, Any]) -> Any:  # noqa: ARG002 - no slots
        """Return the parameters after the optimizer's step."""
        return torch_optimizer(p, g, c["lr"], memory=self.memory), {}


def torch_rule(name: str, found: Any, options: Mapping[str, Any]) -> TorchRule:
    """Return the rule of an optimizer's class; UsageError for an option it does not take."""
    known = dict(list(inspect.signature(found).parameters.items())[1:])
    for option in options:
        if option not in known:
            raise UsageError(
                f"optimizer '{name}' has no option '{option}'; {nearest(option, known)}"
            )
    missing = [n for n, p in known.items() if p.default is p.empty and n not in options]
    missing = [n for n in missing if known[n].kind is not inspect.Parameter.VAR_KEYWORD]
    if missing:
        raise UsageError(f"optimizer '{name}' needs the option '{missing[0]}'")
    closure = inspect.signature(found.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise UsageError(f"optimizer '{name}' evaluates the loss itself (a closure): not supported")
    default = known["lr"].default if "lr" in known else 1.0
    lr = float(options.get("lr", 1.0 if default in (None, inspect.Parameter.empty) else default))
    memory = Memory(found, dict(options))
    return TorchRule(found, tuple(sorted(options.items())), lr, memory)


def _no_definition(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("a torch optimizer is asked by the torch engine only")


def _infer(p: Value, _g: Value, _lr: Value, **_: Any) -> list[tuple[Shape, str]]:
    if p.shape[0] != 1:
        raise ValueError("a torch optimizer trains one run at a time")
    return [(p.shape, "real")]


def _flops(arguments: list[Value], _: list[Value], __: dict[str, Any]) -> int:
    return 10 * arguments[0].size  # about Adam's; nobody knows what is inside


torch_optimizer = Primitive("torch_optimizer", _infer, _no_definition, (), flops=_flops)
