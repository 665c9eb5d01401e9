"""The frozen `Dataset`: training examples, a sealed test set, class names and a digest.

Images are uint8 `(n, H, W, C)` and are multiplied by `scale` while gathering; everything else is
float32 `(n, features...)`. Arrays are read-only, because runs in one process share them.
`from_arrays` is the only way in, so whoever holds a `Dataset` need not check it again.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from steepest.data.batch import part
from steepest.errors import DataError, UsageError, unknown
from steepest.seeds import stream

Array = np.ndarray[Any, Any]

TEST_FRACTION = 0.2  # of a source without a test split is held out
MOST_CLASSES = 1000  # unnamed classes, unless there are more examples than that


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples and targets, training and test; two are the same data if their digests agree."""

    name: str
    x: Array  # (n, *shape): uint8 images or float32 features
    y: Array  # int64 labels (n,), or float32 targets (n, k)
    test_x: Array  # the same for the test set, which only the end of a study may open
    test_y: Array
    classes: tuple[str, ...]  # names of the labels 0, 1, ...; empty for float targets
    scale: float  # x times scale is what a network sees: 1/255 for images, else 1
    digest: str  # SHA-256 over shapes, dtypes, bytes, class names and scale
    features: tuple[str, ...] = ()  # names of a table's columns, in the order of x; else empty

    @property
    def shape(self) -> tuple[int, ...]:
        """One example's shape: (H, W, C) or (features, ...)."""
        return tuple(self.x.shape[1:])

    @property
    def n(self) -> int:
        """The number of training examples."""
        return len(self.x)

    @property
    def is_image(self) -> bool:
        """Whether an example has rows, columns and channels."""
        return len(self.shape) == 3


def from_arrays(
    name: str,
    x: Any,
    y: Any,
    test: tuple[Any, Any] | None = None,
    classes: Sequence[str] | None = None,
    scale: float | None = None,
) -> Dataset:
    """Return a checked `Dataset` of arrays.

    `x` is uint8 `(n, H, W)` or `(n, H, W, C)`, else numbers `(n, features...)`. `y` is integers or
    strings `(n,)` (classes), or floats `(n,)` or `(n, k)` (targets). Without `test`, a stratified
    fifth is held out by the stream "test", `name`; an explicitly empty pair `(x[:0], y[:0])` means
    that there is no test set. Raises `DataError` naming the array and its first bad row.
    """
    if classes is not None and len(set(classes)) < max(len(classes), 1):
        raise DataError(f"classes must be different names, and at least one: {list(classes)}")
    rows = _examples(x, "x")
    targets, names = _targets(y, "y", classes)
    _same_length(rows, targets, "x", "y")
    if test is None:
        rest, held = _hold_out(name, targets)
        rows, targets, test_x, test_y = rows[rest], targets[rest], rows[held], targets[held]
    elif len(test[0]) == 0 == len(test[1]):
        test_x, test_y = rows[:0], targets[:0]
    else:
        test_x = _examples(test[0], "test_x")
        test_y, test_names = _targets(test[1], "test_y", classes if classes is not None else names)
        _same_length(test_x, test_y, "test_x", "test_y")
        _same_kind(rows, test_x, "x", "test_x")
        _same_kind(targets, test_y, "y", "test_y")
        names = names or test_names
    if scale is None:
        scale = 1 / 255 if rows.dtype == np.uint8 else 1.0
    return _seal(name, (rows, targets, test_x, test_y), names, scale)


def _hold_out(name: str, targets: Array) -> tuple[Array, Array]:
    try:
        return part(targets, TEST_FRACTION, stream(0, "test", name))
    except UsageError:
        few = f"data set '{name}' has {len(targets)} examples, too few to hold out a test set"
        raise DataError(few) from None


