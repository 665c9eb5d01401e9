"""Initial values: moments, bounds, orthogonality, streams."""

import numpy as np
import pytest

from steepest.nn import Constant, FanIn, Glorot, He, LeCun, Normal, Orthogonal, Zeros, zoo
from steepest.nn.arch import initial_values, layout, named_arrays
from steepest.nn.initial import INITIALS, fans
from steepest.seeds import stream

SHAPES = [(400, 300), (3, 3, 64, 96)]


def draw(initial, shape):
    return initial.draw(shape, stream(5, "initial"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("initial", "variance"),
    [
        (Normal(0.02), lambda _i, _o: 4e-4),
        (Glorot(), lambda i, o: 2 / (i + o)),
        (He(), lambda i, _o: 2 / i),
        (LeCun(), lambda i, _o: 1 / i),
        (FanIn(), lambda i, _o: 1 / (3 * i)),
    ],
)
def test_mean_and_variance(initial, variance, shape):
    """Mean 0 and the stated variance within five standard errors."""
    values = draw(initial, shape)
    expected = variance(*fans(shape))
    assert abs(values.mean()) < 5 * np.sqrt(expected / values.size)
    assert values.var() == pytest.approx(expected, rel=5 * np.sqrt(2 / values.size))


def test_glorot_is_uniform_within_its_bound():
    """No value beyond ±sqrt(6 / (in + out)), and some close to it."""
    values, bound = draw(Glorot(), (400, 300)), np.sqrt(6 / 700)
    assert 0.999 * bound < np.abs(values).max() <= bound


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (30, 30), (3, 3, 4, 16), (3, 3, 4, 64)])
def test_orthogonal_columns_or_rows(shape):
    """The shorter side is orthonormal times the gain."""
    matrix = draw(Orthogonal(gain=2.0), shape).reshape(-1, shape[-1])
    product = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(product, 4.0 * np.eye(len(product)), atol=1e-12)


def test_constants():
    """Zeros and constants draw nothing."""
    assert not draw(Zeros(), (3, 2)).any()
    assert (draw(Constant(0.5), (3,)) == 0.5).all()


def test_fans_of_vectors_matrices_and_windows():
    """The window multiplies both fans."""
    assert fans((7,)) == (7, 7)
    assert fans((7, 5)) == (7, 5)
    assert fans((3, 2, 7, 5)) == (42, 30)


@pytest.mark.parametrize("name", INITIALS)
def test_same_seed_same_values(name):
    """The table's initial values depend on seed and leaf's name, not on what was drawn before."""
    declared = zoo.mlp(hidden=(6, 5), initial=name).declare((4,), 3)
    first, again = (initial_values(declared.leaves, 3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    reordered = named_arrays(declared.leaves, initial_values(declared.leaves[::-1], 3))
    leaf = declared.leaves[0]
    np.testing.assert_array_equal(
        named_arrays(declared.leaves, first)[leaf.name].shape, reordered[leaf.name].shape
    )


def test_leaves_have_streams_of_their_own():
    """Two layers of one shape differ; another seed gives other values."""
    declared = zoo.mlp(hidden=(4, 4)).declare((4,), 3)
    values = named_arrays(declared.leaves, initial_values(declared.leaves, 0))
    other = named_arrays(declared.leaves, initial_values(declared.leaves, 1))
    assert np.any(values["1.w"] != values["3.w"])
    assert np.any(values["1.w"] != other["1.w"])


def test_decayed_leaves_come_first():
    """Weights form a prefix of the flat vector, in their order; biases follow."""
    declared = zoo.mlp(hidden=(6,)).declare((4,), 3)
    spans = layout(declared.leaves)
    assert list(spans) == ["1.w", "3.w", "1.b", "3.b"]
    assert [stop for _, stop in spans.values()] == [24, 42, 48, 51]


@pytest.mark.parametrize("name", [n for n in zoo.ARCHS if n != "described"])
def test_every_network_takes_initial_values(name):
    """All weights begin by them, and nothing else changes; the default is He's everywhere."""
    shape, classes = (32, 32, 3), 10
    he = zoo.ARCHS[name]()
    assert zoo.ARCHS[name](initial="he") == he
    before = he.declare(shape, classes).leaves
    leaves = zoo.ARCHS[name](initial="fan_in").declare(shape, classes).leaves
    assert [(a.name, a.shape) for a in leaves] == [(a.name, a.shape) for a in before]
    for leaf, old in zip(leaves, before, strict=True):
        assert leaf.initial == (FanIn() if leaf.name.endswith(".w") else old.initial)
