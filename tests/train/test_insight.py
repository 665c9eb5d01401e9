"""Looking inside: filters, layer outputs, confusion and mistakes against plain NumPy."""

import numpy as np
import pytest

from steepest.data import from_arrays, split
from steepest.errors import UsageError
from steepest.nn import BatchNorm, Chain, Conv2D, Dropout, Flatten, Linear, MaxPool, ReLU
from steepest.seeds import stream
from steepest.spec import from_plain
from steepest.train.insight import Examined, examine, first_filters, layer_outputs, seen_rows
from steepest.train.model import Model

G = stream(0, "insight")
X = G.integers(0, 256, (90, 6, 6, 1)).astype(np.uint8)
Y = G.integers(0, 3, 90)


@pytest.fixture(scope="module")
def model():
    layers = (Conv2D(4), BatchNorm(), ReLU(), MaxPool(), Flatten(), Dropout(0.5), Linear("classes"))
    fitted = Model(Chain(*layers), seed=1)
    fitted.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    return fitted


def test_layer_outputs_end_in_what_predict_returns(model):
    """Every layer has its output; the softmax of the last is `predict`, without dropout."""
    found = layer_outputs(model, X[:7])
    names = ["0 Conv2D", "1 BatchNorm", "2 ReLU", "3 MaxPool", "4 Flatten", "5 Dropout", "6 Linear"]
    assert list(found) == names
    assert found["0 Conv2D"].shape == (7, 6, 6, 4)
    np.testing.assert_array_equal(found["2 ReLU"], np.maximum(found["1 BatchNorm"], 0))
    np.testing.assert_array_equal(found["5 Dropout"], found["4 Flatten"])
    e = np.exp(found["6 Linear"])
    np.testing.assert_allclose(e / e.sum(1, keepdims=True), model.predict(X[:7]), rtol=1e-5)


def test_layer_outputs_are_normalized_as_in_training():
    """Where inputs were centred and scaled, so are those that are looked at."""
    x = G.normal(3, 2, (60, 5)).astype(np.float32)
    fitted = Model("mlp(hidden=[4])")
    fitted.fit(x, Y[:60], epochs=1, normalize=True, verbose=0)
    last = list(layer_outputs(fitted, x).values())[-1]
    assert (last.argmax(1) == fitted.predict(x).argmax(1)).all()


def test_first_filters_are_windows_images_or_rows(model):
    """A convolution's windows, a linear layer's weights as images, or as one row of features."""
    state = model.state.arrays["params"]
    filters = first_filters(model)
    assert filters.shape == (4, 3, 3, 1)
    assert np.isin(filters, state).all()
    flat = Model("mlp(hidden=[5])")
    flat.fit(X, Y, epochs=1, verbose=0)
    assert first_filters(flat).shape == (5, 6, 6, 1)
    w = flat.state.arrays["params"][: 36 * 5].reshape(36, 5)
    np.testing.assert_array_equal(first_filters(flat)[2], w[:, 2].reshape(6, 6, 1))
    rows = Model("mlp(hidden=[5])")
    rows.fit(G.normal(size=(60, 7)), Y[:60], epochs=1, verbose=0)
    assert first_filters(rows).shape == (5, 1, 7, 1)


def test_examined_counts_and_sorts():
    """Confusion and loss are counted; mistakes come surest first, right ones never."""
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.95, 0.05], [0.4, 0.6]])
    found = Examined(p, np.array([0, 0, 0, 1, 1]))
    np.testing.assert_array_equal(found.measure.confusion, [[1, 2], [1, 1]])
    chosen = [0.9, 0.2, 0.3, 0.05, 0.6]
    assert found.measure.loss == pytest.approx(-np.log(chosen).mean())
    assert found.mistakes(10).tolist() == [3, 1, 2]
    assert found.mistakes(1).tolist() == [3]


def test_examine_agrees_with_evaluate(model):
    """The same weights and examples give the measurements of `Model.evaluate`."""
    measure, plain = examine(model, X, Y).measure, model.evaluate(X, Y)
    assert measure.confusion.tolist() == plain["confusion"]
    assert measure.loss == pytest.approx(plain["loss"], rel=1e-5)


def test_seen_rows_are_those_held_out():
    """Validation rows are the run's own split; without one there is nothing to look at."""
    dataset = from_arrays("images", X, Y, (X[:9], Y[:9]))
    spec = from_plain({"data": "images", "seed": 5, "validation": 0.3})
    np.testing.assert_array_equal(seen_rows(spec, dataset), split(Y, 0.3, 5)[1])
    with pytest.raises(UsageError, match="held out no validation examples; --test"):
        seen_rows(from_plain({"data": "images", "validation": 0.0}), dataset)


def test_what_has_no_inside_says_so():
    """A model without weights, and a regression's confusion, are refused in one sentence."""
    with pytest.raises(UsageError, match="no weights yet"):
        first_filters(Model("mlp"))
    regression = Model("mlp(hidden=[3])")
    regression.fit(G.normal(size=(30, 4)), G.normal(size=(30, 1)), epochs=1, verbose=0)
    with pytest.raises(UsageError, match="only a classifier"):
        examine(regression, X[:2], Y[:2])
