"""Probes: quantities measured while training, by a program of their own.

After every epoch the probe program repeats the step of the epoch's last full batch without keeping
what it changes, and reads from it what was asked for. So the training program is not touched, the
run's bits are the same with and without probes. Such a step costs 1.3 to 1.8 ordinary ones (one
thread, networks from 4,000 to 400,000 parameters): 0.2 % of an epoch of 750 steps. Where epochs are
shorter than `SPACING` steps, some are left out, so that it stays below 5 %.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from steepest.engine.executor import Bound
from steepest.engine.protocol import Engine
from steepest.nn.activation import ReLU
from steepest.nn.arch import layout
from steepest.program import F, Program, Symbol
from steepest.train.step import Task, Traced, trace_step

Found = dict[str, Symbol]
SPACING = 40  # steps between probes, at least


def probe_program(task: Task, rules: list[Any], batch: int, probes: Sequence[str]) -> Program:
    """Record one training step that keeps nothing and puts out (R,) numbers by name."""
    traced = trace_step(task, rules, batch)
    found: Found = {}
    for name in probes:
        found |= PROBED[name](task, traced)
    return traced.recorder.program(found)


def _gradient_norm(task: Task, traced: Traced) -> Found:
    """Return the Euclidean norm of the gradient: of all parameters, and of every leaf."""
    found = {"grad_norm": F.sqrt(F.sum(F.square(traced.gradient), axis=1))}
    for name, (start, stop) in layout(task.declared.leaves).items():
        own = F.part(traced.gradient, axis=1, start=start, stop=stop)
        found[f"grad_norm.{name}"] = F.sqrt(F.sum(F.square(own), axis=1))
    return found


def _update_ratio(task: Task, traced: Traced) -> Found:
    """Return the norm of the step's change over that of the weights, of every decayed leaf."""
    old, new = traced.pairs["params"]
    decayed = {leaf.name for leaf in task.declared.leaves if leaf.is_decayed}
    found = {}
    for name, (start, stop) in layout(task.declared.leaves).items():
        if name in decayed:
            before, after = (F.part(p, axis=1, start=start, stop=stop) for p in (old, new))
            moved = F.sqrt(F.sum(F.square(after - before), axis=1))
            found[f"update_ratio.{name}"] = moved / F.sqrt(F.sum(F.square(before), axis=1))
    return found


def _dead(_: Task, traced: Traced) -> Found:
    """Return the fraction of units (channels) of each ReLU that are 0 for the whole batch."""
    found = {}
    for name, layer, _shape in traced.scope.trail:
        if isinstance(layer, ReLU):
            y = traced.scope.outputs[name]
            largest = F.max(y, axis=tuple(range(1, y.ndim - 1)))
            found[f"dead.{name}"] = 1.0 - F.mean(F.greater(largest, 0.0), axis=1)
    return found


def _activations(_: Task, traced: Traced) -> Found:
    """Return mean and standard deviation of every layer's outputs over units and examples."""
    found = {}
    for name, layer, _shape in traced.scope.trail:
        if not hasattr(layer, "layers") and not hasattr(layer, "nodes"):
            y = traced.scope.outputs[name]
            axes = tuple(range(1, y.ndim))
            mean = F.mean(y, axis=axes, keepdims=True)
            variance = F.mean(F.square(y - mean), axis=axes)
            found[f"activation_mean.{name}"] = F.reshape(mean, shape=(y.shape[0],))
            found[f"activation_std.{name}"] = F.sqrt(variance)
    return found


PROBED = {
    "grad_norm": _gradient_norm,
    "update_ratio": _update_ratio,
    "dead": _dead,
    "activations": _activations,
}
PREFIXES = ("grad_norm", "update_ratio.", "dead.", "activation_mean.", "activation_std.")


def is_probed(name: str) -> bool:
    """Tell whether a column of an epoch is what a probe measured."""
    return name.startswith(PREFIXES)


def is_due(epoch: int, steps: int) -> bool:
    """Tell whether to probe after an epoch (0-based) of `steps` steps; the first one always is.

    >>> [epoch for epoch in range(7) if is_due(epoch, 18)], is_due(1, 750)
    ([0, 3, 6], True)
    """
    return epoch % -(-SPACING // steps) == 0


def measure_probes(
    bound: Mapping[str, Bound], engine: Engine, runs: int
) -> tuple[dict[str, float], ...]:
    """Return what the probes find for every run; empty where there are none.

    The inputs are those that the training program read last; what is shared is as it stands now.
    """
    if "probe" not in bound:
        return ({},) * runs
    probe, train = bound["probe"], bound["train"]
    for name, target in probe.inputs.items():
        if target is not train.inputs[name]:
            engine.write(target, engine.numpy(train.inputs[name]))
    probe.replay()
    values = {name: np.array(engine.numpy(y)) for name, y in probe.outputs.items()}
    return tuple({name: float(v[r]) for name, v in values.items()} for r in range(runs))