def take_classes(dataset: Dataset, classes: Sequence[str | int]) -> Dataset:
    """Return the examples of some classes (names or indices), relabelled 0..k-1 in that order.

    Raises `UsageError` for a name that is not a class, a class named twice, or fewer than two.
    """
    if not dataset.classes:
        raise UsageError(f"data set '{dataset.name}' has float targets, so no classes to take")
    chosen = [_class_index(dataset, given) for given in classes]
    if len(set(chosen)) < len(chosen):
        raise UsageError(f"a class of '{dataset.name}' is named twice: {list(classes)}")
    if len(chosen) < 2:
        raise UsageError("take at least two classes")
    label = np.full(len(dataset.classes), -1, dtype=np.int64)
    label[chosen] = np.arange(len(chosen))
    train, test = label[dataset.y], label[dataset.test_y]
    arrays = (
        dataset.x[train >= 0],
        train[train >= 0],
        dataset.test_x[test >= 0],
        test[test >= 0],
    )
    absent = [given for i, given in enumerate(classes) if not (arrays[1] == i).any()]
    if absent:
        raise UsageError(f"class '{absent[0]}' of '{dataset.name}' has no training example")
    names = tuple(dataset.classes[i] for i in chosen)
    return _part(dataset, arrays, names)


def take_examples(dataset: Dataset, count: int) -> Dataset:
    """Return a stratified part of the training examples, always the same; the test set is whole.

    A `count` that is not less than there are gives the data set as it is.
    """
    if count >= len(dataset.y):
        return dataset
    rows = part(dataset.y, count / len(dataset.y), stream(0, "examples"))[1]
    arrays = (dataset.x[rows], dataset.y[rows], dataset.test_x, dataset.test_y)
    return _part(dataset, arrays, dataset.classes)


def _part(dataset: Dataset, arrays: tuple[Array, ...], classes: tuple[str, ...]) -> Dataset:
    """Return other arrays of the same source."""
    whole = _seal(dataset.name, arrays, classes, dataset.scale)
    return replace(whole, features=dataset.features)


def _class_index(dataset: Dataset, given: str | int) -> int:
    if isinstance(given, str) and given in dataset.classes:
        return dataset.classes.index(given)
    is_index = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
    is_index = is_index or (isinstance(given, str) and given.isdecimal())
    if is_index and 0 <= int(given) < len(dataset.classes):
        return int(given)
    raise unknown("class", str(given), dataset.classes)


def _seal(name: str, arrays: tuple[Array, ...], classes: tuple[str, ...], scale: float) -> Dataset:
    """Make the arrays contiguous and read-only, and digest them."""
    whole = tuple(np.ascontiguousarray(a).view() for a in arrays)
    sha = hashlib.sha256()
    for a in whole:
        a.flags.writeable = False
        little = a.astype(a.dtype.newbyteorder("<"), copy=False)
        sha.update(f"{little.dtype.str}{little.shape}\n".encode())
        sha.update(little.reshape(-1).view(np.uint8).data)
    sha.update(json.dumps([list(classes), scale]).encode())
    x, y, test_x, test_y = whole
    return Dataset(name, x, y, test_x, test_y, classes, scale, sha.hexdigest())


def _array(values: Any, where: str) -> Array:
    try:
        return np.asarray(values)
    except ValueError:
        raise DataError(f"{where} is ragged: its rows have different lengths") from None


def _examples(values: Any, where: str) -> Array:
    """Return uint8 images or finite float32 features."""
    x = _array(values, where)
    if x.dtype.kind not in "buif":
        raise DataError(f"{where} has dtype {x.dtype}; numbers are needed")
    if x.ndim < 2:
        raise DataError(f"{where} has shape {x.shape}; (examples, features...) is needed")
    if 0 in x.shape:
        raise DataError(f"{where} is empty: its shape is {x.shape}")
    if x.dtype == np.uint8 and x.ndim == 3:
        return x[..., None]
    if x.dtype == np.uint8 and x.ndim == 4:
        if x.shape[1] in (1, 3) and x.shape[3] > 4:
            raise DataError(f"{where} has shape {x.shape}; images are (n, H, W, C), channels last")
        return x
    return _finite(x, where)


