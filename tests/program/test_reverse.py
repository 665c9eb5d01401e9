"""Reverse mode: what it reaches, what it shares, what it refuses."""

import numpy as np
import pytest

from steepest.program import F, Recorder, check_gradients, grad, reverse
from steepest.program.gradient import evaluate
from steepest.seeds import stream


def gradients(function, *arrays):
    recorder = Recorder()
    symbols = [recorder.input(f"x{i}", np.shape(a)) for i, a in enumerate(arrays)]
    found = reverse(function(*symbols), symbols)
    program = recorder.program({f"d{i}": g for i, g in enumerate(found)})
    return program, evaluate(program, {f"x{i}": a for i, a in enumerate(arrays)})


def test_shared_subexpressions_add_their_cotangents():
    """A value read three times gets the sum of three terms, and is recorded once."""

    def function(x):
        y = F.tanh(x * 2.0)
        return y * y + F.exp(F.tanh(x * 2.0))

    _, found = gradients(lambda x: F.sum(function(x)), np.array([0.3, -0.4]))
    t = np.tanh(2 * np.array([0.3, -0.4]))
    np.testing.assert_allclose(found["d0"], (2 * t + np.exp(t)) * 2 * (1 - t**2), rtol=1e-14)
    assert check_gradients(function, np.array([0.3, -0.4]))


def test_an_unused_input_has_a_gradient_of_zeros():
    """What the output does not depend on gets zeros of its own shape, without instructions."""
    program, found = gradients(lambda x, _unused: F.sum(x), np.ones(3), np.ones((2, 2)))
    np.testing.assert_array_equal(found["d1"], np.zeros((2, 2)))
    assert {i.primitive.name for i in program.instructions} <= {"broadcast", "reshape"}


def test_the_data_gets_no_cotangent():
    """Only paths to what is asked for are differentiated: one product for the weight's gradient."""
    recorder = Recorder()
    x, w = recorder.input("x", (1, 5, 3)), recorder.input("w", (1, 3, 2))
    (found,) = reverse(F.sum(F.square(x @ w), axis=(1, 2)), [w])
    program = recorder.program({"dw": found})
    products = [i for i in program.instructions if i.primitive.name == "matmul"]
    assert len(products) == 2
    assert all(program.values[i.outs[0]].shape != (1, 5, 3) for i in products)


def test_intermediate_values_may_be_asked_for():
    """The gradient of an inner symbol stops there; that of the input passes through it."""
    recorder = Recorder()
    x = recorder.input("x", (2,))
    y = x * 3.0
    inner, outer = reverse(F.sum(y * y), [y, x])
    found = evaluate(recorder.program({"i": inner, "o": outer}), {"x": np.array([1.0, 2.0])})
    np.testing.assert_array_equal(found["i"], [6.0, 12.0])
    np.testing.assert_array_equal(found["o"], [18.0, 36.0])


def test_every_run_gets_the_gradient_of_its_own_loss():
    """A loss of shape (R,) is differentiated run by run."""
    data = stream(0, "runs").standard_normal((3, 4))
    _, found = gradients(lambda x: F.sum(F.square(x), axis=1), data)
    np.testing.assert_allclose(found["d0"], 2 * data)


def test_a_seed_is_the_cotangent_of_the_output():
    """A seed of fewer elements is expanded to the output."""
    recorder = Recorder()
    x = recorder.input("x", (2, 3))
    (found,) = reverse(F.square(x), [x], seed=recorder.constant(np.array([[1.0], [10.0]])))
    result = evaluate(recorder.program({"d": found}), {"x": np.ones((2, 3))})
    np.testing.assert_array_equal(result["d"], [[2.0] * 3, [20.0] * 3])


def test_second_order_by_differentiating_the_gradient():
    """The second derivative of x³ + sin-like tanh is that of calculus."""

    def first(x):
        (found,) = reverse(x * x * x + F.tanh(x), [x])
        return found

    t = np.tanh(0.7)
    second = grad(first)(0.7)
    assert second == pytest.approx(6 * 0.7 - 2 * t * (1 - t**2), rel=1e-13)
    third = grad(lambda x: reverse(first(x), [x])[0])(0.7)
    assert third == pytest.approx(6 - 2 * (1 - t**2) * (1 - 3 * t**2), rel=1e-13)


def test_a_gradient_through_an_auxiliary_output_is_refused():
    """The second derivative of cross-entropy would pass its probabilities: one clear error."""
    recorder = Recorder()
    logits, labels = recorder.input("z", (1, 2, 3)), recorder.input("k", (1, 2), "int")
    loss, _ = F.cross_entropy(logits, labels, smoothing=0.0)
    (first,) = reverse(F.sum(loss), [logits])
    with pytest.raises(ValueError, match="cross_entropy_grad reads an auxiliary output"):
        reverse(F.sum(F.square(first)), [logits])


def test_a_gradient_with_respect_to_gathered_data_is_refused():
    """Gather has no gradient for its data, and says so instead of giving zeros."""
    recorder = Recorder()
    data, index = recorder.input("data", (4, 2)), recorder.input("i", (1, 3), "int")
    with pytest.raises(ValueError, match="gather has no gradient"):
        reverse(F.sum(F.gather(data, index, scale=1.0)), [data])


def test_broadcasting_is_summed_in_every_axis():
    """The gradient of a bias, a per-run factor and an immediate has the argument's own shape."""
    g = stream(1, "broadcast")
    x, bias, rate = g.standard_normal((2, 3, 4)), g.standard_normal((2, 1, 4)), np.ones((2, 1, 1))
    assert check_gradients(lambda x, b, r: (x + b) * r * F.tanh(b), x, bias, rate)
    assert check_gradients(lambda x, b: x * b, x, np.array(0.3))
    assert check_gradients(lambda x, b: x * b, x, g.standard_normal(4))
