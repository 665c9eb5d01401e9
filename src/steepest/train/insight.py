"""Looking inside a trained network: its first filters, its feature maps, what it takes for what.

Works on a `Model` with weights and on plain arrays; which examples one may look at (validation, or
the test set once it is opened) is the caller's to decide. Shapes: images are (n, H, W, C).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.data import Dataset
from steepest.engine.choice import make_engine
from steepest.engine.executor import bind_programs
from steepest.errors import UsageError
from steepest.nn.arch import apply, named_arrays
from steepest.nn.scope import Leaf
from steepest.program import Recorder, Symbol
from steepest.spec import RunSpec
from steepest.train.measure import Measure, confusion
from steepest.train.model import Model
from steepest.train.partition import split_rows
from steepest.train.state import State

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Examined:
    """What a network makes of labelled examples."""

    probabilities: Array  # (n, K)
    true: Array  # (n,) labels

    @property
    def predicted(self) -> Array:
        """The most likely class of every example, (n,)."""
        found: Array = self.probabilities.argmax(axis=1)
        return found

    @property
    def measure(self) -> Measure:
        """Loss, confusion and all that follows from it."""
        n, classes = self.probabilities.shape
        chosen = self.probabilities[np.arange(n), self.true]
        loss = float(-np.log(np.maximum(chosen, np.finfo(chosen.dtype).tiny)).mean())
        return Measure(loss, n, confusion(self.true, self.predicted, classes))

    def mistakes(self, count: int) -> Array:
        """Return the positions of the wrong predictions the network was surest of, surest first."""
        wrong = np.flatnonzero(self.predicted != self.true)
        sure = self.probabilities[wrong].max(axis=1)
        found: Array = wrong[np.argsort(-sure, kind="stable")][:count]
        return found


def examine(model: Model, x: Array, y: Array) -> Examined:
    """Return what a classifier makes of examples x (n, ...) with labels y (n,)."""
    if _known(model)[1]["targets"] != "int":
        raise UsageError("only a classifier has a confusion and confident mistakes")
    return Examined(model.predict(x), y)


def seen_rows(spec: RunSpec, dataset: Dataset) -> Array:
    """Return the rows of the data set that a run held out for validation."""
    if not spec.validation and spec.fold is None:
        raise UsageError("the run held out no validation examples; --test looks at the test set")
    held: Array = split_rows([spec], dataset).validation[0]
    return held


def first_filters(model: Model) -> Array:
    """Return the first layer's weights as pictures (units, H, W, C).

    A convolution's are its windows; those of a linear layer on images have the images' shape, and
    those on features are one row.
    """
    state, about = _known(model)
    leaves = model.arch.declare(tuple(about["shape"]), about["width"]).leaves
    named = named_arrays(leaves, state.arrays["params"])
    first = next((leaf.name for leaf in leaves if leaf.role == "w"), None)
    if first is None:
        raise UsageError(f"model '{model.arch.name}' has no layer with weights")
    w = named[first]
    if w.ndim == 4:
        return w.transpose(3, 0, 1, 2)
    shape = tuple(about["shape"])
    fits = len(shape) == 3 and math.prod(shape) == w.shape[0]
    return w.T.reshape(w.shape[1], *(shape if fits else (1, w.shape[0], 1)))


def layer_outputs(model: Model, x: Array) -> dict[str, Array]:
    """Return every layer's output (n, ...) for examples x, in evaluation mode, by name and kind."""
    state, about = _known(model)
    recorder = Recorder()
    scale = about["scale"] if x.dtype == np.uint8 else 1.0
    feeds = {"x": x[None] * np.float64(scale)}
    feeds |= {name: values[None] for name, values in about["fixed"].items()}
    declared = model.arch.declare(tuple(about["shape"]), about["width"])
    named = named_arrays(declared.leaves, state.arrays["params"])
    named |= {k.removeprefix("stat."): v for k, v in state.arrays.items() if k != "params"}

    def find(leaf: Leaf) -> Symbol:
        feeds.setdefault(leaf.name, named[leaf.name][None])
        if leaf.name in recorder.inputs:
            return Symbol(recorder, recorder.inputs[leaf.name])
        return recorder.input(leaf.name, (1, *leaf.shape))

    given = {name: recorder.input(name, feeds[name].shape) for name in ("x", *about["fixed"])}
    inner = given["x"]
    if about["fixed"]:
        inner = (inner - given["shift"]) * given["gain"]
    _, scope = apply(model.arch.root, inner, find, about["width"])
    wanted = {
        f"{name} {type(layer).__name__}": scope.outputs[name]
        for name, layer, _ in scope.trail
        if not hasattr(layer, "layers") and not hasattr(layer, "nodes")
    }
    engine = make_engine(model.engine, model.precision)
    bound = bind_programs({"look": recorder.program(wanted)}, engine, {})["look"]
    for name, array in bound.inputs.items():
        engine.write(array, feeds[name])
    bound.replay()
    return {name: np.array(engine.numpy(y)[0]) for name, y in bound.outputs.items()}


def _known(model: Model) -> tuple[State, dict[str, Any]]:
    if model.state is None:
        raise UsageError("the model has no weights yet: call fit or steepest.load first")
    return model.state, model.about
