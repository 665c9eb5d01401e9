"""What a user's own `torch.nn.Module` is: made, seeded, looked at. Torch is imported late.

Law: a module is made inside `seeded`, so torch's global generator is as it was afterwards. Image
examples (H, W, C) reach it as (C, H, W); everything else as it is.
"""

import copy
import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from steepest.errors import UsageError
from steepest.nn.arch import Arch
from steepest.program.trace import Shape
from steepest.seeds import stream

Array = np.ndarray[Any, Any]
FILLED = ("classes", "shape")  # arguments that the data set fills in where they have no default
ROLES = {"weight": "gain", "bias": "b"}  # last words of parameters with one axis


class Described(Protocol):
    """A class or factory of modules with its options; hashable."""

    @property
    def found(self) -> Any:
        """The class or factory."""
        ...

    @property
    def options(self) -> tuple[tuple[str, Any], ...]:
        """What it is called with."""
        ...


def is_torch_module(found: Any) -> bool:
    """Tell whether a class or factory that was imported makes a `torch.nn.Module`."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    if isinstance(found, Copied):
        return True
    if isinstance(found, type):
        return issubclass(found, torch.nn.Module)
    if isinstance(found, Arch) or not callable(found):
        return False
    needed = [p.name for p in arguments(found).values() if p.default is p.empty]
    if any(name in FILLED for name in needed):
        return True
    return not needed and not isinstance(found, type) and _makes_module(found)


@lru_cache(maxsize=64)
def _makes_module(factory: Any) -> bool:
    import torch

    with seeded(0):
        return isinstance(factory(), torch.nn.Module)


def arguments(found: Any) -> dict[str, inspect.Parameter]:
    """Return what a class or factory is called with, without *args and **kwargs."""
    stars = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    every = inspect.signature(found).parameters.values()
    return {p.name: p for p in every if p.kind not in stars}


@dataclass(frozen=True, eq=False)
class Copied:
    """A module that is there already, as a factory of copies with its weights."""

    module: Any
    __qualname__ = "module"

    def __call__(self) -> Any:
        """Return a copy."""
        return copy.deepcopy(self.module)


def is_torch_instance(found: Any) -> bool:
    """Tell whether something is a `torch.nn.Module` itself, not its class."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(found, torch.nn.Module)


def given_name(module: Any) -> str:
    """Return the name by which this process finds a module that was given as an object.

    The name holds a digest of its description and weights; another process does not know it.
    """
    from torch.nn.parameter import is_lazy

    lazy = [name for name, tensor in module.state_dict().items() if is_lazy(tensor)]
    if lazy:
        raise UsageError(
            f"'{lazy[0]}' of the module has no shape yet: give its class, 'package.module:Class', "
            "or let it see an input first"
        )
    digest = hashlib.sha256(repr(module).encode())
    for name, tensor in module.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    name = f"given_{digest.hexdigest()[:16]}"
    globals()[name] = Copied(copy.deepcopy(module).cpu())
    return f"{__name__}:{name}"


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator within, and leave it as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


@dataclass(frozen=True)
class Named:
    """A parameter or buffer of a module: its name there, the leaf's name here, its shape."""

    name: str
    leaf: str
    shape: Shape
    trained: bool


@dataclass(frozen=True)
class About:
    """What a module was found to be, for one shape of examples."""

    state: tuple[Named, ...]  # trained parameters first
    output: Shape  # of one example
    flops: int  # of one example's forward pass

    @property
    def trained(self) -> int:
        """The number of trained parameters."""
        return sum(each.trained for each in self.state)


def torch_shape(shape: Shape) -> Shape:
    """Return the shape of one example as the module sees it: images have their channels first."""
    return (shape[2], shape[0], shape[1]) if len(shape) == 3 else shape


