"""Layers made of layers: chains, residual sums and graphs of named nodes."""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from steepest.errors import UsageError, nearest
from steepest.nn.scope import Scope


@dataclass(frozen=True)
class Chain:
    """One layer after another; parameters are named by position ("0.w")."""

    layers: tuple[Any, ...]

    def __init__(self, *layers: Any) -> None:
        object.__setattr__(self, "layers", tuple(layers))

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return the last layer's output."""
        for position, layer in enumerate(self.layers):
            x = scope.call(position, layer, x)
        return x


@dataclass(frozen=True)
class Residual:
    """Body(x) + shortcut(x); without a shortcut x itself is added (He et al. 2016)."""

    body: Any
    shortcut: Any = None

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return the sum; both branches must have one shape."""
        y = scope.call("body", self.body, x)
        other = x if self.shortcut is None else scope.call("shortcut", self.shortcut, x)
        if y.shape != other.shape:
            raise UsageError(
                f"residual '{'.'.join(scope.path)}' adds {tuple(y.shape[2:])} to "
                f"{tuple(other.shape[2:])}; give it a shortcut that makes the shapes equal"
            )
        return y + other


@dataclass(frozen=True)
class Node:
    """One node of a graph: `layer` applied to the sum of the named `inputs`."""

    name: str
    layer: Any
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Named nodes, each fed the sum of earlier ones ("x" is the input); the last is the output."""

    nodes: tuple[Node, ...]

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return the last node's output."""
        known = {"x": x}
        for node in self.nodes:
            total = self._sum(node, known, scope)
            if node.name in known:
                raise UsageError(f"the graph names two nodes '{node.name}'")
            known[node.name] = scope.call(node.name, node.layer, total)
        return known[self.nodes[-1].name]

    def _sum(self, node: Node, known: dict[str, Any], scope: Scope) -> Any:
        total = None
        for name in node.inputs:
            if name not in known:
                where = ".".join([*scope.path, node.name])
                raise UsageError(f"node '{where}' reads '{name}'; {nearest(name, known)}")
            total = known[name] if total is None else total + known[name]
        if total is None:
            raise UsageError(f"node '{node.name}' has no inputs")
        return total


def count_layers(layer: Any) -> int:
    """Return how many layers a composition holds; one that holds none counts as one.

    >>> count_layers(Chain(Residual(Chain("linear", "relu")), "linear"))
    3
    """
    if isinstance(layer, Chain):
        inner = list(layer.layers)
    elif isinstance(layer, Graph):
        inner = [node.layer for node in layer.nodes]
    elif isinstance(layer, Residual):
        inner = [part for part in (layer.body, layer.shortcut) if part is not None]
    else:
        return 1
    return sum(map(count_layers, inner))


def started(value: Any, initial: Any) -> Any:
    """Return a composition whose weights all begin with other values, biases as they were."""
    if isinstance(value, tuple):
        return tuple(started(item, initial) for item in value)
    if isinstance(value, Chain):
        return Chain(*started(value.layers, initial))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {f.name: started(getattr(value, f.name), initial) for f in fields(value)}
    return replace(value, **(changed | ({"initial": initial} if "initial" in changed else {})))
