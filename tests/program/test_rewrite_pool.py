"""ReLU behind max-pooling and sums before spreading: the same numbers, fewer elements."""

import numpy as np
import pytest
from harness import small_task, train_steps

from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import Arch, Chain, Conv2D, Flatten, Linear, MaxPool, ReLU, Residual
from steepest.optim import SGD
from steepest.program import F, Recorder, reverse
from steepest.program.gradient import evaluate
from steepest.program.rewrite_pool import relu_behind_pool, rewrite_pools, sums_before_spreading
from steepest.train.step import train_program

NET = Arch(
    "net",
    Chain(Conv2D(3), ReLU(), MaxPool(), Conv2D(4), ReLU(), MaxPool(3, 1), Flatten(), Linear(4)),
)


def pooled_gradient(window, stride, kept=False):
    """Return the program of max_pool(relu(x)) with its gradient."""
    recorder = Recorder()
    x = recorder.input("x", (2, 3, 7, 6, 4))
    r = F.relu(x)
    y, _ = F.max_pool(r, window=window, stride=stride)
    (dx,) = reverse(y, [x], recorder.input("g", y.shape))
    sums = F.sum(dx, axis=(1, 2, 3))
    return recorder.program({"y": y, "dx": dx, "sums": sums} | ({"r": r} if kept else {}))


def names(program):
    return [x.primitive.name for x in program.instructions]


def inputs_of(program, ties):
    generator = np.random.default_rng(0)
    found = {}
    for name, index in program.inputs.items():
        value = program.values[index]
        if value.kind == "real":
            x = generator.standard_normal(value.shape)
            found[name] = np.round(x) if ties and name == "x" else x
        else:
            found[name] = generator.integers(0, 4, value.shape)
    return found


@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (2, 1)])
@pytest.mark.parametrize("ties", [False, True])
def test_relu_behind_pool_gives_the_same_bits(window, stride, ties):
    """Values and gradients, where pixels tie and windows overlap too."""
    program = pooled_gradient(window, stride)
    changed = relu_behind_pool(program)
    assert names(changed).index("relu") > names(changed).index("max_pool")
    assert changed.flops < program.flops
    inputs = inputs_of(program, ties)
    before, after = evaluate(program, inputs), evaluate(changed, inputs)
    for name, array in before.items():
        assert np.array_equal(array, after[name]), name


def test_sums_before_spreading_are_equal_up_to_rounding():
    """The sum of a pooling's gradient over the pixels is the sum of what came back."""
    program = pooled_gradient(2, 2)
    changed = sums_before_spreading(program)
    inputs = inputs_of(program, ties=False)
    before, after = evaluate(program, inputs), evaluate(changed, inputs)
    assert np.abs(before["sums"] - after["sums"]).max() < 1e-13
    whole = rewrite_pools(program)
    total = next(x for x in whole.instructions if x.primitive.name == "sum")
    assert whole.values[total.args[0]].shape[2:4] == (3, 3)


def test_a_relu_that_others_read_stays():
    """An output, or a second reader, keeps ReLU where it is."""
    program = pooled_gradient(2, 2, kept=True)
    assert names(relu_behind_pool(program)) == names(program)
    shared = Arch("shared", Chain(Conv2D(3), ReLU(), Residual(MaxPool(1, 1)), Flatten(), Linear(4)))
    program = train_program(small_task(shared), [SGD()], 4)
    assert names(relu_behind_pool(program)) == names(program)


class PoolEngine(NumpyEngine):
    """The engine with these rewrites alone."""

    def rewrite(self, program):
        """Return the program with pools rewritten."""
        return rewrite_pools(program)


class PlainEngine(NumpyEngine):
    """The engine without rewrites."""

    def rewrite(self, program):
        """Return the program as it is."""
        return program


def test_training_gives_the_same_parameters():
    """Ten steps of two runs agree to rounding in float64."""
    rules = [SGD(lr=0.1), SGD(lr=0.2)]
    (plain, _), (changed, _) = (
        train_steps(NET, rules, [0, 1], engine(np.float64), steps=10)
        for engine in (PlainEngine, PoolEngine)
    )
    assert np.abs(plain - changed).max() < 1e-12
    program = train_program(small_task(NET, 2), rules, 16)
    assert names(rewrite_pools(program)).count("relu") == 2
    assert rewrite_pools(program).flops < program.flops
