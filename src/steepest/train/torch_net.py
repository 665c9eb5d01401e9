"""A trained network as an ordinary `torch.nn.Module`, and its weights back.

The module is made of PyTorch's own layers, under the names the leaves have here; it takes what a
module of the user's own takes: images (N, C, H, W) in the unit interval, else (N, ...). Flattening
keeps our order (H, W, C). Imported only where it is asked for: it needs torch.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from steepest import nn as ours
from steepest.errors import UsageError
from steepest.nn.arch import Arch, named_arrays
from steepest.nn.composition import Graph
from steepest.nn.torch_layer import TorchModule
from steepest.train.state import State
from steepest.train.torch_part import (
    Excite,
    Flatten,
    Last,
    Mean,
    Nodes,
    Path,
    Standardize,
    Subsample,
    Sum,
)

Array = np.ndarray[Any, Any]
KEPT = {"w": "weight", "b": "bias", "gain": "weight", "shift": "bias", "slope": "weight",
        "mean": "running_mean", "variance": "running_var"}  # fmt: skip
AXES = {4: (3, 2, 0, 1), 2: (1, 0)}  # of a `w`: ours to torch's


@dataclass
class Builder:
    """Walks a description; `leaves` are its weights by name, `shapes` the outputs of its layers."""

    leaves: Mapping[str, Array]
    shapes: Mapping[str, tuple[int, ...]]
    names: dict[str, str] = field(default_factory=dict)  # leaf -> name in the module

    def build(self, layer: Any, path: str, place: str) -> Any:
        """Return the module of a layer; UsageError for one that is the user's own."""
        make = MADE.get(type(layer))
        if make is None:
            raise UsageError(f"layer '{type(layer).__name__}' has no counterpart in PyTorch here")
        return make(self, layer, path, place)

    def own(self, path: str, place: str, *roles: str) -> list[Array | None]:
        """Return the leaves of a layer by role, and note where they go."""
        found = []
        for role in roles:
            name = f"{path}.{role}" if path else role
            found.append(self.leaves.get(name))
            if name in self.leaves:
                self.names[name] = f"{place}.{KEPT[role]}"
        return found

    def is_image(self, path: str) -> bool:
        """Tell whether a layer's output is an image."""
        return len(self.shapes.get(path, ())) == 3


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _chain(b: Builder, layer: Any, path: str, place: str) -> Any:
    inner = enumerate(layer.layers)
    return nn.Sequential(*(b.build(x, _join(path, i), f"{place}.{i}") for i, x in inner))


def _residual(b: Builder, layer: Any, path: str, place: str) -> Any:
    body = b.build(layer.body, _join(path, "body"), f"{place}.body")
    if layer.shortcut is None:
        return Sum(body, nn.Identity())
    return Sum(body, b.build(layer.shortcut, _join(path, "shortcut"), f"{place}.shortcut"))


def _graph(b: Builder, layer: Any, path: str, place: str) -> Any:
    named = {
        n.name: b.build(n.layer, _join(path, n.name), f"{place}.{n.name}") for n in layer.nodes
    }
    return Nodes(named, {n.name: n.inputs for n in layer.nodes})


def _linear(b: Builder, layer: Any, path: str, place: str) -> Any:
    image = b.is_image(path)
    w, bias = b.own(path, f"{place}.inside" if image else place, "w", "b")
    assert w is not None  # noqa: S101 - every linear layer has one
    made = nn.Linear(*w.shape, bias=bias is not None)
    del layer
    return Last(made) if image else made


def _convolution(b: Builder, layer: Any, path: str, place: str) -> Any:
    w, bias = b.own(path, place, "w", "b")
    assert w is not None  # noqa: S101 - every convolution has one
    how = {"stride": layer.stride, "padding": layer.margin, "groups": layer.groups}
    width = w.shape[2] * layer.groups
    return nn.Conv2d(width, w.shape[3], w.shape[0], bias=bias is not None, **how)


