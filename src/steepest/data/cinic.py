"""CINIC-10 (Darlow et al. 2018): 270,000 PNG photos of CIFAR-10's classes, read from their archive.

What counts is either the published archive in the data folder or a folder `cinic10` beside it with
`train`, `valid` and `test` folders of class folders. The published training and validation parts
together are the training examples (180,000): each run holds out its own. The test part is sealed.
"""

import hashlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from steepest import paths
from steepest.data.dataset import Dataset, from_arrays
from steepest.data.mirror import OBJECTS
from steepest.data.tar import CHUNK, members
from steepest.errors import DataError

Array = np.ndarray[Any, Any]
URL = "https://datashare.ed.ac.uk/bitstreams/e8e186cc-2688-48f1-aa5a-3fda1a43f8b6/download"
ARCHIVE, FOLDER = "CINIC-10.tar.gz", "cinic10"
BYTES, MD5 = 687_544_992, "6ee4d0c996905fe93221de577967a372"  # no SHA-256 was published
PARTS = ("train", "valid", "test")
N, SHAPE = 180_000, (32, 32, 3)
LIMIT = 4 << 30  # bytes the archive may expand to
Row = tuple[str, int, str, bytes]  # part, label, file name, pixels


def where() -> Path:
    """Return the archive if it is there, else the folder of images."""
    archive = paths.data_folder() / ARCHIVE
    return archive if archive.exists() else paths.data_folder() / FOLDER


def trace() -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of what would be read; empty where nothing is."""
    found = where()
    if not found.exists():
        return ()
    status = found.stat()
    return ((str(found), status.st_size, status.st_mtime_ns),)


def fetch_cinic() -> Path:
    """Bring the archive into the data folder, verified, and return it."""
    target = paths.data_folder() / ARCHIVE
    if where().exists():
        return where()
    if paths.is_offline():
        raise DataError(_absent("the network is switched off (STEEPEST_OFFLINE)"))
    import pooch

    part = target.with_name(f".{ARCHIVE}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        pooch.HTTPDownloader(timeout=30)(URL, str(part), None)
        _check(part)
        part.replace(target)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise DataError(_absent(f"{ARCHIVE} could not be downloaded: {error}")) from None
    finally:
        part.unlink(missing_ok=True)
    return target


def load_cinic() -> Dataset:
    """Return CINIC-10, from its archive or its folder; DataError where neither is sound."""
    found = where()
    if not found.exists():
        raise DataError(_absent("nothing was found"))
    if found.is_dir():
        rows = _tree_rows(found)
    else:
        _check(found)
        rows = _archive_rows(found)
    kept: dict[str, list[Row]] = {"train": [], "test": []}
    for row in rows:
        kept["test" if row[0] == "test" else "train"].append(row)
    if not kept["train"] or not kept["test"]:
        raise DataError(
            f"{found} lacks images of {' or '.join(k for k, v in kept.items() if not v)}"
        )
    arrays = [_arrays(kept[part]) for part in ("train", "test")]
    return from_arrays("cinic10", *arrays[0], arrays[1], OBJECTS)


def _absent(why: str) -> str:
    return (
        f"data set 'cinic10' is not there, and {why}. Put {ARCHIVE} into {paths.data_folder()}, "
        "or go online and run `steepest data fetch cinic10`"
    )


def _check(archive: Path) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != MD5:
        raise DataError(f"{archive} is not the published archive, or is damaged (MD5 {found})")


def _arrays(rows: list[Row]) -> tuple[Array, Array]:
    """Return images and labels, sorted by part, class and name whatever the archive's order."""
    rows.sort(key=lambda row: row[:3])
    x = np.empty((len(rows), *SHAPE), np.uint8)
    for i, row in enumerate(rows):
        x[i] = np.frombuffer(row[3], np.uint8).reshape(SHAPE)
    return x, np.array([row[1] for row in rows], np.int64)


def _tree_rows(folder: Path) -> Iterator[Row]:
    for path in folder.rglob("*.png"):
        row = _row(path.relative_to(folder).as_posix(), path.read_bytes(), str(folder))
        if row is not None:
            yield row


def _archive_rows(archive: Path) -> Iterator[Row]:
    """Yield the images of an archive; one that only holds another is opened (it was published so).

    Anything but images of the three parts is passed over: the archive has lists of sources too.
    """
    for name, _, content in members(archive, LIMIT):
        if name.endswith(".tar.gz"):
            with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".unpack-") as folder:
                inner = Path(folder) / ARCHIVE
                with inner.open("wb") as file:
                    while chunk := content.read(CHUNK):
                        file.write(chunk)
                yield from _archive_rows(inner)
        elif name.endswith(".png"):
            row = _row(name, content.read(), str(archive))
            if row is not None:
                yield row


def _row(name: str, content: bytes, where: str) -> Row | None:
    """Return one image, or None for a file that is no member of a class of a part."""
    part, label, file = ("", "", *name.split("/"))[-3:]
    if part not in PARTS or label not in OBJECTS:
        return None
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.size != SHAPE[:2]:
                raise DataError(f"{where}: {name} has {image.size} pixels, not {SHAPE[:2]}")
            return part, OBJECTS.index(label), file, image.convert("RGB").tobytes()
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{where}: {name} is no readable image: {error}") from None
