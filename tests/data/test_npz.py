"""A user's npz file."""

import numpy as np
import pytest

from steepest.data.source import load
from steepest.errors import DataError
from steepest.seeds import stream

X = stream(0, "x").random((30, 4))
Y = np.arange(30) % 3


def test_all_names_of_the_arrays_are_known(tmp_path):
    """Ours and Keras' names, with and without a test pair; other members are passed over."""
    np.savez(tmp_path / "a.npz", x=X, y=Y, test_x=X[:6], test_y=Y[:6], note=np.array("hello"))
    np.savez_compressed(tmp_path / "b.npz", x_train=X, y_train=Y, x_test=X[:6], y_test=Y[:6])
    first, second = load(tmp_path / "a.npz"), load(tmp_path / "b.npz")
    assert first.digest == second.digest
    assert np.array_equal(first.x, X.astype(np.float32))
    assert (first.n, len(first.test_x), first.classes) == (30, 6, ("0", "1", "2"))
    np.savez(tmp_path / "c.npz", x=X, y=Y)
    assert (load(tmp_path / "c.npz").n, len(load(tmp_path / "c.npz").test_x)) == (24, 6)


def test_objects_are_never_unpickled(tmp_path):
    class Canary:
        def __reduce__(self):
            return (open, (str(tmp_path / "canary"), "w"))

    np.savez(tmp_path / "a.npz", x=np.array([[Canary()]] * 5, dtype=object), y=Y[:5])
    with pytest.raises(DataError, match="Python objects"):
        load(tmp_path / "a.npz")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X, "b": Y}, r"a\.npz holds a, b; 'x' and 'y'"),
        ({"x": X}, "'x' and 'y'"),
        ({"x": X, "y": Y, "test_x": X}, "'test_x' without its partner"),
        ({"x": X, "y": Y[:9]}, r"a\.npz: x has 30 examples, but y has 9"),
        ({"x": X, "y": Y, "test_x": X[:0], "test_y": Y[:0]}, "'test_x' is empty"),
        ({"x": np.full((5, 2), np.nan), "y": Y[:5]}, r"a\.npz: x is not finite .* row 0"),
        ({"x": X, "y": Y - 1}, r"a\.npz: y row 0 .*: label -1"),
        ({"x": X.astype(str), "y": Y}, "x has dtype <U"),
        ({"x": X[:1], "y": Y[:1]}, "too few to hold out a test set"),
        ({"x": X.astype("datetime64[s]"), "y": Y}, "not that of a plain array"),
    ],
)
def test_bad_files_are_named(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize("cut", range(32))
def test_a_cut_file_is_refused(tmp_path, cut):
    np.savez_compressed(tmp_path / "a.npz", x=X, y=Y)
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: cut * len(whole) // 32])
    with pytest.raises(DataError, match=r"a\.npz"):
        load(tmp_path / "a.npz")
