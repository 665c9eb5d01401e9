"""Traces one layer outside of any training loop: its gradients and its results on real arrays."""

import numpy as np

from steepest.engine.executor import bind_programs
from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn.scope import Scope
from steepest.program import Recorder, reverse
from steepest.program.check import check_gradients, random_arrays

KEY = np.array([[12345, 67890], [424242, 171717]], np.uint32)


def leaves_of(layer, shape, classes=5):
    """Return the parameters and the running statistics that a layer declares."""
    recorder = Recorder()
    known = {}

    def find(leaf):
        if leaf.name not in known:
            known[leaf.name] = recorder.input(leaf.name, (1, *leaf.shape))
        return known[leaf.name]

    key = recorder.input("key", (1, 2), "word")
    scope = Scope(find, train=True, key=key, classes=classes)
    layer(recorder.input("x", (1, *shape)), scope)
    return list(scope.leaves.values()), list(scope.statistics.values())


def check_layer(layer, shape, train=True, runs=2, offset=0.0):
    """Compare a layer's gradient of x and of all its leaves with central differences."""
    parameters, statistics = leaves_of(layer, shape)
    names = [leaf.name for leaf in parameters]
    arrays = random_arrays([(runs, *shape), *((runs, *leaf.shape) for leaf in parameters)])
    arrays[0] = arrays[0] + offset
    fixed = {"key": (KEY[:runs], "word")}
    for k, leaf in enumerate(statistics):
        seen = random_arrays([(runs, *leaf.shape)], seed=k + 1)[0]
        fixed[leaf.name] = (np.square(seen) + 0.5, "real")

    def function(x, *leaves, key, **rest):
        known = dict(zip(names, leaves, strict=True)) | rest
        scope = Scope(lambda leaf: known[leaf.name], train=train, key=key, classes=5)
        return layer(x, scope)

    return check_gradients(function, *arrays, fixed=fixed)


def run_layer(layer, x, values, g, train=True, classes=5):
    """Return y, the gradients and the new statistics of a layer as the NumPy engine computes them.

    Keys: "y", "dx", "d<leaf>" and "new <statistic>"; everything with the run axis, in float64.
    """
    recorder = Recorder()
    symbols = {"x": recorder.input("x", x.shape), "g": recorder.input("g", g.shape)}
    symbols |= {name: recorder.input(name, v.shape) for name, v in values.items()}
    key = recorder.input("key", (x.shape[0], 2), "word")
    scope = Scope(lambda leaf: symbols[leaf.name], train=train, key=key, classes=classes)
    y = layer(symbols["x"], scope)
    wanted = ["x", *scope.leaves]
    gradients = reverse(y, [symbols[name] for name in wanted], symbols["g"])
    outputs = {"y": y} | {f"d{n}": d for n, d in zip(wanted, gradients, strict=True)}
    outputs |= {f"new {name}": new for name, (_, new) in scope.updates.items()}
    engine = NumpyEngine(np.float64)
    bound = bind_programs({"one": recorder.program(outputs)}, engine, {})["one"]
    for name, data in ({"x": x, "g": g, "key": KEY[: x.shape[0]]} | values).items():
        if name in bound.inputs:
            engine.write(bound.inputs[name], data)
    bound.replay()
    return {name: np.array(array) for name, array in bound.outputs.items()}
