"""Weights in a file: the format that `Model.save` and a run's folder share.

A safetensors file holds every leaf by its dotted name, running statistics, and the constants that
inputs are normalized by; its description says which network they belong to.
"""

from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import DataError
from steepest.nn.arch import Arch, layout, named_arrays
from steepest.part import Part
from steepest.train.session import Session
from steepest.train.state import State, check_suffix, load_arrays, save_arrays

Array = np.ndarray[Any, Any]
FIXED = ("shift", "gain")


def about(part: Part, session: Session) -> dict[str, Any]:
    """Return what a saved model must know beside its weights."""
    fixed = [n for n in FIXED if n in session.shared]
    return {
        "format": 1, "model": part.plain(), "shape": list(session.task.shape),
        "width": session.task.classes, "classes": list(session.dataset.classes),
        "features": list(session.dataset.features),
        "targets": session.task.targets, "scale": session.task.scale,
        "seed": session.spec.seed, "precision": session.engine.real.name,
        "computed": session.spec.precision,
        "fixed": {n: np.array(session.engine.numpy(session.shared[n])[0]) for n in fixed},
    }  # fmt: skip


def save_weights(path: str | Path, arch: Arch, state: State, description: dict[str, Any]) -> Path:
    """Write a state's weights with their description (`about`) to a safetensors file."""
    target = check_suffix(path)
    declared = arch.declare(tuple(description["shape"]), description["width"])
    leaves = named_arrays(declared.leaves, state.arrays["params"])
    rest = {k: v for k, v in state.arrays.items() if k.startswith("stat.")}
    fixed = {k: np.asarray(v) for k, v in description["fixed"].items()}
    plain = {k: v for k, v in description.items() if k != "fixed"}
    save_arrays(target, leaves | rest | fixed, plain)
    return target


def load_description(path: str | Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and the description of a file that `save_weights` wrote."""
    arrays, description = load_arrays(check_suffix(path))
    missing = {"model", "shape", "width", "seed", "precision"} - set(description)
    if missing:
        raise DataError(f"'{path}' holds no saved model: its description lacks {sorted(missing)}")
    fixed = {k: arrays.pop(k) for k in FIXED if k in arrays}
    return arrays, description | {"fixed": fixed}


def gather_state(
    path: str | Path, arch: Arch, arrays: dict[str, Array], description: dict[str, Any]
) -> State:
    """Return the state of an arch from its named leaves; DataError where one is missing."""
    leaves = arch.declare(tuple(description["shape"]), description["width"]).leaves
    flat = np.empty(sum(leaf.size for leaf in leaves), description["precision"])
    for name, (start, stop) in layout(leaves).items():
        if name not in arrays or arrays[name].size != stop - start:
            raise DataError(f"'{path}' does not hold '{name}' as the model needs it")
        flat[start:stop] = arrays[name].reshape(-1)
    rest = {k: v for k, v in arrays.items() if k.startswith("stat.")}
    return State(0, {"params": flat, **rest})
