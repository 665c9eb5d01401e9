"""`grad` of plain functions and `evaluate`, the slow oracle."""

import numpy as np
import pytest

from steepest.program import F, Recorder, grad, record
from steepest.program.gradient import evaluate


def test_gradient_of_a_plain_function():
    """Operators on both sides, powers, and arrays that are not symbols."""
    weights = np.array([1.0, 2.0, 3.0])

    def function(x):
        return F.sum((1.0 - x) ** 2 / (2.0 + weights * x) - (-x))

    x = np.array([0.5, 1.0, -0.25])
    d = 2.0 + weights * x
    expected = -2 * (1 - x) / d - (1 - x) ** 2 * weights / d**2 + 1
    np.testing.assert_allclose(grad(function)(x), expected, rtol=1e-14)


def test_argument_says_with_respect_to_what():
    """Argument 1 of x·y has the gradient x."""
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(grad(lambda a, b: F.sum(a * b), argument=1)(x, y), x)


def test_a_result_of_several_numbers_is_an_error():
    """The gradient of a vector is asked for: the message says what was returned."""
    with pytest.raises(ValueError, match=r"one number as result, not \[3\]"):
        grad(lambda x: x * 2.0)(np.ones(3))


def test_a_constant_function_has_gradient_zero():
    """A function that ignores its argument."""
    np.testing.assert_array_equal(grad(lambda _: 3.0)(np.ones(2)), np.zeros(2))


def test_a_symbol_has_no_truth_value():
    """Branching on a symbol would be recorded wrongly, so it is an error that names the way out."""
    with pytest.raises(TypeError, match=r"F\.where"):
        grad(lambda x: x or -x)(1.0)


def test_evaluate_returns_outputs_and_new_states():
    """New states are returned by the name of their pair; float32 stays float32."""
    recorder = Recorder()
    s = recorder.input("s", (2,))
    program = recorder.program({"twice": s * 2.0}, {"s": (s, s + 1.0)})
    found = evaluate(program, {"s": np.array([1.0, 2.0])}, np.float32)
    assert found["twice"].dtype == found["s"].dtype == np.float32
    np.testing.assert_array_equal(found["s"], [2.0, 3.0])


def test_record_names_inputs_and_outputs():
    """`record` declares one real input per keyword."""
    program = record(lambda a, b: {"sum": a + b}, a=(2, 3), b=(2, 1))
    assert list(program.inputs) == ["a", "b"]
    found = evaluate(program, {"a": np.ones((2, 3)), "b": np.ones((2, 1))})
    np.testing.assert_array_equal(found["sum"], np.full((2, 3), 2.0))
