"""Normalization layers against torch, their running statistics, and what they refuse."""

import numpy as np
import pytest
from tracing import leaves_of, run_layer

from steepest.errors import UsageError
from steepest.nn import Arch, BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from steepest.program.check import random_arrays


def torch_side(torch, layer, x, gain, shift):
    """Return what torch computes from one run's (N, H, W, C), and x as its leaf."""
    nn = torch.nn.functional
    t = torch.tensor(x, requires_grad=True)
    first = t.movedim(-1, 1)
    if isinstance(layer, BatchNorm):
        y = nn.batch_norm(first, None, None, gain, shift, training=True)
    elif isinstance(layer, GroupNorm):
        y = nn.group_norm(first, layer.groups, gain, shift)
    elif isinstance(layer, InstanceNorm):
        y = nn.instance_norm(first, weight=gain, bias=shift)
    else:
        return t, nn.layer_norm(t, t.shape[-1:], gain, shift)
    return t, y.movedim(1, -1)


@pytest.mark.torch
@pytest.mark.parametrize("layer", [BatchNorm(), LayerNorm(), GroupNorm(3), InstanceNorm()])
@pytest.mark.parametrize("shape", [(2, 5, 4, 3, 6), (2, 7, 6)])
def test_normalization_equals_torch(layer, shape):
    """Values and all gradients to 1e-10 in float64, images and flat examples."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if isinstance(layer, InstanceNorm) and len(shape) == 3:
        pytest.skip("instance normalization needs pixels")
    x, gain, shift, g = random_arrays([shape, (2, 6), (2, 6), shape])
    x = 2 * x + 3
    values = {"gain": gain, "shift": shift, "mean": shift * 0, "variance": shift * 0 + 1}
    ours = run_layer(layer, x, values, g)
    for run in range(2):
        weights = [torch.tensor(a[run], requires_grad=True) for a in (gain, shift)]
        t, y = torch_side(torch, layer, x[run], *weights)
        y.backward(torch.tensor(g[run]))
        for name, expected in zip(
            ("y", "dx", "dgain", "dshift"),
            (y.detach(), t.grad, weights[0].grad, weights[1].grad),
            strict=True,
        ):
            assert np.abs(ours[name][run] - expected.numpy()).max() < 1e-10, name


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(1, 8, 5, 4, 3), (1, 9, 3)])
def test_running_statistics_equal_torch_after_twenty_steps(shape):
    """Momentum 0.1, unbiased variance; then evaluation agrees too."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    module = (torch.nn.BatchNorm2d if len(shape) == 5 else torch.nn.BatchNorm1d)(3).double()
    values = {"gain": np.ones((1, 3)), "shift": np.zeros((1, 3))}
    values |= {"mean": np.zeros((1, 3)), "variance": np.ones((1, 3))}
    for x in (3 * a + k for k, a in enumerate(random_arrays([shape] * 20))):
        module(torch.tensor(x[0]).movedim(-1, 1))
        found = run_layer(BatchNorm(), x, values, x)
        values |= {"mean": found["new mean"], "variance": found["new variance"]}
    assert np.abs(values["mean"][0] - module.running_mean.numpy()).max() < 1e-10
    assert np.abs(values["variance"][0] - module.running_var.numpy()).max() < 1e-10
    module.eval()
    expected = module(torch.tensor(x[0]).movedim(-1, 1)).movedim(1, -1).detach().numpy()
    assert np.abs(run_layer(BatchNorm(), x, values, x, train=False)["y"] - expected).max() < 1e-10


def test_gain_and_shift_are_not_decayed_and_statistics_are_not_trained():
    """Weight decay and penalties leave normalization alone."""
    parameters, statistics = leaves_of(BatchNorm(), (4, 3))
    assert {leaf.role for leaf in parameters} == {"gain", "shift"}
    assert not any(leaf.is_decayed for leaf in parameters)
    assert [leaf.name for leaf in statistics] == ["mean", "variance"]


def test_shapes_that_do_not_fit_are_refused():
    """Groups that do not divide, and instances without pixels."""
    with pytest.raises(UsageError, match="6 channels do not divide into 4 groups"):
        Arch("own", GroupNorm(4)).declare((3, 3, 6), 10)
    with pytest.raises(UsageError, match="needs pixels"):
        Arch("own", InstanceNorm()).declare((6,), 10)
