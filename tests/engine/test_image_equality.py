"""Convolutional nets with batch normalization and dropout: batched = separate, NumPy = torch."""

import numpy as np
import pytest
from harness import train_arrays

from steepest.engine.numpy_engine import NumpyEngine
from steepest.nn import (
    Arch,
    BatchNorm,
    Chain,
    Conv2D,
    Dropout,
    DropPath,
    Flatten,
    GlobalAveragePool,
    GroupNorm,
    Linear,
    MaxPool,
    ReLU,
    Residual,
    Shortcut,
    SiLU,
    SpatialDropout,
    SqueezeExcite,
)
from steepest.optim import Adam

NETS = {
    "plain": Chain(
        Conv2D(4, bias=False), BatchNorm(), ReLU(), MaxPool(), Dropout(0.3), Flatten(),
        Linear(8, bias=False), BatchNorm(), ReLU(), Linear("classes"),
    ),
    "residual": Chain(
        Conv2D(4, bias=False), SpatialDropout(0.2), SiLU(),
        Residual(Chain(Conv2D(6, stride=2, groups=2), GroupNorm(3), DropPath(0.3)), Shortcut(6)),
        SqueezeExcite(2), GlobalAveragePool(), Linear("classes"),
    ),
}  # fmt: skip
RULES = [Adam(lr=1e-3 * (1 + s)) for s in range(4)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETS)
def test_four_runs_in_one_program_equal_separate_runs_bitwise(name, dtype):
    """Parameters, slots, running statistics and losses; statistics never mix runs."""
    arch = Arch(name, NETS[name])
    together, losses = train_arrays(arch, RULES, range(4), NumpyEngine(dtype), steps=8)
    for s in range(4):
        alone, loss = train_arrays(arch, RULES[s : s + 1], [s], NumpyEngine(dtype), steps=8)
        assert np.array_equal(loss[:, 0], losses[:, s])
        for key, array in alone.items():
            assert np.array_equal(array[0], together[key][s]), key
    if name == "plain":
        assert np.abs(together["stat.1.mean"]).min() > 0
        assert len(np.unique(together["stat.1.mean"][:, 0])) == 4


@pytest.mark.torch
@pytest.mark.parametrize("name", NETS)
def test_torch_equals_numpy(name):
    """Both engines, four runs, to 1e-10 in float64 after 8 steps."""
    pytest.importorskip("torch", reason="torch is not installed")
    from steepest.engine.torch_engine import TorchEngine

    arch = Arch(name, NETS[name])
    ours, _ = train_arrays(arch, RULES, range(4), NumpyEngine(np.float64), steps=8)
    theirs, _ = train_arrays(arch, RULES, range(4), TorchEngine(np.float64), steps=8)
    for key, array in ours.items():
        assert np.abs(array - theirs[key]).max() < 1e-10, key