def filled(layer: Described, shape: Shape, classes: int) -> dict[str, Any]:
    """Return the options with `classes` and `shape` where the module asks for them."""
    options = dict(layer.options)
    seen = {"classes": classes, "shape": torch_shape(shape)}
    for name, argument in arguments(layer.found).items():
        if name in seen and argument.default is argument.empty:
            options.setdefault(name, seen[name])
    return options


def make(found: Any, given: Mapping[str, Any], shape: Shape) -> Any:
    """Return a new module for examples of `shape`; UsageError where it cannot be made.

    Lazy layers see a batch of zeros, as PyTorch asks for.
    """
    import torch

    try:
        module = found(**given)
    except Exception as error:  # the user's own code may raise anything
        what = f"{type(error).__name__}: {error}"
        raise UsageError(f"module '{found.__qualname__}' cannot be made ({what})") from error
    if not isinstance(module, torch.nn.Module):
        raise UsageError(f"'{found.__qualname__}' returned {type(module).__name__}, not a module")
    every = (*module.parameters(), *module.buffers())
    if any(torch.nn.parameter.is_lazy(each) for each in every):
        with torch.no_grad():
            module.eval()(torch.zeros((2, *torch_shape(shape))))
    return module.train()


@lru_cache(maxsize=64)
def about_module(layer: Described, shape: Shape, classes: int) -> About:
    """Make a module once to see its state, its output and its cost."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with seeded(0):
        module = make(layer.found, filled(layer, shape, classes), shape).float().eval()
        x = torch.zeros((2, *torch_shape(shape)))
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                y = module(x)
        except Exception as error:  # the user's own code may raise anything
            what = f"{type(error).__name__}: {error}"
            raise UsageError(
                f"{layer} does not take inputs of {tuple(x.shape)} ({what})"
            ) from error
    if not isinstance(y, torch.Tensor) or len(y) != 2:
        raise UsageError(f"{layer} must return one tensor (N, ...), not {type(y).__name__}")
    return About(_state(module), tuple(y.shape[1:]), counter.get_total_flops() // 2)


def _state(module: Any) -> tuple[Named, ...]:
    """Return the trained parameters, then all else that the module remembers."""
    parameters = dict(module.named_parameters())
    trained = [n for n, p in parameters.items() if p.requires_grad]
    rest = [n for n in parameters if n not in trained]
    buffers = dict(module.named_buffers())
    leaves = [_leaf(n, parameters[n].dim()) for n in trained]
    if len(set(leaves)) < len(leaves):
        leaves = [f"{n}.{'w' if parameters[n].dim() > 1 else 'b'}" for n in trained]
    found = [
        Named(n, leaf, tuple(parameters[n].shape), True)
        for n, leaf in zip(trained, leaves, strict=True)
    ]
    found += [Named(n, n, tuple(parameters[n].shape), False) for n in rest]
    return (*found, *(Named(n, n, tuple(b.shape), False) for n, b in buffers.items()))


def _leaf(name: str, axes: int) -> str:
    """Return a leaf's name: matrices and kernels are `w`, which decays; vectors never do.

    >>> _leaf("conv.weight", 4), _leaf("norm.weight", 1), _leaf("conv.bias", 1), _leaf("place", 3)
    ('conv.w', 'norm.gain', 'conv.b', 'place.w')
    """
    path, _, last = name.rpartition(".")
    role = ("w" if last == "weight" else f"{last}.w") if axes > 1 else ROLES.get(last, f"{last}.b")
    return f"{path}.{role}" if path else role


@lru_cache(maxsize=4)
def initial_arrays(layer: Described, shape: Shape, classes: int, seed: int) -> dict[str, Array]:
    """Return the values of a module made with the run's seed, by their names there."""
    word = int(stream(seed, "initial", "module").integers(2**62))
    with seeded(word):
        module = make(layer.found, filled(layer, shape, classes), shape)
    named = dict(module.named_parameters()) | dict(module.named_buffers())
    return {n: t.detach().double().numpy().copy() for n, t in named.items()}
