"""Resampling of images: definitions, and the kernels of both engines."""

import numpy as np
import pytest
from scipy import ndimage

from steepest.engine.executor import bind_programs
from steepest.engine.numpy_engine import NumpyEngine
from steepest.program import F, Recorder, reverse
from steepest.seeds import stream

G = stream(0, "sample")
X = G.uniform(0.1, 1.0, (2, 5, 6, 7, 3))
IDENTITY = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def places(*numbers):
    return np.tile(np.array(numbers), (2, 5, 1))


def matrices(*numbers):
    return np.tile(np.array(numbers, float), (2, 5, 1))


def test_crop_moves_whole_pixels():
    """Row and column say where the window begins; what is outside is 0."""
    y = F.crop(X, places(2, -3, 0))
    np.testing.assert_array_equal(y[:, :, :4, 3:], X[:, :, 2:, :4])
    assert not y[:, :, 4:].any()
    assert not y[:, :, :, :3].any()


def test_crop_mirrors_before_it_moves():
    """With mirrored = 1 the image is turned left to right first; alone it is np.flip."""
    np.testing.assert_array_equal(F.crop(X, places(0, 0, 1)), X[:, :, :, ::-1])
    y = F.crop(X, places(0, 2, 1))
    np.testing.assert_array_equal(y[:, :, :, :5], X[:, :, :, ::-1][:, :, :, 2:])


def test_crop_far_outside_is_empty():
    """A window that misses the image holds zeros."""
    for place in ((9, 0, 0), (-9, 0, 0), (0, 99, 0), (0, -7, 1)):
        assert not F.crop(X, places(*place)).any()


def test_every_image_has_numbers_of_its_own():
    """Examples and runs are moved independently."""
    place = np.stack(
        [G.integers(-3, 4, (2, 5)), G.integers(-3, 4, (2, 5)), X[..., 0, 0, 0] > 0.5], -1
    )
    whole = F.crop(X, place)
    for r, n in np.ndindex(2, 5):
        alone = F.crop(X[r : r + 1, n : n + 1], place[r : r + 1, n : n + 1])
        np.testing.assert_array_equal(whole[r, n], alone[0, 0])


def test_warp_by_the_identity_is_exact():
    """No pixel changes by a bit, in float32 too."""
    x = X.astype(np.float32)
    np.testing.assert_array_equal(F.warp(x, matrices(*IDENTITY).astype(np.float32)), x)


def test_warp_by_whole_pixels_is_crop():
    """A translation by (2, -3) reads what a crop at (2, -3) reads."""
    moved = F.warp(X, matrices(1, 0, 2, 0, 1, -3))
    np.testing.assert_allclose(moved, F.crop(X, places(2, -3, 0)), atol=1e-12)


def test_warp_by_a_quarter_turn_is_rot90():
    """A rotation by 90 degrees of a square image moves whole pixels."""
    square = X[:, :, :6, :6]
    turned = F.warp(square, matrices(0, 1, 0, -1, 0, 0))
    np.testing.assert_allclose(turned, np.rot90(square, axes=(2, 3)), atol=1e-12)


def test_warp_equals_scipy():
    """Any affine map equals scipy.ndimage with zeros around the image."""
    numbers = G.uniform(-1.2, 1.2, (2, 5, 6))
    y = F.warp(X, numbers)
    centre = 0.5 * (np.array(X.shape[2:4]) - 1)
    for r, n, k in np.ndindex(2, 5, 3):
        a, b, c, d, e, f = numbers[r, n]
        matrix = np.array([[a, b], [d, e]])
        offset = centre + np.array([c, f]) - matrix @ centre
        expected = ndimage.affine_transform(
            X[r, n, :, :, k], matrix, offset, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(y[r, n, :, :, k], expected, atol=1e-12)


def engines():
    yield NumpyEngine(np.float64)
    try:
        from steepest.engine.torch_engine import TorchEngine
    except ImportError:
        return
    yield TorchEngine(np.float64)


@pytest.mark.parametrize("name", ["crop", "warp"])
def test_kernels_equal_the_definition(name):
    """NumPy and torch give what the definition gives, twice in a row."""
    kind = {"crop": "int", "warp": "real"}[name]
    numbers = (
        np.stack(
            [G.integers(-8, 9, (2, 5)), G.integers(-8, 9, (2, 5)), G.integers(0, 2, (2, 5))], -1
        )
        if kind == "int"
        else G.uniform(-1.5, 1.5, (2, 5, 6))
    )
    expected = getattr(F, name)(X, numbers)
    recorder = Recorder()
    x = recorder.input("x", X.shape)
    y = getattr(F, name)(x, recorder.input("numbers", numbers.shape, kind))
    program = recorder.program({"y": y + 0.0 * x})
    for engine in engines():
        bound = bind_programs({"one": program}, engine, {})["one"]
        for _ in range(2):
            engine.write(bound.inputs["x"], X)
            engine.write(bound.inputs["numbers"], numbers)
            bound.replay()
            np.testing.assert_allclose(engine.numpy(bound.outputs["y"]), expected, atol=1e-12)


def test_what_does_not_fit_is_named():
    """Wrong axes, wrong counts and gradients of images are ValueErrors that say so."""
    recorder = Recorder()
    x = recorder.input("x", (2, 5, 6, 7, 3))
    place = recorder.input("place", (2, 5, 3), "int")
    with pytest.raises(ValueError, match=r"axes \(R, N, H, W, C\)"):
        F.crop(F.reshape(x, shape=(2, 5, 42, 3)), place)
    with pytest.raises(ValueError, match="6 numbers of kind real"):
        F.warp(x, place)
    with pytest.raises(ValueError, match="crop has no gradient with respect to its images"):
        reverse(F.sum(F.crop(x, place), axis=(1, 2, 3, 4)), [x])
