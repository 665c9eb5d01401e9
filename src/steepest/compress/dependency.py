"""Which channels of a network must be kept or removed together.

The network's description is walked once with names of channels instead of numbers: the last axis of
every activation is a vector of channel ids. A layer with weights reads the ids of its input and
makes new ids; a sum ties the ids of its terms; flattening repeats them for every pixel. What comes
out says for every axis of every leaf which channel stands at which position.

A layer that is not known here, or that mixes channels (layer and group normalization,
squeeze-and-excitation, convolutions in groups), keeps all channels that it touches.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.compress.mask import EmptiedError
from steepest.nn.activation import ACTIVATIONS
from steepest.nn.arch import Arch
from steepest.nn.composition import Chain, Graph, Residual
from steepest.nn.convolution import (
    AdaptiveAveragePool,
    AvgPool,
    Conv2D,
    GlobalAveragePool,
    MaxPool,
    Shortcut,
)
from steepest.nn.layer import Dropout, Flatten, Linear
from steepest.nn.normalization import BatchNorm, InstanceNorm
from steepest.nn.regularization import DropPath, SpatialDropout

Array = np.ndarray[Any, Any]
Ids = Array  # channel ids, one for every position of an axis
THROUGH = (
    *ACTIVATIONS.values(), AdaptiveAveragePool, AvgPool, Dropout, DropPath, GlobalAveragePool,
    MaxPool, SpatialDropout,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Dependency:
    """Channels tied together, as groups numbered from 0.

    `axes[leaf]` holds (axis, group of every position) pairs; `fixed` the groups that stay;
    `makers[group]` the layers that make the group's channels, by dotted name; `pads` the groups
    before, within and after the channels of a shortcut that pads with zeros.
    """

    size: int  # the number of groups
    axes: dict[str, tuple[tuple[int, Array], ...]]
    fixed: frozenset[int]
    makers: dict[int, tuple[str, ...]]
    outputs: dict[str, Array]  # groups of the channels that a layer makes, by dotted name
    pads: dict[str, tuple[Array, Array]]  # groups of the zeros in front, and of all channels

    @property
    def free(self) -> tuple[int, ...]:
        """The groups that may be removed."""
        return tuple(g for g in sorted(self.makers) if g not in self.fixed)

    @property
    def families(self) -> tuple[tuple[int, ...], ...]:
        """The free groups in families made by the same layers: what is compared with its like."""
        found: dict[tuple[str, ...], list[int]] = {}
        for group in self.free:
            found.setdefault(self.makers[group], []).append(group)
        return tuple(map(tuple, found.values()))


@dataclass
class _Walk:
    """The ids given out so far, who is tied to whom, and what was seen where."""

    shapes: dict[str, tuple[int, ...]]  # of a layer's output, by dotted name
    leaves: dict[str, tuple[int, ...]]
    parent: list[int] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)
    axes: dict[str, list[tuple[int, Ids]]] = field(default_factory=dict)
    outputs: dict[str, Ids] = field(default_factory=dict)
    pads: dict[str, tuple[Ids, Ids]] = field(default_factory=dict)

    def new(self, count: int, fixed: bool = False) -> Ids:
        start = len(self.parent)
        ids = np.arange(start, start + count)
        self.parent.extend(range(start, start + count))
        if fixed:
            self.fixed.update(ids.tolist())
        return ids

    def root(self, i: int) -> int:
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def tie(self, a: Ids, b: Ids) -> Ids:
        if len(a) != len(b):  # a sum that broadcasts
            return max(self.fix(a), self.fix(b), key=len)
        for i, k in zip(a.tolist(), b.tolist(), strict=True):
            self.parent[self.root(k)] = self.root(i)
        return a

    def fix(self, ids: Ids) -> Ids:
        self.fixed.update(ids.tolist())
        return ids

    def note(self, leaf: str, axis: int, ids: Ids) -> None:
        if leaf in self.leaves:
            self.axes.setdefault(leaf, []).append((axis, ids))

    def layer(self, name: str, layer: Any, x: Ids) -> Ids:
        """Return the ids of a layer's output; x are those of its input."""
        for kinds, follow in FOLLOW:
            if isinstance(layer, kinds):
                return follow(self, name, layer, x)
        return self.unknown(name, layer, x)

    def chain(self, name: str, chain: Chain, x: Ids) -> Ids:
        for i, inner in enumerate(chain.layers):
            x = self.layer(_within(name, i), inner, x)
        return x

    def residual(self, name: str, layer: Residual, x: Ids) -> Ids:
        body = self.layer(_within(name, "body"), layer.body, x)
        if layer.shortcut is None:
            return self.tie(body, x)
        return self.tie(body, self.layer(_within(name, "shortcut"), layer.shortcut, x))

    def flatten(self, name: str, _: Flatten, x: Ids) -> Ids:
        pixels = int(np.prod(self.shapes[name])) // max(len(x), 1)
        return np.tile(x, pixels)  # channels are the last axis of a pixel

    def vectors(self, name: str, _: BatchNorm | InstanceNorm, x: Ids) -> Ids:
        for role in ("gain", "shift", "mean", "variance"):
            self.note(_within(name, role), 0, x)
        return x

    def through(self, _name: str, _layer: Any, x: Ids) -> Ids:
        return x

    def unknown(self, name: str, _: Any, x: Ids) -> Ids:
        self.fix(x)
        width = self.shapes[name][-1]
        return x if width == len(x) else self.new(width, fixed=True)

    def graph(self, name: str, graph: Graph, x: Ids) -> Ids:
        known = {"x": x}
        for node in graph.nodes:
            total = known[node.inputs[0]]
            for other in node.inputs[1:]:
                total = self.tie(total, known[other])
            known[node.name] = self.layer(_within(name, node.name), node.layer, total)
        return known[graph.nodes[-1].name]

    def weights(self, name: str, layer: Linear | Conv2D, x: Ids) -> Ids:
        w, axes = _within(name, "w"), len(self.leaves[_within(name, "w")])
        width = self.leaves[w][-1]
        groups = layer.groups if isinstance(layer, Conv2D) else 1
        if groups == len(x) == width:  # depthwise: a channel is filtered alone
            y = x
        elif groups > 1:
            self.fix(x)
            y = self.new(width, fixed=True)
        else:
            y = self.new(width, fixed=isinstance(layer, Linear) and layer.units == "classes")
            self.note(w, axes - 2, x)
        self.note(w, axes - 1, y)
        self.note(_within(name, "b"), 0, y)
        self.outputs[name] = y
        return y

    def shortcut(self, name: str, layer: Shortcut, x: Ids) -> Ids:
        missing = layer.filters - len(x)
        front = layer.front(missing)
        before, after = self.new(front), self.new(missing - front)
        whole = np.concatenate([before, x, after])
        self.pads[name] = (before, whole)
        return whole


