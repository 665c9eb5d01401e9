"""What `fit` and `evaluate` are given: it acts, or it is refused with a sentence."""

import numpy as np
import pytest

from steepest import Model
from steepest.errors import DataError, UsageError
from steepest.nn import Chain, Flatten, Linear
from steepest.optim import SGD
from steepest.seeds import stream
from steepest.train.callback import EarlyStopping, LearningRateScheduler

DRAW = stream(0, "arguments")
X = DRAW.normal(0, 1, (60, 4)).astype(np.float32)
NAMES = np.array(["a", "b", "c"])[X[:, :3].argmax(axis=1)]
BYTES = DRAW.integers(0, 256, (60, 5, 5), dtype=np.uint8)
LABELS = np.arange(60) % 3


def _model(targets=NAMES, x=X, **options):
    model = Model(Chain(Flatten(), Linear("classes")))
    model.fit(x, targets, epochs=2, verbose=0, **options)
    return model


def test_names_mean_the_classes_of_the_training():
    """A part of the examples, of some classes only, is scored as in the whole."""
    model = _model()
    right = model.predict(X).argmax(axis=1) == np.searchsorted(["a", "b", "c"], NAMES)
    for name in "abc":
        some = name == NAMES
        assert model.evaluate(X[some], NAMES[some])["accuracy"] == pytest.approx(right[some].mean())
    with pytest.raises(DataError, match="'x' is not a class"):
        model.evaluate(X[:1], np.array(["x"]))


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_targets_of_another_kind_are_refused(engine):
    """Kernels take their widths from the data: a wrong one must never reach them."""
    if engine == "torch":
        pytest.importorskip("torch")
    model = Model(Chain(Flatten(), Linear("classes")), engine)
    model.fit(X, X[:, :3], epochs=1, verbose=0)
    for width in (1, 5, 2000):
        with pytest.raises(DataError, match=f"y has {width} numbers an example.*predicts 3"):
            model.evaluate(X, np.zeros((60, width), np.float32))
    with pytest.raises(DataError, match="y has labels an example"):
        model.evaluate(X, NAMES)
    whole = np.arange(180).reshape(60, 3)
    assert model.evaluate(X, whole)["loss"] == model.evaluate(X, whole.astype(float))["loss"]
    with pytest.raises(DataError, match="label 7"):
        _model(LABELS).evaluate(X, np.full(60, 7))


def test_validation_data_is_of_the_same_kind():
    """What is scaled in training is scaled there; other kinds are refused, classes may be more."""
    model = Model(Chain(Flatten(), Linear("classes")))
    apart = model.fit(BYTES, LABELS, epochs=1, verbose=0, validation_data=(BYTES, LABELS))
    assert apart.history["loss"][0] < 10
    wrong = [
        (BYTES / 255, LABELS, "has x of float32"),
        (BYTES.astype(int), LABELS, "has x of float32"),
        (BYTES, LABELS.astype(str), "names and numbers"),
        (BYTES, LABELS / 2, "has y of float32"),
        (BYTES, np.zeros((60, 2)), "validation_data: y is|has y of"),
        (BYTES[:, :4], LABELS, r"\(4, 5, 1\)"),
        (BYTES[:9], LABELS, "validation_data: x has 9 examples"),
    ]
    for x, y, words in wrong:
        with pytest.raises(DataError, match=words):
            model.fit(BYTES, LABELS, verbose=0, validation_data=(x, y))
    more = Model(Chain(Flatten(), Linear("classes")))
    more.fit(X, LABELS, epochs=1, verbose=0, validation_data=(X[:4], np.arange(4)))
    assert more.predict(X).shape == (60, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"early_stopping": EarlyStopping(patience=2)}, r"callbacks=\[EarlyStopping"),
        ({"classes": ("a", "b")}, "fit takes no classes"),
        ({"seed": 1}, "given to Model"),
        ({"smothing": 0.1}, "did you mean 'smoothing'"),
        ({"examples": 20, "validation_data": (X, NAMES)}, "either examples or validation_data"),
        ({"fold": "1/5", "validation_data": (X, NAMES)}, "either fold or validation_data"),
        ({"callbacks": [LearningRateScheduler({0: 0.1})] * 2}, "one LearningRateScheduler"),
        ({"callbacks": [object()]}, "has none of on_epoch_end"),
        ({"class_weights": {3: 2.0}}, r"3 is not one of 0\.\.2"),
        ({"class_weights": {0: np.nan}}, "class_weights"),
    ],
)
def test_nothing_is_ignored(options, words):
    with pytest.raises(UsageError, match=words):
        _model(**options)


def test_a_second_fit_takes_examples_of_the_same_kind():
    model = _model()
    with pytest.raises(UsageError, match=r"shape \(4,\) with 3 outputs, these have \(4,\) and 2"):
        model.fit(X, NAMES == "a", verbose=0)
    some = NAMES != "c"
    model.fit(X[some], NAMES[some], epochs=1, verbose=0)  # a part of the classes is none other
    assert model.predict(X).shape == (60, 3)
    numbered = _model(LABELS)
    numbered.fit(X, LABELS % 2, epochs=1, verbose=0)
    assert numbered.predict(X).shape == (60, 3)


def test_the_rate_may_be_given_beside_the_optimizer():
    """By the words of the command line."""
    ways = [
        {"optimizer": "sgd(lr=0.3)"}, {"optimizer": "sgd", "learning_rate": 0.3},
        {"optimizer": SGD, "lr": 0.3}, {"optimizer": SGD(lr=0.1), "lr": 0.3},
    ]  # fmt: skip
    assert len({_model(**how).predict(X).tobytes() for how in ways}) == 1
    with pytest.raises(UsageError, match="weight_decay"):
        _model(optimizer="adagrad", weight_decay=-1.0)


def test_class_weights_may_be_a_mapping():
    """As in Keras; a class that is not named weighs 1."""
    one, other = (_model(class_weights=w) for w in ({1: 3.0}, (1.0, 3.0, 1.0)))
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize("name", ["smoothing", "class_weights", "balanced"])
def test_what_is_for_classes_is_refused_where_there_are_none(name):
    value = {"smoothing": 0.1, "class_weights": (1.0, 2.0), "balanced": True}[name]
    with pytest.raises(UsageError, match=f"{name} is for classes"):
        _model(X[:, :2], **{name: value})
