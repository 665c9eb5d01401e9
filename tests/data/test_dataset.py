"""The Dataset, its checks and its digest."""

import dataclasses

import numpy as np
import pytest

from steepest.data.dataset import from_arrays, take_classes
from steepest.errors import DataError, UsageError
from steepest.seeds import stream

X = stream(0, "x").random((40, 5)).astype(np.float32)
Y = np.arange(40) % 4
PIXELS = stream(0, "pixels").integers(0, 256, (40, 6, 5, 3)).astype(np.uint8)


def make(**changes):
    return from_arrays(**{"name": "toy", "x": X, "y": Y, "test": (X[:8], Y[:8]), **changes})


def test_images_stay_uint8_and_are_scaled_later():
    data = make(x=PIXELS, test=(PIXELS[:8], Y[:8]))
    assert data.x.dtype == np.uint8
    assert (data.shape, data.n, data.is_image, data.scale) == ((6, 5, 3), 40, True, 1 / 255)


def test_grey_images_get_their_channel():
    data = make(x=PIXELS[..., 0], test=(PIXELS[:8, ..., 0], Y[:8]))
    assert data.shape == (6, 5, 1)
    assert np.array_equal(data.x[..., 0], PIXELS[..., 0])


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.bool_, np.uint8])
def test_features_become_float32(dtype):
    """Also bytes without rows and columns: a table is no image."""
    data = make(x=(X * 9).astype(dtype), test=((X[:8] * 9).astype(dtype), Y[:8]))
    assert data.x.dtype == np.float32
    assert np.array_equal(data.x, (X * 9).astype(dtype).astype(np.float32))
    assert (data.scale, data.is_image) == (1.0, False)


def test_labels_strings_and_targets():
    """Integers and strings are classes, floats are targets (n, k)."""
    assert make().classes == ("0", "1", "2", "3")
    names = np.array(["cat", "ant", "dog", "bee"])[Y]
    data = make(y=names, test=(X[:8], names[:8]))
    assert data.classes == ("ant", "bee", "cat", "dog")
    assert np.array_equal(np.array(data.classes)[data.y], names)
    data = make(y=X[:, 0], test=(X[:8], X[:8, 0]))
    assert (data.y.shape, data.y.dtype, data.classes) == ((40, 1), np.float32, ())
    assert make(y=Y[:, None], test=(X[:8], Y[:8, None])).y.shape == (40,)


def test_whole_floats_are_labels_when_classes_are_named():
    assert make(y=Y.astype(float), classes="abcd").y.dtype == np.int64


def test_a_test_set_is_held_out_by_name():
    """Without a test split a stratified fifth is sealed, the same one every time."""
    data, again, renamed = make(test=None), make(test=None), make(test=None, name="other")
    assert (data.n, len(data.test_x)) == (32, 8)
    assert np.array_equal(np.bincount(data.test_y), [2, 2, 2, 2])
    assert data.digest == again.digest != renamed.digest


def test_an_explicitly_empty_test_set_stays_empty():
    data = make(test=(X[:0], Y[:0]))
    assert (data.n, data.test_x.shape, data.test_y.shape) == (40, (0, 5), (0,))