FOLLOW: tuple[tuple[Any, Callable[..., Ids]], ...] = (
    (Chain, _Walk.chain),
    (Residual, _Walk.residual),
    (Graph, _Walk.graph),
    ((Linear, Conv2D), _Walk.weights),
    (Flatten, _Walk.flatten),
    (Shortcut, _Walk.shortcut),
    ((BatchNorm, InstanceNorm), _Walk.vectors),
    (THROUGH, _Walk.through),
)


def _within(name: str, part: object) -> str:
    return f"{name}.{part}" if name else str(part)


def dependencies(arch: Arch, shape: tuple[int, ...], classes: int) -> Dependency:
    """Return which channels of `arch` are tied; `shape` is one example's.

    The channels of the input and the network's outputs are fixed.
    """
    declared = arch.declare(shape, classes)
    leaves = {leaf.name: leaf.shape for leaf in (*declared.leaves, *declared.statistics)}
    shapes = {"": declared.output} | {row[0]: row[2] for row in declared.rows}
    walk = _Walk(shapes, leaves)
    walk.fix(walk.layer("", arch.root, walk.new(shape[-1], fixed=True)))
    roots = [walk.root(i) for i in range(len(walk.parent))]
    number = {r: k for k, r in enumerate(dict.fromkeys(roots))}
    groups = np.array([number[r] for r in roots], np.int64)
    makers: dict[int, list[str]] = {}
    for name, ids in walk.outputs.items():
        for g in dict.fromkeys(groups[ids].tolist()):
            makers.setdefault(g, []).append(name)
    return Dependency(
        size=len(number),
        axes={n: tuple((a, groups[ids]) for a, ids in found) for n, found in walk.axes.items()},
        fixed=frozenset(int(groups[i]) for i in walk.fixed),
        makers={g: tuple(names) for g, names in makers.items()},
        outputs={n: groups[ids] for n, ids in walk.outputs.items()},
        pads={n: (groups[a], groups[b]) for n, (a, b) in walk.pads.items()},
    )


def check_kept(found: Dependency, keep: Array) -> None:
    """Raise EmptiedError naming the first layer of which nothing would be left.

    `keep` tells for every group whether it stays.
    """
    for name, groups in found.outputs.items():
        if not keep[groups].any():
            raise EmptiedError(
                f"layer '{name}' would be pruned to nothing: all its {len(groups)} channels go; "
                "ask for less sparsity, or prune every layer alike (scope layer)"
            )
