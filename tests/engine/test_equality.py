"""NumPy = torch = batched, on the same seeds, rates and masks."""

import numpy as np
import pytest
from harness import train_steps
from problems import NETS, RULE_CASES

from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import zoo
from steepest.optim import SGD, Adam

SEEDS = [0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETS)
def test_batched_runs_equal_separate_runs_bitwise(name, dtype):
    """R = 8 runs in one program equal eight separate runs to the last bit."""
    rules = [Adam(lr=1e-3 * (1 + s)) for s in SEEDS]
    together, losses = train_steps(NETS[name], rules, SEEDS, NumpyEngine(dtype))
    for s in SEEDS:
        alone, loss = train_steps(NETS[name], [rules[s]], [s], NumpyEngine(dtype))
        assert together.dtype == dtype
        assert np.array_equal(alone[0], together[s])
        assert np.array_equal(loss[:, 0], losses[:, s])


@pytest.mark.parametrize("name", RULE_CASES)
def test_every_rule_batches_bitwise(name):
    """A rule's runs in one program equal separate ones, also where one alone decays weights."""
    rules = [RULE_CASES[name], RULE_CASES[name.split(" ")[0]]]
    together, _ = train_steps(NETS["mlp"], rules, [0, 1], NumpyEngine(np.float32))
    for s in (0, 1):
        alone, _ = train_steps(NETS["mlp"], [rules[s]], [s], NumpyEngine(np.float32))
        assert np.array_equal(alone[0], together[s])


@pytest.mark.torch
@pytest.mark.parametrize("name", NETS)
def test_torch_equals_numpy_alone_and_batched(name):
    """The torch engine's parameters equal NumPy's to 1e-12 in float64, R = 1 and R = 4."""
    pytest.importorskip("torch", reason="torch is not installed")
    from steepest.engine.torch_engine import TorchEngine

    rules = [Adam(lr=1e-3 * (1 + s)) for s in range(4)]
    numpy_side, _ = train_steps(NETS[name], rules, [0, 1, 2, 3], NumpyEngine(np.float64))
    torch_side, _ = train_steps(NETS[name], rules, [0, 1, 2, 3], TorchEngine(np.float64))
    alone, _ = train_steps(NETS[name], rules[:1], [0], TorchEngine(np.float64))
    assert np.abs(numpy_side - torch_side).max() < 1e-12
    assert np.abs(alone[0] - numpy_side[0]).max() < 1e-12


def test_large_vectors_run_in_blocks_with_the_same_bits():
    """Chains in cache-sized blocks give what whole-array kernels give."""
    arch = zoo.mlp(hidden=(900, 60))
    wide, _ = train_steps(arch, [Adam(), Adam(lr=0.01)], [0, 1], NumpyEngine(), steps=3)
    from steepest.program import chain

    before = chain.SMALLEST
    chain.SMALLEST = 10**12
    try:
        plain, _ = train_steps(arch, [Adam(), Adam(lr=0.01)], [0, 1], NumpyEngine(), steps=3)
    finally:
        chain.SMALLEST = before
    assert np.array_equal(wide, plain)


def test_training_lowers_the_loss():
    """Twenty steps of SGD on a fixed small problem lower the loss."""
    _, losses = train_steps(NETS["mlp"], [SGD(lr=0.5)], [0], NumpyEngine(), steps=200)
    assert losses[-20:].mean() < 0.8 * losses[:20].mean()