def test_arrays_are_read_only_and_fields_frozen():
    data = make()
    for name in ("x", "y", "test_x", "test_y"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(data, name)[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.x = X
    assert X.flags.writeable


@pytest.mark.parametrize("name", ["x", "y", "test_x", "test_y"])
def test_any_byte_changes_the_digest(name):
    """One changed element of any array gives another digest."""
    arrays = {"x": X.copy(), "y": Y.copy(), "test_x": X[:8].copy(), "test_y": Y[:8].copy()}
    before = make().digest
    arrays[name].reshape(-1)[-1] = 0 if name.endswith("x") else 1
    test = (arrays["test_x"], arrays["test_y"])
    assert make(x=arrays["x"], y=arrays["y"], test=test).digest != before


def test_digest_knows_shape_names_and_scale_but_not_the_name():
    """Nor the memory layout."""
    before = make().digest
    assert make(name="another").digest == before
    assert make(x=np.asfortranarray(X)).digest == before
    assert make(classes="abcd").digest != before
    assert make(scale=0.5).digest != before
    assert make(x=X.reshape(40, 5, 1), test=(X[:8].reshape(8, 5, 1), Y[:8])).digest != before


def put(row, value):
    x = X.astype(np.float64)
    x[row, 2] = value
    return x


BAD = np.where(np.arange(40) == 7, -1, Y)
CASES = {
    "nan": ({"x": put(3, np.nan)}, r"x is not finite .* row 3 .* nan"),
    "inf": ({"test": (put(5, -np.inf), Y)}, r"test_x is not .* row 5 .* -inf"),
    "too large for float32": ({"x": put(1, 1e300)}, r"row 1 .* 1e\+300"),
    "nan target": ({"y": np.where(Y == 1, np.nan, 0.5)}, r"y is not finite .* row 1 "),
    "lengths": ({"y": Y[:39]}, "x has 40 examples, but y has 39"),
    "test lengths": ({"test": (X, Y[:3])}, "test_x has 40 examples, but test_y has 3"),
    "negative label": ({"y": BAD}, r"y row 7 .*: label -1 is not one of 0..999"),
    "label out of range": ({"y": Y, "classes": "abc"}, r"y row 3 .*: label 3 is not one of 0..2"),
    "test label": ({"test": (X, Y + 1)}, r"test_y row 3 .*: label 4 is not one of 0..3"),
    "fraction label": ({"y": Y + 0.5, "classes": "abcd"}, r"y row 0 .*: label 0.5 is not"),
    "huge label": ({"y": Y * 10**9}, r"y row 1 .*: label 1000000000 is not"),
    "unknown name": ({"y": np.array([*"ab"] * 20), "classes": "ac"}, "row 1 .* 'b' is not a class"),
    "one-hot": ({"y": np.eye(4)[Y]}, r"y.argmax\(axis=1\)"),
    "label rank": ({"y": np.stack([Y, Y], 1)}, r"labels are \(n,\)"),
    "scalar label": ({"y": 3}, r"labels are \(n,\)"),
    "scalar target": ({"y": 3.5}, r"targets are \(n,\) or \(n, k\)"),
    "object labels": ({"y": np.array([None] * 40)}, "y has dtype object"),
    "rank": ({"x": X[:, 0]}, r"x has shape \(40,\)"),
    "empty": ({"x": X[:0], "y": Y[:0]}, r"x is empty: its shape is \(0, 5\)"),
    "empty y": ({"y": Y[:0]}, "y is empty"),
    "half a test": ({"test": (X[:0], Y)}, "test_x is empty"),
    "object": ({"x": X.astype(object)}, "x has dtype object"),
    "strings": ({"x": X.astype(str)}, "x has dtype <U"),
    "complex": ({"x": X + 1j}, "x has dtype complex"),
    "ragged": ({"x": [[1, 2], [3]]}, "x is ragged"),
    "channels first": ({"x": PIXELS.transpose(0, 3, 1, 2)}, "channels last"),
    "test shape": ({"test": (X[:, :3], Y)}, r"float32\(5,\), but test_x has float32\(3,\)"),
    "test kind": ({"test": (X, X[:, 0])}, "test_y row 0"),
    "classes twice": ({"classes": "aabc"}, "classes must be different"),
}


@pytest.mark.parametrize(("changes", "message"), CASES.values(), ids=CASES.keys())
def test_bad_arrays_give_one_sentence(changes, message):
    with pytest.raises(DataError, match=message) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)
    assert caught.value.code == 4


def test_take_classes_relabels_in_the_order_given():
    """Names, indices and digits all name a class; rows keep their order."""
    data = make(classes=("ant", "bee", "cat", "dog"))
    taken = take_classes(data, ["dog", "bee"])
    assert taken.classes == ("dog", "bee")
    rows = (Y == 1) | (Y == 3)
    assert np.array_equal(taken.x, X[rows])
    assert np.array_equal(taken.y, np.where(Y[rows] == 3, 0, 1))
    assert np.bincount(taken.test_y).tolist() == [2, 2]
    assert taken.digest == take_classes(data, [3, 1]).digest == take_classes(data, "31").digest
    assert len({taken.digest, data.digest, take_classes(data, [1, 3]).digest}) == 3


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["ant", "bea"], "unknown class 'bea'; did you mean 'bee'"),
        ([0, 4], "unknown class '4'"),
        ([0, -1], "unknown class '-1'"),
        ([0, True], "unknown class 'True'"),
        (["ant", 0], "named twice"),
        (["ant"], "at least two"),
        (["ant", "dog"], "'dog' of 'toy' has no training example"),
    ],
)
def test_take_classes_refuses(classes, message):
    data = make(y=np.minimum(Y, 2), test=(X, Y), classes=("ant", "bee", "cat", "dog"))
    with pytest.raises(UsageError, match=message):
        take_classes(data, classes)


def test_take_classes_needs_classes():
    with pytest.raises(UsageError, match="float targets"):
        take_classes(make(y=X[:, 0], test=(X, X[:, 0])), [0, 1])
