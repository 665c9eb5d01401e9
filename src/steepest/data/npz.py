"""A user's `.npz`: `x`, `y` and optionally `test_x`, `test_y` (or Keras' `x_train`, ...)."""

from pathlib import Path

from steepest.data.archive import open_zip, read_npy
from steepest.data.dataset import Dataset, from_arrays
from steepest.errors import DataError

KEYS = (("x", "y", "test_x", "test_y"), ("x_train", "y_train", "x_test", "y_test"))


def load_npz(path: Path) -> Dataset:
    """Return the data set of an `.npz` file; sizes are checked before allocating, no pickle.

    Without a test pair a stratified fifth is held out. Members under other names are not read.
    """
    with open_zip(path) as archive:
        present = [name.removesuffix(".npy") for name in archive.namelist()]
        keys = next((k for k in KEYS if k[0] in present and k[1] in present), None)
        if keys is None:
            named = ", ".join(present) or "nothing"
            raise DataError(
                f"{path} holds {named}; 'x' and 'y', or 'x_train' and 'y_train', needed"
            )
        tests = [key for key in keys[2:] if key in present]
        if len(tests) == 1:
            raise DataError(f"{path} holds '{tests[0]}' without its partner")
        wanted = [*keys[:2], *tests]
        names = dict(zip(present, archive.namelist(), strict=True))
        arrays = [read_npy(archive, names[key], str(path)) for key in wanted]
    for key, array in zip(wanted, arrays, strict=True):
        if array.size == 0:
            raise DataError(f"{path}: '{key}' is empty: its shape is {array.shape}")
    try:
        test = (arrays[2], arrays[3]) if tests else None
        return from_arrays(path.stem, arrays[0], arrays[1], test)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
