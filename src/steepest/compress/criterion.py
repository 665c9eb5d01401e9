"""Criteria: what a weight or a channel is worth. The least worthy are removed.

w weights, g the gradient of the training loss. Scores of weights have the layout of the flat
parameter vector; scores of channels have one number per group of `dependencies`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from steepest.compress.dependency import Dependency
from steepest.engine.executor import bind_programs
from steepest.errors import UsageError, nearest
from steepest.nn.arch import layout, named_arrays
from steepest.seeds import stream
from steepest.train.session import Session, read_state
from steepest.train.step import gradient_program

Array = np.ndarray[Any, Any]
LAYERED = "layer_magnitude"
WEIGHTS = ("magnitude", LAYERED, "gradient", "random")
CHANNELS = ("l1", "l2", "batchnorm", "taylor", "random")
BATCHES = 16  # of training examples that a gradient is averaged over


def check_method(method: str, structured: bool) -> str:
    """Return the method's name; UsageError for an unknown one, with the nearest known."""
    own, other = (CHANNELS, WEIGHTS) if structured else (WEIGHTS, CHANNELS)
    if method in own:
        return method
    kind = "structured" if structured else "unstructured"
    if method in other:
        turn = "leave out --structured" if structured else "add --structured"
        raise UsageError(
            f"method '{method}' does not prune {'channels' if structured else 'single weights'}: "
            f"{turn}, or use {', '.join(own)}"
        )
    raise UsageError(f"unknown method '{method}' of {kind} pruning; {nearest(method, own)}")


def gradient(session: Session, batches: int = BATCHES) -> Array:
    """Return the gradient (P,) of the mean training loss at the session's weights, in float64.

    In evaluation mode, over the first `batches` batches of a permutation of the training split;
    validation examples have no part in it.
    """
    task = replace(session.task, masked=False)
    rows = session.split.train[0]
    size = min(session.batch, len(rows))
    count = min(batches, len(rows) // size)
    order = stream(session.spec.seed, "prune", "batches").permutation(rows)[: count * size]
    program = gradient_program(task, size)
    bound = bind_programs({"gradient": program}, session.engine, session.shared)["gradient"]
    total = np.zeros(task.declared.size)
    for index in order.reshape(count, size):
        session.engine.write(bound.inputs["index"], index[None])
        bound.replay()
        total += session.engine.numpy(bound.outputs["gradient"])[0]
    return total / count


def score_weights(session: Session, method: str) -> Array:
    """Return the scores (P,) of all parameters; only those of role `w` are ever pruned.

    magnitude: |w| (Han et al. 2015). layer_magnitude: the same, compared within layers only.
    gradient: |g w|, the first-order change of the loss (SNIP, Lee et al. 2019, equation 4, here at
    any point of training). random: uniform.
    """
    check_method(method, structured=False)
    if method == "random":
        return stream(session.spec.seed, "prune", "random").random(session.task.declared.size)
    w = read_state(session, 0).arrays["params"].astype(np.float64)
    return np.abs(w * gradient(session)) if method == "gradient" else np.abs(w)


def score_channels(session: Session, found: Dependency, method: str) -> Array:
    """Return the scores (groups,) of all channels; those that are fixed count for nothing.

    l1, l2: the norm of the weights that make the channel (Li et al. 2017), averaged over the
    layers it is tied across. batchnorm: |gain| (Liu et al. 2017). taylor: the sum of (g w)² over
    the weights that make the channel (Molchanov et al. 2019, equation 8). random: uniform.
    """
    check_method(method, structured=True)
    if method == "random":
        return stream(session.spec.seed, "prune", "random").random(found.size)
    leaves = session.task.declared.leaves
    w = read_state(session, 0).arrays["params"].astype(np.float64)
    values = named_arrays(leaves, w)
    if method == "batchnorm":
        return _from_gains(found, values)
    if method == "taylor":
        values = {n: a**2 for n, a in named_arrays(leaves, w * gradient(session)).items()}
    return _from_makers(found, values, NORMS[method])


def _column_sums(array: Array) -> Array:
    sums: Array = array.reshape(-1, array.shape[-1]).sum(axis=0)
    return sums


NORMS: dict[str, Callable[[Array], Array]] = {
    "l1": lambda w: _column_sums(np.abs(w)),
    "l2": lambda w: np.sqrt(_column_sums(w**2)),
    "taylor": _column_sums,
}


def _from_makers(found: Dependency, values: Mapping[str, Array], norm: Any) -> Array:
    total, count = np.zeros(found.size), np.zeros(found.size)
    for name, groups in found.outputs.items():
        np.add.at(total, groups, norm(values[f"{name}.w" if name else "w"]))
        np.add.at(count, groups, 1.0)
    return np.divide(total, count, out=total, where=count > 0)


def _from_gains(found: Dependency, values: Mapping[str, Array]) -> Array:
    total, count = np.zeros(found.size), np.zeros(found.size)
    for name, axes in found.axes.items():
        if name.rsplit(".", 1)[-1] == "gain" and name in values:
            np.add.at(total, axes[0][1], np.abs(values[name]))
            np.add.at(count, axes[0][1], 1.0)
    bare = [g for g in found.free if not count[g]]
    if bare:
        raise UsageError(
            f"method 'batchnorm' needs a normalization behind every layer; "
            f"'{found.makers[bare[0]][0]}' has none: use l1, l2 or taylor"
        )
    return np.divide(total, count, out=total, where=count > 0)


def prunable(session: Session) -> dict[str, tuple[int, int]]:
    """Return name -> (start, stop) of the leaves whose single weights may be pruned: role `w`."""
    spans = layout(session.task.declared.leaves)
    return {n: s for n, s in spans.items() if n.rsplit(".", 1)[-1] == "w"}
