"""Losses equal torch's, forward and backward."""

import numpy as np
import pytest

from steepest.nn import MSE, CrossEntropy
from steepest.program import F, Recorder, reverse
from steepest.program.gradient import evaluate
from steepest.seeds import stream

WEIGHTS = (0.5, 2.0, 1.0, 0.0, 3.0)


def ours(loss, output, targets, kind):
    """Return the losses (R, N) and the gradient of each run's mean."""
    recorder = Recorder()
    x, t = recorder.input("x", output.shape), recorder.input("t", targets.shape, kind)
    losses = loss(x, t)
    (gradient,) = reverse(F.mean(losses, axis=1), [x])
    program = recorder.program({"losses": losses, "gradient": gradient})
    found = evaluate(program, {"x": output, "t": targets})
    return found["losses"], found["gradient"]


def theirs(function, output):
    """Return torch's losses of one run and the gradient of their mean."""
    import torch

    x = torch.tensor(output, requires_grad=True)
    losses = function(x)
    losses.mean().backward()
    return losses.detach().numpy(), x.grad.numpy()


@pytest.mark.torch
@pytest.mark.parametrize("scale", [1.0, 300.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_cross_entropy_equals_torch(smoothing, scale):
    """With label smoothing and with logits that would overflow exp: to 1e-10."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    g = stream(0, "loss")
    logits, labels = scale * g.standard_normal((2, 7, 5)), g.integers(0, 5, (2, 7))
    losses, gradient = ours(CrossEntropy(smoothing), logits, labels, "int")
    for run in range(2):
        expected = theirs(
            lambda x, run=run: torch.nn.functional.cross_entropy(
                x, torch.tensor(labels[run]), label_smoothing=smoothing, reduction="none"
            ),
            logits[run],
        )
        np.testing.assert_allclose(losses[run], expected[0], rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(gradient[run], expected[1], atol=1e-10)


@pytest.mark.torch
def test_class_weights_multiply_and_divide_by_the_number_of_examples():
    """Each example's loss equals torch's weighted one; our mean is over examples."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    g = stream(1, "loss")
    logits, labels = g.standard_normal((1, 9, 5)), g.integers(0, 5, (1, 9))
    losses, gradient = ours(CrossEntropy(class_weights=WEIGHTS), logits, labels, "int")
    expected = theirs(
        lambda x: torch.nn.functional.cross_entropy(
            x, torch.tensor(labels[0]), torch.tensor(WEIGHTS).double(), reduction="none"
        ),
        logits[0],
    )
    np.testing.assert_allclose(losses[0], expected[0], atol=1e-10)
    np.testing.assert_allclose(gradient[0], expected[1], atol=1e-10)


def test_class_weights_scale_an_example_as_documented():
    """Smoothing included, the whole loss of an example is multiplied by its class' weight."""
    g = stream(2, "loss")
    logits, labels = g.standard_normal((1, 9, 5)), g.integers(0, 5, (1, 9))
    weighted, _ = ours(CrossEntropy(0.1, WEIGHTS), logits, labels, "int")
    plain, _ = ours(CrossEntropy(0.1), logits, labels, "int")
    np.testing.assert_allclose(weighted, plain * np.array(WEIGHTS)[labels], rtol=1e-14)


@pytest.mark.torch
def test_mse_equals_torch():
    """The mean of the squares over the outputs, one number an example."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    g = stream(3, "loss")
    output, targets = g.standard_normal((2, 6, 4)), g.standard_normal((2, 6, 4))
    losses, gradient = ours(MSE(), output, targets, "real")
    for run in range(2):
        expected = theirs(
            lambda x, run=run: torch.nn.functional.mse_loss(
                x, torch.tensor(targets[run]), reduction="none"
            ).mean(1),
            output[run],
        )
        np.testing.assert_allclose(losses[run], expected[0], atol=1e-10)
        np.testing.assert_allclose(gradient[run], expected[1], atol=1e-10)
