"""Rewrites compute the same numbers: by definitions, on the engine, alone and batched."""

import numpy as np
import pytest
from harness import small_task, train_steps

from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import zoo
from steepest.optim import SGD, Adam, Momentum
from steepest.program.gradient import evaluate
from steepest.program.rewrite import rank_one, rank_one_updates
from steepest.train.step import train_program

NET = zoo.mlp(hidden=(9, 7))


class PlainEngine(NumpyEngine):
    """The engine without rewrites."""

    def rewrite(self, program):
        """Return the program as it is."""
        return program


def recorded(rule, batch=1, runs=1, arch=NET):
    return train_program(small_task(arch, runs), [rule] * runs, batch)


def names(program):
    return [x.primitive.name for x in program.instructions]


def values_of(program, seed=0):
    """Return random inputs of a training program."""
    generator = np.random.default_rng(seed)
    limits = {"byte": 256, "word": 2**32, "int": 4}
    arrays = {}
    for name, index in program.inputs.items():
        value = program.values[index]
        if value.kind == "real":
            arrays[name] = generator.standard_normal(value.shape)
        else:
            arrays[name] = generator.integers(0, limits[value.kind], value.shape)
    return arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("runs", [1, 3])
def test_definitions_agree(runs, dtype):
    """By the primitives' definitions the rewritten step gives the same bits."""
    program = recorded(SGD(), runs=runs)
    changed = rank_one_updates(program)
    assert names(changed).count("rank_one") == 3
    inputs = values_of(program)
    before, after = evaluate(program, inputs, dtype), evaluate(changed, inputs, dtype)
    assert before.keys() == after.keys()
    for name, array in before.items():
        assert np.array_equal(array, after[name]), name


@pytest.mark.parametrize("native", ["auto", "off"])
@pytest.mark.parametrize("runs", [1, 3])
def test_training_agrees(runs, native):
    """On the engine, over 20 steps, parameters and losses are the same bits."""
    rules = [SGD(lr=lr) for lr in (0.1, 0.02, 0.3)[:runs]]
    found = [
        train_steps(NET, rules, range(runs), engine(np.float32, native), batch=1)
        for engine in (NumpyEngine, PlainEngine)
    ]
    for changed, plain in zip(*found, strict=True):
        assert np.array_equal(changed, plain)


def test_parameters_stay_in_place():
    """The rewritten update writes over the parameters: no copy of them, no gradient vector."""
    from steepest.program.plan import plan

    program = rank_one_updates(recorded(SGD(), arch=zoo.mlp(hidden=(500,))))
    size = program.values[program.inputs["params"]].size
    planned = plan(program)
    assert planned.copies == ()
    assert planned.arena_bytes < size
    assert "concat" in names(program)


@pytest.mark.parametrize(
    ("rule", "batch"), [(SGD(), 16), (Momentum(), 1), (Adam(), 1), (SGD(weight_decay=0.1), 1)]
)
def test_other_steps_are_left_alone(rule, batch):
    """Only p - s g with outer products in g is rewritten; anything else is the same program."""
    program = recorded(rule, batch)
    assert rank_one_updates(program) is program


def test_penalized_gradient_is_left_alone():
    """Where a penalty acts on the whole gradient, the step is not rewritten."""
    program = recorded(SGD(), arch=zoo.mlp(hidden=(8,), l2=1e-2))
    assert "rank_one" not in names(rank_one_updates(program))


def test_shapes_are_checked():
    """A rank-one update of shapes that do not fit is an error."""
    from steepest.program import record

    with pytest.raises(ValueError, match="rank-one"):
        record(lambda p, x, d: {"y": rank_one(p, x, d, 0.1)}, p=(1, 4, 3), x=(1, 1, 3), d=(1, 1, 4))


def test_work_is_counted():
    """The rewritten program does fewer operations and moves fewer bytes."""
    program = recorded(SGD(), arch=zoo.mlp(hidden=(64,)))
    changed = rank_one_updates(program)
    assert changed.bytes < 0.7 * program.bytes
    assert changed.flops < program.flops
