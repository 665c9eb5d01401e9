"""The generated task: the same bits everywhere, and a ladder of difficulty."""

import warnings

import numpy as np
import pytest

from steepest.data.mnist1d import TEMPLATES, _bell, _smooth, generate, load_mnist1d
from steepest.seeds import stream


def test_shapes_and_balance():
    data = load_mnist1d()
    assert (data.x.shape, data.test_x.shape, data.x.dtype) == ((4000, 40), (1000, 40), np.float32)
    assert np.bincount(data.y).tolist() == [400] * 10
    assert np.bincount(data.test_y).tolist() == [100] * 10


def test_the_digest_is_golden():
    """Another machine or version must make the same bits, or old results lose their data."""
    golden = "775ac5f35872e038254a395cbba70a9d196508492e53e7a1212ecdddd3775caa"
    assert load_mnist1d().digest == golden


def test_the_noise_has_the_variance_it_says():
    """Both noises have mean 0 and variance 1 before they are scaled, within 4 sigma."""
    noise = _bell(stream(1, "noise"), (5000, 48))
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert abs(noise.std() - 1) < 4 / np.sqrt(2 * noise.size)
    smooth = _smooth(noise)
    assert smooth.shape == (5000, 40)
    assert abs(smooth.std() - 1) < 0.02
    assert np.corrcoef(smooth[:, 10], smooth[:, 12])[0, 1] > 0.5


def test_without_noise_the_template_is_what_is_seen(monkeypatch):
    """Undisturbed, an example's best-fitting stretched template is its own class's."""
    for name in ("CORRELATED", "INDEPENDENT", "SHEAR"):
        monkeypatch.setattr(f"steepest.data.mnist1d.{name}", 0.0)
    x, y = generate(20, stream(2, "clean"))
    centred = (TEMPLATES - 4) / 4
    for row, label in zip(x, y, strict=True):
        fits = {}
        for candidate, template in enumerate(centred):
            for total in range(36, 53):
                place = np.arange(40) / 39 * (total - 1)
                padded = np.array([0, *template, 0])
                for offset in np.arange(0.25, 0.75, 0.02) * (total - 12):
                    shape = np.interp(place - offset, np.arange(-1, 13), padded)
                    error = ((row - shape * (row @ shape) / (shape @ shape)) ** 2).sum()
                    fits[candidate] = min(error, fits.get(candidate, np.inf))
        assert min(fits, key=fits.get) == label


@pytest.mark.slow
def test_linear_models_fail_where_networks_do_not():
    """A linear classifier gets 25 to 40 %, a network of two hidden layers over 65 %."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    data = load_mnist1d()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # neither is trained to the end
        linear = LogisticRegression(max_iter=200).fit(data.x, data.y)
        network = MLPClassifier((100, 100), max_iter=60, random_state=0).fit(data.x, data.y)
    assert 0.25 < linear.score(data.test_x, data.test_y) < 0.40
    assert network.score(data.test_x, data.test_y) > 0.65
