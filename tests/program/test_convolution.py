"""The definitions of convolution and pooling against plain loops, and their gradients."""

import numpy as np
import pytest

from steepest.program import F, check_gradients, record, reverse
from steepest.program.check import random_arrays
from steepest.program.convolution import extent

CASES = [(1, 1, 1, 3), (2, 1, 1, 3), (1, 0, 2, 3), (3, 2, 1, 4), (2, 0, 1, 1)]


def looped(x, w, stride, padding, groups):
    """Return the convolution of one run by seven loops, one multiply-add at a time."""
    examples, height, width, _ = x.shape
    rows, columns, inner, outer = w.shape
    size = extent(height, rows, stride, padding), extent(width, columns, stride, padding)
    y = np.zeros((examples, *size, outer))
    for n, p, q, o in np.ndindex(y.shape):
        for i, j, c in np.ndindex(rows, columns, inner):
            line, column = stride * p + i - padding, stride * q + j - padding
            if 0 <= line < height and 0 <= column < width:
                channel = o // (outer // groups) * inner + c
                y[n, p, q, o] += x[n, line, column, channel] * w[i, j, c, o]
    return y


@pytest.mark.parametrize(("stride", "padding", "groups", "window"), CASES)
def test_convolution_equals_seven_loops(stride, padding, groups, window):
    x, w = random_arrays([(2, 2, 5, 6, 4), (2, window, window, 4 // groups, 6)])
    y = F.conv2d(x, w, stride=stride, padding=padding, groups=groups)
    for run in range(2):
        expected = looped(x[run], w[run], stride, padding, groups)
        assert np.abs(y[run] - expected).max() < 1e-13


@pytest.mark.parametrize(("stride", "padding", "groups", "window"), CASES)
def test_the_three_operators_differentiate_each_other(stride, padding, groups, window):
    """Gradients of the convolution and of both of its gradients equal differences."""
    how = {"stride": stride, "padding": padding, "groups": groups}
    x, w, b = random_arrays([(2, 3, 6, 7, 4), (2, window, window, 4 // groups, 6), (2, 6)])
    (g,) = random_arrays([F.conv2d(x, w, **how).shape], seed=1)
    assert check_gradients(lambda x, w, b: F.conv2d(x, w, b, **how), x, w, b)
    assert check_gradients(lambda g, w: F.conv2d_input(g, w, size=(6, 7), **how), g, w)
    windows = (window, window)
    assert check_gradients(lambda x, g: F.conv2d_weight(x, g, window=windows, **how), x, g)


@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (2, 1), (1, 2)])
def test_pooling_equals_loops(window, stride):
    """Each result is the maximum, or the mean, of the pixels in its window."""
    (x,) = random_arrays([(1, 2, 7, 6, 3)])
    largest, where = F.max_pool(x, window=window, stride=stride)
    mean = F.avg_pool(x, window=window, stride=stride)
    for _, n, p, q, c in np.ndindex(largest.shape):
        top, left = p * stride, q * stride
        seen = x[0, n, top : top + window, left : left + window, c]
        assert largest[0, n, p, q, c] == seen.max()
        assert abs(mean[0, n, p, q, c] - seen.mean()) < 1e-14
        line, column = divmod(int(where[0, n, p, q, c]), 6)
        assert seen[line, column] == seen.max()


def test_pooling_and_normalization_have_the_gradient_of_differences():
    x, gain, shift = random_arrays([(2, 3, 7, 6, 4), (2, 1, 1, 1, 4), (2, 1, 1, 1, 4)])
    for window, stride in [(2, 2), (3, 2), (2, 1)]:
        how = {"window": window, "stride": stride}
        assert check_gradients(lambda x, how=how: F.max_pool(x, **how)[0], x)
        assert check_gradients(lambda x, how=how: F.avg_pool(x, **how), x)
    axes = (1, 2, 3)
    assert check_gradients(
        lambda x, g, s: F.normalize(x, g, s, axes=axes, eps=1e-5)[0], x, gain, shift
    )


def test_second_derivatives_that_are_not_defined_are_refused():
    """Through the place of a maximum, and through batch statistics."""

    def twice(function):
        def program(x):
            (dx,) = reverse(function(x), [x])
            return {"ddx": reverse(dx * dx, [x])[0]}

        return program

    with pytest.raises(ValueError, match="no gradient"):
        record(twice(lambda x: F.square(F.max_pool(x, window=2, stride=2)[0])), x=(1, 1, 4, 4, 1))


def test_flops_of_a_convolution_are_counted_by_the_formula():
    """2 h w C / groups per result, the bias one more; both gradients as many."""
    how = {"stride": 1, "padding": 1, "groups": 2}

    def step(x, w, b):
        y = F.conv2d(x, w, b, **how)
        dx, dw = reverse(y, [x, w])
        return {"y": y, "dx": dx, "dw": dw}

    program = record(step, x=(1, 5, 8, 8, 4), w=(1, 3, 3, 2, 6), b=(1, 6))
    flops = {i.primitive.name: program.flops_of(i) for i in program.instructions}
    results = 5 * 8 * 8 * 6
    assert flops["conv2d"] == results * (2 * 9 * 2 + 1)
    assert flops["conv2d_input"] == flops["conv2d_weight"] == results * 2 * 9 * 2


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((1, 2, 4, 4, 3), (1, 3, 3, 2, 4)), "3 channels to 4 do not divide into 1 groups"),
        (((1, 2, 4, 4, 3), (1, 7, 7, 3, 4)), "window 7×7 is larger than the image 4×4"),
        (((1, 2, 4, 4), (1, 3, 3, 4, 4)), "images need the axes"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, words):
    x, w = shapes
    with pytest.raises(ValueError, match=words):
        record(lambda x, w: {"y": F.conv2d(x, w, stride=1, padding=0, groups=1)}, x=x, w=w)
