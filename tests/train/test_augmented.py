"""Training with augmentation: resumed, batched, on both engines; evaluation is left alone."""

import numpy as np
import pytest

from steepest.data import from_arrays
from steepest.identity import run_key
from steepest.seeds import stream
from steepest.spec import from_plain
from steepest.train.evaluate import evaluate
from steepest.train.loop import train, train_session
from steepest.train.session import open_session, read_state

ALL = "crop(padding=1),flip,cutout(size=2),rotate(degrees=20, shift=1),jitter,mixup"
PLAIN = {"data": "images", "model": "mlp(hidden=[8])", "epochs": 3, "batch_size": 16, "seed": 4}


@pytest.fixture(scope="module")
def dataset():
    """Return 110 images of 6×6 in three classes, the class seen as brightness of a corner."""
    g = stream(0, "augmented")
    y = g.integers(0, 3, 110)
    x = g.integers(0, 100, (110, 6, 6, 1)).astype(np.uint8)
    x[np.arange(110), y, y] = 255
    return from_arrays("images", x, y, (x[:30], y[:30]))


def trained(spec, dataset, state=None):
    for epoch, session in train(spec, dataset, state=state):
        last, where = epoch, session
    return last, read_state(where, last.epoch)


@pytest.mark.parametrize("augment", ["crop(padding=1)", "flip", "mixup", ALL])
def test_an_augmented_run_differs_and_repeats(augment, dataset):
    """The same spec gives the same bits; augmentation changes them."""
    spec = from_plain(PLAIN | {"augment": augment})
    first, again = trained(spec, dataset)[1], trained(spec, dataset)[1]
    np.testing.assert_array_equal(first.arrays["params"], again.arrays["params"])
    plain = trained(from_plain(PLAIN), dataset)[1]
    assert (first.arrays["params"] != plain.arrays["params"]).any()


def test_resumed_equals_uninterrupted(dataset):
    """Stopped after one epoch of three and resumed, an augmented run ends with the same bits."""
    spec = from_plain(PLAIN | {"augment": ALL})
    runs = train(spec, dataset)
    epoch, session = next(runs)
    state = read_state(session, epoch.epoch)
    whole, resumed = trained(spec, dataset)[1], trained(spec, dataset, state)[1]
    for name, values in whole.arrays.items():
        np.testing.assert_array_equal(values, resumed.arrays[name])


def test_batched_runs_equal_separate_ones(dataset):
    """Three seeds in one program see the numbers each would draw alone."""
    specs = [from_plain(PLAIN | {"augment": ALL, "seed": s}) for s in (1, 2, 7)]
    session = open_session(specs, dataset)
    for _ in train_session(session):
        pass
    for r, spec in enumerate(specs):
        alone = trained(spec, dataset)[1]
        together = read_state(session, 3, r)
        np.testing.assert_array_equal(alone.arrays["params"], together.arrays["params"])


def test_evaluation_never_augments(dataset):
    """Evaluated by an augmented session and by a plain one, the same weights measure the same."""
    rows = np.arange(110)[None]
    measures = []
    for extra in ({}, {"augment": ALL}):
        session = open_session([from_plain(PLAIN | extra)], dataset)
        measures.append(evaluate(session, rows)[0])
    assert measures[0].loss == measures[1].loss
    np.testing.assert_array_equal(measures[0].confusion, measures[1].confusion)


def test_shapes_are_fixed_when_recorded(dataset):
    """One training program, and one for the tail, serve all epochs: it stays capturable."""
    session = open_session([from_plain(PLAIN | {"augment": ALL})], dataset)
    codes = {name: bound.code for name, bound in session.bound.items()}
    list(train_session(session))
    assert all(session.bound[name].code is code for name, code in codes.items())


def test_statistics_of_normalization_are_those_of_plain_training_images(dataset):
    """Centring uses every training image as stored, per channel, after augmentation."""
    spec = from_plain(PLAIN | {"augment": "crop(padding=2)", "normalize": True})
    session = open_session([spec], dataset)
    x = dataset.x[session.split.train[0]] / 255
    shift, gain = (session.engine.numpy(session.shared[n])[0, 0] for n in ("shift", "gain"))
    np.testing.assert_allclose(shift, np.full((6, 6, 1), x.mean()), rtol=1e-6)
    np.testing.assert_allclose(gain, np.full((6, 6, 1), 1 / x.std()), rtol=1e-6)


@pytest.mark.torch
def test_engines_agree(dataset):
    """NumPy and torch train alike with every augmentation, in float64."""
    pytest.importorskip("torch")
    plain = PLAIN | {"augment": ALL, "precision": "float64", "epochs": 2}
    found = [
        trained(from_plain(plain | {"engine": engine}), dataset)[1].arrays["params"]
        for engine in ("numpy", "torch")
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)


def test_augmentation_is_part_of_the_key_and_probes_are_not():
    """What changes bits changes the key; what only looks does not."""
    base = run_key(from_plain(PLAIN), "d")
    assert run_key(from_plain(PLAIN | {"augment": "flip"}), "d") != base
    assert run_key(from_plain(PLAIN | {"augment": []}), "d") == base
    assert run_key(from_plain(PLAIN | {"probes": ["dead"]}), "d") == base
