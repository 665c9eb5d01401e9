"""`check_gradients` passes what is right and fails loudly on what is wrong."""

import numpy as np

from steepest.program import F, check_gradients
from steepest.program.check import random_arrays
from steepest.program.primitive import Primitive, elementwise


def test_a_wrong_vjp_fails_and_the_worst_entry_is_named():
    """Cubing with the derivative of squaring: the entry with the largest error is named."""
    cube = elementwise("cube", lambda x: x**3, lambda g, _y, x: 2.0 * g * x, real=True)
    x = np.array([[0.1, 0.2], [3.0, 0.3]])
    found = check_gradients(cube, x)
    assert not found
    assert found.error > 0.1
    assert found.worst.startswith("argument 0 at [1, 0]:")
    assert "FAILED" in str(found)
    assert "argument 0 at [1, 0]" in str(found)


def test_an_error_in_one_entry_of_one_argument_is_found():
    """A vjp that is wrong for a single element of the second argument."""
    spoil = np.zeros((3, 4))
    spoil[2, 1] = 1e-3
    product = Primitive(
        "product",
        lambda a, _b: [(a.shape, "real")],
        lambda a, b: a * b,
        (lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * (a + spoil)),
    )
    a, b = random_arrays([(3, 4), (3, 4)])
    found = check_gradients(product, a, b)
    assert not found
    assert found.worst.startswith("argument 1 at [2, 1]:")


def test_a_missing_vjp_fails():
    """A primitive declared constant (no vjp) that is not constant."""
    lost = elementwise("lost", np.exp, None, real=True)
    assert not check_gradients(lost, np.array([1.0]))


def test_what_is_right_passes_with_its_error():
    """A composition of many primitives, with an input that is not differentiated."""
    x, w = random_arrays([(2, 5, 3), (2, 3, 4)], seed=4)
    labels = np.array([[0, 1, 2, 3, 0], [1, 1, 2, 0, 3]])
    found = check_gradients(
        lambda x, w, labels: F.cross_entropy(F.tanh(x @ w), labels, smoothing=0.2)[0],
        x,
        w,
        fixed={"labels": (labels, "int")},
    )
    assert found
    assert found.error < 1e-9
    assert "passed" in str(found)


def test_the_check_is_repeatable():
    """The same seed gives the same error to the last bit."""
    x = np.array([0.3, 0.9])
    assert check_gradients(F.exp, x) == check_gradients(F.exp, x)
