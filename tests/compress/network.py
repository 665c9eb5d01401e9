"""Small networks with drawn weights, and their outputs by the definitions of the primitives."""

import numpy as np

from steepest.nn.arch import apply
from steepest.program import Recorder
from steepest.program.gradient import evaluate
from steepest.seeds import stream


def drawn(arch, shape, classes, seed=0):
    """Return arrays of every leaf and statistic, none of them special."""
    declared = arch.declare(shape, classes)
    found = {}
    for leaf in (*declared.leaves, *declared.statistics):
        values = stream(seed, leaf.name).standard_normal(leaf.shape) / np.sqrt(leaf.size)
        found[leaf.name] = values**2 + 0.5 if leaf.role == "variance" else values + 0.05
    return found


def outputs(arch, arrays, x, classes):
    """Return the network's outputs (n, K) in evaluation mode, in float64."""
    recorder = Recorder()
    known = {}

    def find(leaf):
        if leaf.name not in known:
            known[leaf.name] = recorder.input(leaf.name, (1, *leaf.shape))
        return known[leaf.name]

    y, _ = apply(arch.root, recorder.input("x", (1, *x.shape)), find, classes)
    inputs = {n: arrays[n][None] for n in known} | {"x": x[None]}
    return evaluate(recorder.program({"y": y}), inputs)["y"][0]
