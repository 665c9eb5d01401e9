"""Functions of single examples: what they see, what comes out, and by whom it was made."""

import sys
from pathlib import Path

import numpy as np
import pytest

from steepest.data import from_arrays
from steepest.data.pipeline import Pipeline, transform
from steepest.errors import DataError, UsageError
from steepest.identity import run_identity
from steepest.seeds import stream
from steepest.spec import from_plain
from steepest.train.loop import train
from steepest.train.session import read_state

HERE = str(Path(__file__).parent)
X = stream(0, "pipeline").integers(0, 256, (2, 12, 4, 4, 1)).astype(np.uint8)


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """Let `transforms` be imported here and, because they inherit the path, by workers."""
    monkeypatch.syspath_prepend(HERE)


def made(name, x=X, seeds=(3, 4), epoch=1, start=0):
    return transform(x, seeds, epoch, start, ((f"transforms:{name}",), 1 / 255, "float32"))


def test_bytes_are_scaled_as_stored_ones_are():
    """A function that changes nothing gives the bits that gathering stored bytes gives."""
    expected = X.astype(np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(made("same"), expected)


@pytest.mark.parametrize("name", ["noisy", "shuffled", "composed"])
def test_randomness_is_a_function_of_run_epoch_and_position(name):
    """Every kind of generator repeats; another seed, epoch or position gives another result."""
    first = made(name)
    np.testing.assert_array_equal(first, made(name))
    parts = [made(name, X[:, :5]), made(name, X[:, 5:], start=5)]
    np.testing.assert_array_equal(first, np.concatenate(parts, axis=1))
    np.testing.assert_array_equal(first[1:], made(name, X[1:], seeds=(4,)))
    for other in ({"seeds": (8, 9)}, {"epoch": 2}, {"start": 12}):
        assert (made(name, **other) != first).any()


def test_what_a_function_does_wrong_is_named():
    """A changed shape and an exception say which function it was."""
    with pytest.raises(
        DataError, match=r"'transforms:larger' made shape \(6, 4, 1\) of \(4, 4, 1\)"
    ):
        made("larger")
    with pytest.raises(UsageError, match=r"'transforms:broken' failed .* RuntimeError: cannot see"):
        made("broken")


def test_workers_deliver_in_order_whatever_their_number():
    """Two workers, ahead of training, give what one process computes; failures arrive as such."""
    pipeline = Pipeline(["transforms:noisy"], 1 / 255, np.float32, workers=2)
    try:
        pieces = [X[:, k : k + 5] for k in range(0, 12, 5)]
        found = list(pipeline.batches(iter(pieces), (3, 4), 1))
        np.testing.assert_array_equal(np.concatenate(found, axis=1), made("noisy"))
        left = pipeline.batches(iter(pieces), (3, 4), 1)
        next(left)
        left.close()  # whoever stops early leaves nothing behind
    finally:
        pipeline.close()


def images():
    g = stream(1, "pipeline")
    x = g.integers(0, 256, (60, 4, 4, 1)).astype(np.uint8)
    return from_arrays("images", x, g.integers(0, 3, 60), (x[:6], np.arange(6) % 3))


def last_weights(augment, epochs=2, state=None):
    spec = from_plain(
        {"data": "images", "model": "mlp(hidden=[6])", "epochs": epochs, "batch_size": 16}
        | {"augment": augment, "seed": 2}
    )
    for epoch, session in train(spec, images(), state=state):
        found = read_state(session, epoch.epoch)
    return found


def test_training_through_workers():
    """An idle function leaves a run's bits alone; a random one repeats, resumed or not."""
    same, unchanged = last_weights(["transforms:same"]), last_weights([])
    np.testing.assert_array_equal(same.arrays["params"], unchanged.arrays["params"])
    noisy = last_weights("transforms:noisy")
    resumed = last_weights("transforms:noisy", state=last_weights("transforms:noisy", epochs=1))
    assert (noisy.arrays["params"] != same.arrays["params"]).any()
    np.testing.assert_array_equal(noisy.arrays["params"], resumed.arrays["params"])


def test_a_function_comes_first_takes_no_options_and_is_identified_by_its_source():
    """Order and options are checked; the key holds a digest of the function's file."""
    with pytest.raises(UsageError, match="come before batch transforms"):
        from_plain({"augment": ["flip", "transforms:same"]})
    with pytest.raises(UsageError, match="takes no options"):
        from_plain({"augment": [{"name": "transforms:same", "p": 1}]})
    with pytest.raises(UsageError, match="has no 'sme'; did you mean 'same'"):
        from_plain({"augment": "transforms:sme"})
    for name in ("same", "composed"):
        found = run_identity(from_plain({"augment": f"transforms:{name}"}), "d")
        assert len(found["parts"][f"augment.transforms:{name}"]) == 64
    assert "transforms" in sys.modules
