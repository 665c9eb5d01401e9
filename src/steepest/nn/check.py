"""Gradients of layers against central differences, in training mode with a fixed random key."""

from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.nn.arch import Arch
from steepest.nn.scope import Leaf, Scope
from steepest.program import GradientCheck, Recorder
from steepest.program import check_gradients as check_function
from steepest.seeds import keys, stream

Array = np.ndarray


def check_gradients(
    layer_or_function: Any | Callable[..., Any],
    *arrays: Any,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> GradientCheck:
    """Compare reverse mode with central differences in float64; name the worst entry on failure.

    A function of symbols is checked with respect to all `arrays`. A layer or an `Arch` takes one
    array of examples, (N, ...), and is checked with respect to it and to all its parameters.

    >>> from steepest import nn
    >>> bool(check_gradients(nn.Tanh(), np.ones((2, 3))))
    True
    """
    layer = layer_or_function.root if isinstance(layer_or_function, Arch) else layer_or_function
    if not is_dataclass(layer) or isinstance(layer, type):
        return check_function(layer_or_function, *arrays, tolerance=tolerance, seed=seed)
    if len(arrays) != 1:
        raise UsageError(f"a layer is checked on one array of examples, not on {len(arrays)}")
    x = np.asarray(arrays[0], np.float64)[None]
    return check_layer(layer, x, seed=seed, tolerance=tolerance)


def check_layer(
    layer: Any, x: Array, classes: int = 3, seed: int = 0, tolerance: float = 1e-6
) -> GradientCheck:
    """Check a layer's gradient with respect to x, (R, N, ...), and to all its parameters.

    Parameters are drawn from a normal distribution, so that zeros hide nothing. In the result,
    argument 0 is x and the others are the parameters in the order they are declared.
    """
    leaves = _leaves(layer, x.shape, classes)
    generator = stream(seed, "check", "layer")
    arrays = [generator.standard_normal((x.shape[0], *leaf.shape)) for leaf in leaves]

    def function(inputs: Any, *parameters: Any, key: Any) -> Any:
        known = {leaf.name: p for leaf, p in zip(leaves, parameters, strict=True)}

        def find(leaf: Leaf) -> Any:
            if leaf.name not in known:  # a running statistic: its initial values
                initial = leaf.initial.draw(leaf.shape, stream(seed, leaf.name))
                shape = (x.shape[0], *leaf.shape)
                known[leaf.name] = inputs.recorder.constant(np.broadcast_to(initial, shape))
            return known[leaf.name]

        return layer(inputs, Scope(find, train=True, key=key, classes=classes))

    words = np.concatenate([keys(seed + run, np.array([1])) for run in range(x.shape[0])])
    fixed = {"key": (words, "word")}
    return check_function(function, x, *arrays, tolerance=tolerance, seed=seed, fixed=fixed)


def _leaves(layer: Any, shape: tuple[int, ...], classes: int) -> tuple[Leaf, ...]:
    recorder = Recorder()
    known: dict[str, Any] = {}

    def find(leaf: Leaf) -> Any:
        if leaf.name not in known:
            known[leaf.name] = recorder.input(leaf.name, (shape[0], *leaf.shape))
        return known[leaf.name]

    key = recorder.input("key", (shape[0], 2), "word")
    scope = Scope(find, train=True, key=key, classes=classes)
    layer(recorder.input("x", shape), scope)
    return tuple(scope.leaves.values())
