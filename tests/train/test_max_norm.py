"""Max-norm: a projection after every update, part of the recorded step."""

import numpy as np
import pytest
from harness import train_steps

from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import Arch, Chain, Conv2D, Flatten, Linear, ReLU
from steepest.nn.arch import named_arrays
from steepest.optim import SGD, Adam

LIMIT = 0.5


def _net(limit):
    return Arch(
        "bounded",
        Chain(
            Conv2D(3, max_norm=limit), ReLU(), Flatten(),
            Linear(8, max_norm=limit), ReLU(), Linear("classes"),
        ),
    )  # fmt: skip


def _weights(arch, flat):
    leaves = arch.declare((6, 6, 1), 4).leaves
    return {k: v for k, v in named_arrays(leaves, flat).items() if k.endswith(".w")}


def _norms(w):
    return np.sqrt(np.square(w).sum(axis=tuple(range(w.ndim - 1))))


@pytest.mark.parametrize("rule", [SGD(lr=0.5), Adam(lr=0.05)])
def test_norms_stay_within_the_limit(rule):
    """Every unit of a bounded layer keeps its norm within the limit; the free layer does not."""
    arch = _net(LIMIT)
    flat, losses = train_steps(arch, [rule], [0], NumpyEngine(np.float64), steps=60)
    w = _weights(arch, flat[0])
    assert _norms(w["0.w"]).max() <= LIMIT + 1e-12
    assert _norms(w["3.w"]).max() <= LIMIT + 1e-12
    assert _norms(w["5.w"]).max() > LIMIT
    assert np.isfinite(losses).all()


def test_one_step_equals_the_projection_of_a_free_step():
    """After one step of SGD the bounded weights are the free ones, projected."""
    engine = NumpyEngine(np.float64)
    free, _ = train_steps(_net(0.0), [SGD(lr=0.5)], [0], engine, steps=1)
    bound, _ = train_steps(_net(LIMIT), [SGD(lr=0.5)], [0], engine, steps=1)
    free_w, bound_w = _weights(_net(0.0), free[0]), _weights(_net(LIMIT), bound[0])
    for name in ("0.w", "3.w"):
        scale = np.minimum(1.0, LIMIT / _norms(free_w[name]))
        assert np.abs(free_w[name] * scale - bound_w[name]).max() < 1e-12
    assert np.array_equal(free_w["5.w"], bound_w["5.w"])


def test_bounded_runs_batch_bitwise():
    """Three bounded runs in one program equal three separate ones."""
    arch, rules = _net(LIMIT), [Adam(lr=0.01 * (s + 1)) for s in range(3)]
    together, _ = train_steps(arch, rules, [0, 1, 2], NumpyEngine(np.float32), steps=10)
    for s in range(3):
        alone, _ = train_steps(arch, [rules[s]], [s], NumpyEngine(np.float32), steps=10)
        assert np.array_equal(alone[0], together[s])
