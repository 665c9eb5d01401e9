"""A user's folder of class folders of images (or `train` and `test` folders of those)."""

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.archive import LIMIT
from steepest.data.dataset import Dataset, from_arrays
from steepest.errors import DataError

Array = np.ndarray[Any, Any]

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
PASSED_OVER = {"thumbs.db", "desktop.ini"}  # left behind by file managers, with hidden files
GREY, COLOUR = {"1", "L"}, {"P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"}


def load_folder(path: Path) -> Dataset:
    """Return the images below `path`, one class per folder, in sorted order.

    All images are of one size; grey ones give one channel if all are grey, else RGB. Raises
    `DataError` naming the first file that is not an image of that size.
    """
    outer = _folders(path)
    has_test = {folder.name for folder in outer} == {"train", "test"}
    parts = [_files(path / "train"), _files(path / "test")] if has_test else [_files(path)]
    classes = tuple(parts[0])
    strange = [name for part in parts for name in part if name not in classes]
    if strange:
        raise DataError(f"{path}: class '{strange[0]}' occurs in 'test' but not in 'train'")
    sizes = {file: _look(file) for part in parts for files in part.values() for file in files}
    shape = _shape(sizes, path)
    arrays = [_read(part, classes, shape) for part in parts]
    test = arrays[1] if has_test else None
    return from_arrays(path.name, *arrays[0], test, classes)


def list_images(path: Path) -> list[Path]:
    """Return all files below a folder, sorted; for a fingerprint."""
    return sorted(file for file in path.rglob("*") if file.is_file())


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _files(path: Path) -> dict[str, list[Path]]:
    """Return the image files of each class folder."""
    classes = {folder.name: _images(folder) for folder in _folders(path)}
    if len(classes) < 2:
        raise DataError(f"{path} has {len(classes)} class folders; at least two are needed")
    return classes


def _images(folder: Path) -> list[Path]:
    names = sorted(folder.iterdir())
    kept = [f for f in names if f.name[0] != "." and f.name.lower() not in PASSED_OVER]
    for file in kept:
        if file.suffix.lower() not in SUFFIXES or not file.is_file():
            raise DataError(f"{file} is not an image ({', '.join(sorted(SUFFIXES))})")
    if not kept:
        raise DataError(f"{folder} holds no image")
    return kept


def _open(file: Path) -> Any:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(file)
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{file} is no readable image: {error}") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{file} is refused: {error}") from None


def _look(file: Path) -> tuple[int, int, str]:
    """Return (rows, columns, mode) from an image's header."""
    with _open(file) as image:
        if image.mode not in GREY | COLOUR:
            raise DataError(f"{file} has mode {image.mode}; 8-bit grey or colour is needed")
        return image.height, image.width, image.mode


def _shape(sizes: dict[Path, tuple[int, int, str]], path: Path) -> tuple[int, int, int]:
    """Return the one shape (H, W, C) of all images, if it fits into the limit."""
    first = next(iter(sizes))
    rows, columns, _ = sizes[first]
    for file, size in sizes.items():
        if size[:2] != (rows, columns):
            raise DataError(
                f"{file} has {size[0]}x{size[1]} pixels, but {first} has {rows}x{columns}"
            )
    shape = (rows, columns, 1 if all(size[2] in GREY for size in sizes.values()) else 3)
    if len(sizes) * math.prod(shape) > LIMIT:
        raise DataError(f"{path}: {len(sizes)} images of {rows}x{columns} exceed {LIMIT} bytes")
    return shape


def _read(
    part: dict[str, list[Path]], classes: tuple[str, ...], shape: tuple[int, int, int]
) -> tuple[Array, Array]:
    """Return uint8 images (n, H, W, C) and their labels."""
    files = [(classes.index(name), file) for name, files in part.items() for file in files]
    x = np.empty((len(files), *shape), np.uint8)
    for i, (_, file) in enumerate(files):
        try:
            with _open(file) as image:
                x[i] = np.asarray(image.convert("L" if shape[2] == 1 else "RGB")).reshape(shape)
        except (OSError, ValueError, SyntaxError) as error:
            raise DataError(f"{file} is damaged: {error}") from None
    return x, np.array([label for label, _ in files], dtype=np.int64)