def _batch_norm(b: Builder, layer: Any, path: str, place: str) -> Any:
    gain, *_ = b.own(path, place, "gain", "shift", "mean", "variance")
    _refuse_sequences(b, layer, path)
    kind = nn.BatchNorm2d if b.is_image(path) else nn.BatchNorm1d
    return kind(len(gain if gain is not None else ()), layer.eps, layer.momentum)


def _layer_norm(b: Builder, layer: Any, path: str, place: str) -> Any:
    gain, _ = b.own(path, f"{place}.inside", "gain", "shift")
    return Last(nn.LayerNorm(len(gain if gain is not None else ()), layer.eps))


def _refuse_sequences(b: Builder, layer: Any, path: str) -> None:
    """Raise UsageError where torch would take the positions of a sequence for its channels."""
    if len(b.shapes.get(path, ())) == 2:
        kind = type(layer).__name__
        raise UsageError(f"{kind} of sequences has no counterpart in PyTorch here")


def _group_norm(b: Builder, layer: Any, path: str, place: str) -> Any:
    _refuse_sequences(b, layer, path)
    gain, _ = b.own(path, place, "gain", "shift")
    return nn.GroupNorm(layer.groups, len(gain if gain is not None else ()), layer.eps)


def _spatial_dropout(b: Builder, layer: Any, path: str, place: str) -> Any:
    del place
    _refuse_sequences(b, layer, path)
    return nn.Dropout2d(layer.rate)


def _instance_norm(b: Builder, layer: Any, path: str, place: str) -> Any:
    _refuse_sequences(b, layer, path)
    b.own(path, place, "gain", "shift")
    return nn.InstanceNorm2d(b.shapes[path][-1], layer.eps, affine=layer.affine)


def _excite(b: Builder, layer: Any, path: str, place: str) -> Any:
    del layer
    inner = [b.build(ours.Linear(1), _join(path, n), f"{place}.{n}") for n in ("squeeze", "excite")]
    return Excite(*inner)


def _prelu(b: Builder, layer: Any, path: str, place: str) -> Any:
    b.own(path, place, "slope")
    return nn.PReLU(1, layer.slope)