def _finite(values: Array, where: str) -> Array:
    with np.errstate(over="ignore"):
        x = values.astype(np.float32, copy=False)
    finite = np.isfinite(x)
    if not finite.all():
        row = int(np.argmin(finite.reshape(len(x), -1).all(axis=1)))
        bad = values[row].reshape(-1)[int(np.argmin(finite[row].reshape(-1)))]
        raise DataError(f"{where} is not finite in float32: row {row} (from 0) holds {bad}")
    return x


def _targets(
    values: Any, where: str, classes: Sequence[str] | None
) -> tuple[Array, tuple[str, ...]]:
    """Return int64 labels with class names, or float32 targets (n, k) without any."""
    y = _array(values, where)
    if y.size == 0:
        raise DataError(f"{where} is empty: its shape is {y.shape}")
    if y.ndim == 2 and y.shape[1] == 1 and y.dtype.kind in "buiU":
        y = y[:, 0]
    if y.ndim == 2 and y.shape[1] > 1 and _is_one_hot(y):
        raise DataError(f"{where} is one-hot; give class indices: {where}.argmax(axis=1)")
    if y.dtype.kind == "f" and not classes:
        if y.ndim not in (1, 2):
            raise DataError(f"{where} has shape {y.shape}; targets are (n,) or (n, k)")
        return _finite(y.reshape(len(y), -1), where), ()
    if y.ndim != 1:
        raise DataError(f"{where} has shape {y.shape}; labels are (n,)")
    if y.dtype.kind == "U":
        return _named(y, where, classes)
    if y.dtype.kind not in "buif":
        raise DataError(f"{where} has dtype {y.dtype}; integers, strings or floats are needed")
    return _labels(y, where, classes)


def _is_one_hot(y: Array) -> bool:
    return y.dtype.kind in "buif" and bool((((y == 0) | (y == 1)).all()) and (y.sum(1) == 1).all())


def _named(y: Array, where: str, classes: Sequence[str] | None) -> tuple[Array, tuple[str, ...]]:
    """Return labels of strings; the classes are the sorted strings unless given."""
    names = tuple(classes) if classes else tuple(str(name) for name in np.unique(y))
    index = {name: i for i, name in enumerate(names)}
    strange = [row for row, name in enumerate(y.tolist()) if name not in index]
    if strange:
        raise DataError(f"{where} row {strange[0]} (from 0): '{y[strange[0]]}' is not a class")
    return np.array([index[name] for name in y.tolist()], dtype=np.int64), names


def _labels(y: Array, where: str, classes: Sequence[str] | None) -> tuple[Array, tuple[str, ...]]:
    """Return labels of whole numbers; the classes are "0", "1", ... unless given."""
    whole = np.isfinite(y) & (np.mod(y, 1) == 0) if y.dtype.kind == "f" else np.ones(len(y), bool)
    most = len(classes) if classes else max(MOST_CLASSES, len(y))
    fits = whole & (y >= 0) & (y < most)
    if not fits.all():
        row = int(np.argmin(fits))
        raise DataError(f"{where} row {row} (from 0): label {y[row]} is not one of 0..{most - 1}")
    labels = y.astype(np.int64)
    names = tuple(classes) if classes else tuple(str(i) for i in range(int(labels.max()) + 1))
    return labels, names


def _same_length(x: Array, y: Array, x_name: str, y_name: str) -> None:
    if len(x) != len(y):
        raise DataError(f"{x_name} has {len(x)} examples, but {y_name} has {len(y)}")


def _same_kind(train: Array, test: Array, train_name: str, test_name: str) -> None:
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise DataError(
            f"{train_name} has examples {train.dtype}{train.shape[1:]}, "
            f"but {test_name} has {test.dtype}{test.shape[1:]}"
        )
