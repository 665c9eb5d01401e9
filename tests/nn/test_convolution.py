"""Layers of images against torch.nn.functional, and what they refuse."""

import numpy as np
import pytest
from tracing import run_layer

from steepest.errors import UsageError
from steepest.nn import (
    AdaptiveAveragePool,
    Arch,
    AvgPool,
    Chain,
    Conv2D,
    Flatten,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Shortcut,
)
from steepest.nn.activation import ACTIVATIONS
from steepest.program.check import random_arrays

SHAPE = (2, 3, 7, 6, 4)


def images(array, run):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    return torch.tensor(array[run].transpose(0, 3, 1, 2), requires_grad=True)


def compare(layer, function, values=None, shape=SHAPE):
    """Compare y and dx of every run with a torch function of (images, run)."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    (x,) = random_arrays([shape])
    outputs = {}
    for run in range(shape[0]):
        t = images(x, run)
        outputs[run] = t, function(t, run)
    size = outputs[0][1].permute(0, 2, 3, 1).shape
    (g,) = random_arrays([(shape[0], *size)], seed=3)
    ours = run_layer(layer, x, values or {}, g)
    for run, (t, y) in outputs.items():
        y.backward(torch.tensor(g[run].transpose(0, 3, 1, 2)))
        expected = y.detach().permute(0, 2, 3, 1).numpy()
        assert np.abs(ours["y"][run] - expected).max() < 1e-10
        assert np.abs(ours["dx"][run] - t.grad.permute(0, 2, 3, 1).numpy()).max() < 1e-10
    return ours


@pytest.mark.torch
@pytest.mark.parametrize(
    "layer",
    [Conv2D(6), Conv2D(6, 3, stride=2), Conv2D(4, 1), Conv2D(6, 2, 2, 1), Conv2D(8, 5, groups=2)],
)
def test_convolution_equals_torch(layer):
    """Values and the gradients of x, w and b, to 1e-10 in float64."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    w, b = random_arrays(
        [(2, layer.kernel, layer.kernel, 4 // layer.groups, layer.filters), (2, layer.filters)], 5
    )
    leaves = {}

    def function(t, run):
        weights = torch.tensor(w[run].transpose(3, 2, 0, 1), requires_grad=True)
        bias = torch.tensor(b[run], requires_grad=True)
        leaves[run] = weights, bias
        return torch.nn.functional.conv2d(
            t, weights, bias, layer.stride, layer.margin, groups=layer.groups
        )

    ours = compare(layer, function, {"w": w, "b": b})
    for run, (weights, bias) in leaves.items():
        expected = weights.grad.permute(2, 3, 1, 0).numpy()
        assert np.abs(ours["dw"][run] - expected).max() < 1e-10
        assert np.abs(ours["db"][run] - bias.grad.numpy()).max() < 1e-10


@pytest.mark.torch
@pytest.mark.parametrize(("window", "stride"), [(2, 0), (3, 2), (2, 1), (3, 0)])
def test_pooling_equals_torch(window, stride):
    """Largest and mean pixels of several windows, and their gradients."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    nn = torch.nn.functional
    how = {"kernel_size": window, "stride": stride or window}
    compare(MaxPool(window, stride), lambda t, _: nn.max_pool2d(t, **how))
    compare(AvgPool(window, stride), lambda t, _: nn.avg_pool2d(t, **how))


@pytest.mark.torch
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_adaptive_pooling_equals_torch(size):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    adaptive = torch.nn.functional.adaptive_avg_pool2d
    compare(AdaptiveAveragePool(size), lambda t, _: adaptive(t, size))


@pytest.mark.torch
@pytest.mark.parametrize("name", sorted(ACTIVATIONS.keys() - {"prelu"}))
def test_activations_equal_torch(name):
    """Every activation without parameters, values and gradients."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    compare(ACTIVATIONS[name](), lambda t, _: getattr(torch.nn.functional, name)(t))


@pytest.mark.torch
def test_prelu_equals_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    slope = np.array([[0.25], [0.4]])
    compare(
        ACTIVATIONS["prelu"](),
        lambda t, run: torch.nn.functional.prelu(t, torch.tensor(slope[run])),
        {"slope": slope},
    )


def test_max_pool_sends_the_gradient_of_ties_to_the_first():
    """As torch does; a batch of zeros after ReLU is all ties."""
    ours = run_layer(MaxPool(), np.zeros((1, 1, 2, 2, 1)), {}, np.ones((1, 1, 1, 1, 1)))
    assert ours["dx"].reshape(-1).tolist() == [1.0, 0.0, 0.0, 0.0]


def test_global_average_and_shortcut_say_what_they_compute():
    """The mean over pixels; every second pixel with zeros for new channels."""
    (x,) = random_arrays([SHAPE])
    y = run_layer(GlobalAveragePool(), x, {}, np.ones((2, 3, 4)))["y"]
    assert np.allclose(y, x.mean(axis=(2, 3)))
    y = run_layer(Shortcut(7), x, {}, np.ones((2, 3, 4, 3, 7)))["y"]
    assert np.array_equal(y[..., 1:5], x[:, :, ::2, ::2])
    assert not y[..., 0].any()
    assert not y[..., 5:].any()


@pytest.mark.parametrize(
    ("layers", "shape", "words"),
    [
        ((Conv2D(4),), (28,), r"Conv2D at '0' needs images .* not examples of shape \(28,\)"),
        ((Flatten(), MaxPool()), (8, 8, 1), "MaxPool at '1' needs images"),
        ((Conv2D(4, 4),), (8, 8, 1), "odd kernel, not 4"),
        ((Conv2D(4, padding="smae"),), (8, 8, 1), "padding 'smae' is not"),
        ((Conv2D(4, groups=3),), (8, 8, 4), "4 channels and 4 filters do not divide into 3 groups"),
        ((Conv2D(4, 5, padding="valid"),), (3, 3, 1), "window 5×5 is larger than the image 3×3"),
        ((MaxPool(4),), (3, 3, 1), "window 4×4 is larger than the image 3×3"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_their_place(layers, shape, words):
    """One sentence says which layer, what it needs and what it got."""
    with pytest.raises(UsageError, match=words):
        Arch("own", Chain(*layers, Linear("classes"))).declare(shape, 10)