def _plain(make: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda _b, layer, _path, _place: make(layer)


MADE: dict[type, Callable[..., Any]] = {
    ours.Chain: _chain, ours.Residual: _residual, Graph: _graph, ours.Linear: _linear,
    ours.Conv2D: _convolution, ours.BatchNorm: _batch_norm, ours.LayerNorm: _layer_norm,
    ours.GroupNorm: _group_norm, ours.InstanceNorm: _instance_norm,
    ours.Shortcut: _plain(Subsample),
    ours.SqueezeExcite: _excite, ours.PReLU: _prelu,
    ours.Flatten: _plain(lambda _: Flatten()),
    ours.Dropout: _plain(lambda x: nn.Dropout(x.rate)),
    ours.SpatialDropout: _spatial_dropout,
    ours.DropPath: _plain(lambda x: Path(x.rate)),
    ours.MaxPool: _plain(lambda x: nn.MaxPool2d(x.window, x.stride or x.window)),
    ours.AvgPool: _plain(lambda x: nn.AvgPool2d(x.window, x.stride or x.window)),
    ours.AdaptiveAveragePool: _plain(lambda x: nn.AdaptiveAvgPool2d(x.size)),
    ours.GlobalAveragePool: _plain(lambda _: Mean()),
    ours.ReLU: _plain(lambda _: nn.ReLU()),
    ours.LeakyReLU: _plain(lambda x: nn.LeakyReLU(x.slope)),
    ours.Tanh: _plain(lambda _: nn.Tanh()),
    ours.Sigmoid: _plain(lambda _: nn.Sigmoid()),
    ours.GELU: _plain(lambda _: nn.GELU()),
    ours.SiLU: _plain(lambda _: nn.SiLU()),
    ours.ELU: _plain(lambda x: nn.ELU(x.alpha)),
    ours.SELU: _plain(lambda _: nn.SELU()),
    ours.Mish: _plain(lambda _: nn.Mish()),
    ours.Hardswish: _plain(lambda _: nn.Hardswish()),
}  # fmt: skip


def to_torch(arch: Arch, state: State, about: Mapping[str, Any]) -> Any:
    """Return a module with a state's weights, in training mode; `about` is a saved model's.

    Raises UsageError for a layer of the user's own.
    """
    leaves = _leaves(arch, state, about)
    module, names = _module(arch, leaves, about)
    held = dict(module.named_parameters()) | dict(module.named_buffers())
    with torch.no_grad():
        for name, own in leaves.items():
            theirs = np.ascontiguousarray(own.transpose(_axes(arch, name, own.ndim)))
            held[names[name]].copy_(torch.from_numpy(theirs.reshape(held[names[name]].shape)))
    return module.train()


def from_torch(
    arch: Arch, state: State, about: Mapping[str, Any], given: Mapping[str, Any]
) -> State:
    """Return the state with the weights of a module made by `to_torch`, by its `state_dict()`."""
    leaves = _leaves(arch, state, about)
    _, names = _module(arch, leaves, about)
    for name, own in leaves.items():
        if names[name] not in given:
            raise UsageError(f"the module's weights lack '{names[name]}'")
        theirs = given[names[name]].detach().cpu().numpy()
        own[...] = theirs.transpose(np.argsort(_axes(arch, name, own.ndim)).tolist())
    arrays = dict(state.arrays)
    declared = arch.declare(tuple(about["shape"]), about["width"])
    arrays["params"] = np.empty_like(state.arrays["params"])
    for name, view in named_arrays(declared.leaves, arrays["params"]).items():
        view[...] = leaves[name]
    arrays |= {f"stat.{leaf.name}": leaves[leaf.name] for leaf in declared.statistics}
    kept = {k: v for k, v in arrays.items() if not k.startswith(("slot.", "optimizer."))}
    return State(0, kept)


def _leaves(arch: Arch, state: State, about: Mapping[str, Any]) -> dict[str, Array]:
    """Return copies of parameters and statistics by name."""
    declared = arch.declare(tuple(about["shape"]), about["width"])
    found = named_arrays(declared.leaves, state.arrays["params"])
    found |= {leaf.name: state.arrays[f"stat.{leaf.name}"] for leaf in declared.statistics}
    return {name: np.array(array) for name, array in found.items()}


def _module(
    arch: Arch, leaves: Mapping[str, Array], about: Mapping[str, Any]
) -> tuple[Any, dict[str, str]]:
    """Return the module without its values, and the names the leaves have in it."""
    shape, real = tuple(about["shape"]), getattr(torch, about["precision"])
    if isinstance(arch.root, TorchModule):
        origin = arch.root.origin(shape, about["width"])
        names = {each.leaf: each.name for each in origin.about.state}
        return origin.module(torch.zeros((), dtype=real)), names
    declared = arch.declare(shape, about["width"])
    builder = Builder(leaves, {name: out for name, _, out, _ in declared.rows})
    net = builder.build(arch.root, "", "net")
    inputs = _standardize(about["fixed"]) if about["fixed"] else nn.Identity()
    whole = nn.Sequential(OrderedDict(inputs=inputs, net=net)).to(real)
    return whole, builder.names


def _standardize(fixed: Mapping[str, Any]) -> Standardize:
    found = [torch.from_numpy(np.array(fixed[n])) for n in ("shift", "gain")]
    found = [t.permute(0, 3, 1, 2) if t.dim() == 4 else t for t in found]
    return Standardize(*found)


def _axes(arch: Arch, name: str, count: int) -> tuple[int, ...]:
    """Return the axes of a leaf in PyTorch's order; a module of the user's own has that already."""
    ours_alone = not isinstance(arch.root, TorchModule) and name.rpartition(".")[2] == "w"
    return AXES[count] if ours_alone else tuple(range(count))
