"""The table of sources, and `load`: a name or a path in, a `Dataset` out.

Loading is a function of the name and of the files, so its results are kept for a while: many runs
in one process share one read-only copy.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data import cinic, download
from steepest.data.dataset import Dataset, from_arrays, take_classes
from steepest.data.folder import list_images, load_folder
from steepest.data.mirror import PUBLISHED
from steepest.data.mnist1d import POINTS, TRAIN, load_mnist1d
from steepest.data.npz import load_npz
from steepest.data.published import load_cifar, load_idx
from steepest.data.table import load_csv
from steepest.errors import DataError, UsageError, unknown

KEPT = 4  # data sets kept in memory
MEMO: OrderedDict[tuple[Any, ...], Dataset] = OrderedDict()


@dataclass(frozen=True)
class Source:
    """A named data set: how to load it, and what it is before it is loaded."""

    load: Callable[[], Dataset]
    about: str
    n: int  # training examples
    shape: tuple[int, ...]
    classes: int
    bytes: int = 0  # to download
    trace: Callable[[], tuple[Any, ...]] | None = None  # of its files, empty where there are none


@dataclass(frozen=True)
class Entry:
    """A line of `steepest data list`."""

    name: str
    present: bool  # without the network
    n: int  # training examples
    shape: tuple[int, ...]
    classes: int
    bytes: int  # to download; 0 if it comes with the package
    about: str


def load_digits() -> Dataset:
    """Return scikit-learn's 1797 scans of digits (Alpaydin & Kaynak 1998), 8x8, grey 0 to 16."""
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = bunch.images.astype(np.uint8)
    return from_arrays("digits", images, bunch.target, None, tuple("0123456789"), 1 / 16)


def _published(name: str, load: Callable[[str], Dataset], about: str) -> Source:
    known = PUBLISHED[name]
    size = sum(parcel.bytes for parcel in known.parcels)
    return Source(partial(load, name), about, known.n, known.shape, len(known.classes), size)


SOURCES = {
    "digits": Source(load_digits, "real scans, bundled", 1438, (8, 8, 1), 10),
    "mnist1d": Source(load_mnist1d, "generated, bundled", TRAIN, (POINTS,), 10),
    "mnist": _published("mnist", load_idx, "handwritten digits"),
    "fashion-mnist": _published("fashion-mnist", load_idx, "photos of clothes"),
    "cifar10": _published("cifar10", load_cifar, "colour photos of ten kinds of object"),
    "cifar100": _published("cifar100", load_cifar, "colour photos, fine labels"),
    "cinic10": Source(
        cinic.load_cinic,
        "CIFAR-10's classes, from ImageNet too",
        cinic.N,
        cinic.SHAPE,
        10,
        cinic.BYTES,
        cinic.trace,
    ),
}


def load(
    name_or_path: str | Path, classes: Sequence[str | int] | None = None, target: str | None = None
) -> Dataset:
    """Return a data set by name, or of a `.npz`, a `.csv` or a folder of class folders of images.

    `classes` takes some classes, relabelled in that order; `target` names a CSV file's column.
    Raises `UsageError` for unknown names and columns, `DataError` for data missing or damaged.
    """
    name = str(name_or_path)
    is_csv = name not in SOURCES and name.lower().endswith(".csv")
    if target is not None and not is_csv:
        raise UsageError(f"target='{target}' names a column of a CSV file, but '{name}' is none")
    whole = _load_whole(name, target)
    if classes is None:
        return whole
    key = ("classes", whole.name, whole.digest, tuple(map(str, classes)))
    return _kept(key, partial(take_classes, whole, classes))


def _load_whole(name: str, target: str | None) -> Dataset:
    if name in PUBLISHED:
        if not download.is_present(name):
            download.fetch(name)
        folder = str(download.where(name))
        return _kept((name, folder, download.fingerprint(name)), SOURCES[name].load)
    if name in SOURCES:
        trace = SOURCES[name].trace
        return _kept((name, trace() if trace else ()), SOURCES[name].load)
    path = Path(name)
    if not path.exists():
        if path.suffix or len(path.parts) > 1:
            raise DataError(f"there is no file or folder {path}")
        raise unknown("data set", name, SOURCES)
    files = list_images(path) if path.is_dir() else [path]
    traces = tuple((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files)
    return _kept((str(path.resolve()), target, traces), partial(_load_path, path, target))


def _load_path(path: Path, target: str | None) -> Dataset:
    if path.is_dir():
        return load_folder(path.resolve())
    if path.suffix.lower() == ".npz":
        return load_npz(path)
    if path.suffix.lower() == ".csv":
        return load_csv(path, target)
    raise UsageError(f"{path} is neither .npz nor .csv nor a folder of class folders of images")


def _kept(key: tuple[Any, ...], make: Callable[[], Dataset]) -> Dataset:
    """Return what `make` returns, from memory if `key` was asked for lately."""
    if key not in MEMO:
        MEMO[key] = make()
        while len(MEMO) > KEPT:
            MEMO.popitem(last=False)
    MEMO.move_to_end(key)
    return MEMO[key]


def listing() -> list[Entry]:
    """Return what is known of every named data set, present or not; reads no data."""
    return [
        Entry(
            name,
            _is_present(name, source),
            source.n,
            source.shape,
            source.classes,
            source.bytes,
            source.about,
        )
        for name, source in SOURCES.items()
    ]


def _is_present(name: str, source: Source) -> bool:
    if name in PUBLISHED:
        return download.is_present(name)
    return source.trace is None or bool(source.trace())


def fetch(name: str) -> Path:
    """Bring a data set's files into the data folder, verified, and return where they are."""
    return cinic.fetch_cinic() if name == "cinic10" else download.fetch(name)


def where(name: str) -> Path:
    """Return where the files of a published data set belong."""
    return cinic.where() if name == "cinic10" else download.where(name)
