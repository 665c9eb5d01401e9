"""An architecture: a named layer that knows how to be counted, summarised and initialised."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.nn.composition import count_layers
from steepest.nn.scope import Leaf, Scope
from steepest.program import Program, Recorder, Symbol
from steepest.seeds import stream

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Declared:
    """What one trace of an architecture found, for one input shape and number of classes."""

    leaves: tuple[Leaf, ...]
    statistics: tuple[Leaf, ...]
    rows: tuple[tuple[str, str, Shape, int], ...]  # name, layer, output shape, parameters
    output: Shape
    program: Program

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(leaf.size for leaf in self.leaves)


@dataclass(frozen=True)
class Arch:
    """A named network description; its weights live outside."""

    name: str
    root: Any

    def declare(self, shape: Shape, classes: int) -> Declared:
        """Trace one example of `shape` in training mode; UsageError where shapes do not fit."""
        return _declare(self, tuple(shape), classes)

    def count_params(self, shape: Shape, classes: int) -> int:
        """Return the number of trained parameters."""
        return self.declare(shape, classes).size

    def count_flops(self, shape: Shape, classes: int) -> int:
        """Return the floating-point operations of one example's forward pass."""
        return self.declare(shape, classes).program.flops

    def count_layers(self) -> int:
        """Return the number of layers, activations, pools and the loss's softmax counted."""
        return count_layers(self.root) + 1

    def summary(self, shape: Shape, classes: int) -> str:
        """Return a table of layers: name, layer, output shape, parameters."""
        found = self.declare(shape, classes)
        rows = [(n, layer, "×".join(map(str, s)), f"{p:,}") for n, layer, s, p in found.rows]
        head = ("name", "layer", "output", "parameters")
        wide = [max(len(row[i]) for row in [head, *rows]) for i in range(4)]
        lines = [
            f"{a:{wide[0]}}  {b:{wide[1]}}  {c:>{wide[2]}}  {d:>{wide[3]}}"
            for a, b, c, d in [head, *rows]
        ]
        flops = self.count_flops(shape, classes)
        total = f"{self.name}: {found.size:,} parameters, {flops:,} FLOPs an example"
        return "\n".join([*lines, total])


def apply(
    root: Any, x: Symbol, find: Callable[[Leaf], Symbol], classes: int, key: Symbol | None = None
) -> tuple[Symbol, Scope]:
    """Trace a layer on x (R, N, ...): in training mode where a random key is given."""
    scope = Scope(find, train=key is not None, key=key, classes=classes)
    return root(x, scope), scope


@lru_cache(maxsize=256)
def _declare(arch: Arch, shape: Shape, classes: int) -> Declared:
    recorder = Recorder()
    known: dict[str, Symbol] = {}

    def find(leaf: Leaf) -> Symbol:
        if leaf.name not in known:
            known[leaf.name] = recorder.input(leaf.name, (1, *leaf.shape))
        return known[leaf.name]

    x = recorder.input("x", (1, 1, *shape))
    key = recorder.input("key", (1, 2), "word")
    try:
        y, scope = apply(arch.root, x, find, classes, key)
    except UsageError:
        raise
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise UsageError(
            f"model '{arch.name}' does not fit inputs of shape {shape}: {error}"
        ) from None
    leaves = tuple(scope.leaves.values())
    return Declared(
        leaves, tuple(scope.statistics.values()), _rows(scope, leaves), tuple(y.shape[2:]),
        recorder.program({"y": y}),
    )  # fmt: skip


def _rows(scope: Scope, leaves: tuple[Leaf, ...]) -> tuple[tuple[str, str, Shape, int], ...]:
    rows = []
    for name, layer, shape in scope.trail:
        inner = [leaf.size for leaf in leaves if leaf.name.rsplit(".", 1)[0] == name]
        if not hasattr(layer, "layers") and not hasattr(layer, "nodes"):
            rows.append((name, type(layer).__name__, shape, sum(inner)))
    return tuple(rows)


def layout(leaves: tuple[Leaf, ...]) -> dict[str, tuple[int, int]]:
    """Return name -> (start, stop) in the flat vector: decayed leaves first, as a prefix."""
    ordered = sorted(leaves, key=lambda leaf: not leaf.is_decayed)
    stops = np.cumsum([leaf.size for leaf in ordered]).tolist()
    return {leaf.name: (stop - leaf.size, stop) for leaf, stop in zip(ordered, stops, strict=True)}


def initial_values(leaves: tuple[Leaf, ...], seed: int) -> np.ndarray:
    """Return the flat float64 vector of initial values; every leaf has a stream of its own."""
    spans = layout(leaves)
    flat = np.empty(sum(leaf.size for leaf in leaves))
    for leaf in leaves:
        start, stop = spans[leaf.name]
        flat[start:stop] = initial_value(leaf, seed).reshape(-1)
    return flat


def initial_value(leaf: Leaf, seed: int) -> np.ndarray:
    """Return the float64 values a leaf starts from; a torch module's know the run's seed itself."""
    of_seed = getattr(leaf.initial, "of_seed", None)
    if of_seed is not None:
        return np.asarray(of_seed(seed), np.float64).reshape(leaf.shape)
    return leaf.initial.draw(leaf.shape, stream(seed, "initial", leaf.name))


def named_arrays(leaves: tuple[Leaf, ...], flat: np.ndarray) -> dict[str, np.ndarray]:
    """Return the leaves of a flat vector by name, as views in their own shapes."""
    spans = layout(leaves)
    return {leaf.name: flat[slice(*spans[leaf.name])].reshape(leaf.shape) for leaf in leaves}
