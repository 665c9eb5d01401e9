"""Structured pruning: a network with fewer channels, as a description and weights of its own.

`shrink` removes channels from tensors, so parameters, FLOPs and time really fall; `silence` keeps
the tensors and puts zeros where `shrink` would cut. Both compute the same function: the proof that
the dependencies are followed rightly.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from steepest.compress.dependency import Dependency, check_kept, dependencies
from steepest.nn.arch import Arch, layout
from steepest.nn.composition import Chain, Graph, Residual
from steepest.nn.convolution import Conv2D, Shortcut
from steepest.nn.layer import Linear
from steepest.train.state import State

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]  # leaves and running statistics of one run, by dotted name


def shrink(
    arch: Arch, shape: tuple[int, ...], classes: int, arrays: Arrays, keep: Array
) -> tuple[Arch, dict[str, Array]]:
    """Return the smaller architecture and its arrays.

    `keep` (groups,) tells for every group of `dependencies(arch, shape, classes)` whether it
    stays; fixed groups stay in any case. Raises UsageError where a layer would be left empty.
    """
    found = dependencies(arch, shape, classes)
    kept = settled(found, keep)
    smaller = Arch(arch.name, _rebuilt("", arch.root, found, kept))
    return smaller, {n: _cut(a, found.axes.get(n, ()), kept) for n, a in arrays.items()}


def silence(
    arch: Arch, shape: tuple[int, ...], classes: int, arrays: Arrays, keep: Array
) -> dict[str, Array]:
    """Return the arrays with zeros in place of everything that `shrink` would remove."""
    found = dependencies(arch, shape, classes)
    kept = settled(found, keep)
    silent = {}
    for name, array in arrays.items():
        copy = np.array(array)
        for axis, groups in found.axes.get(name, ()):
            copy[(slice(None),) * axis + (~kept[groups],)] = 0.0
        silent[name] = copy
    return silent


def settled(found: Dependency, keep: Array) -> Array:
    """Return `keep` with the fixed groups kept; UsageError where a layer would be left empty."""
    kept = np.array(keep, bool)
    kept[list(found.fixed)] = True
    check_kept(found, kept)
    return kept


def _cut(array: Array, axes: tuple[tuple[int, Array], ...], kept: Array) -> Array:
    for axis, groups in axes:
        array = np.compress(kept[groups], array, axis=axis)
    return array


def _rebuilt(name: str, layer: Any, found: Dependency, kept: Array) -> Any:
    """Return a layer's description with the widths that are left."""
    prefix = f"{name}." if name else ""
    if isinstance(layer, Chain):
        return Chain(
            *(_rebuilt(f"{prefix}{i}", x, found, kept) for i, x in enumerate(layer.layers))
        )
    if isinstance(layer, Residual):
        across = layer.shortcut
        return Residual(
            _rebuilt(f"{prefix}body", layer.body, found, kept),
            None if across is None else _rebuilt(f"{prefix}shortcut", across, found, kept),
        )
    if isinstance(layer, Graph):
        return Graph(
            tuple(
                replace(node, layer=_rebuilt(f"{prefix}{node.name}", node.layer, found, kept))
                for node in layer.nodes
            )
        )
    if isinstance(layer, Shortcut):
        front, whole = found.pads[name]
        return replace(layer, filters=int(kept[whole].sum()), before=int(kept[front].sum()))
    if name in found.outputs:
        return _narrowed(layer, int(kept[found.outputs[name]].sum()), len(found.outputs[name]))
    return layer


def _narrowed(layer: Linear | Conv2D, width: int, before: int) -> Linear | Conv2D:
    if width == before:
        return layer
    if isinstance(layer, Linear):
        return replace(layer, units=width)
    groups = width if layer.groups > 1 else 1  # depthwise: one group a channel
    return replace(layer, filters=width, groups=groups)


def named(arch: Arch, shape: tuple[int, ...], classes: int, state: State) -> dict[str, Array]:
    """Return a state's parameters and running statistics by dotted name, as float arrays."""
    declared = arch.declare(shape, classes)
    flat = state.arrays["params"]
    found = {
        leaf.name: flat[slice(*layout(declared.leaves)[leaf.name])].reshape(leaf.shape)
        for leaf in declared.leaves
    }
    return found | {s.name: state.arrays[f"stat.{s.name}"] for s in declared.statistics}


def gathered(arch: Arch, shape: tuple[int, ...], classes: int, arrays: Arrays) -> State:
    """Return the state (epoch 0, no slots) that holds these arrays: the inverse of `named`."""
    declared = arch.declare(shape, classes)
    spans = layout(declared.leaves)
    flat = np.empty(declared.size, next(iter(arrays.values())).dtype)
    for name, (start, stop) in spans.items():
        flat[start:stop] = arrays[name].reshape(-1)
    rest = {f"stat.{s.name}": arrays[s.name] for s in declared.statistics}
    return State(0, {"params": flat, **rest})
