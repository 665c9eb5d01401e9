"""Published image sets as `Dataset`s: the idx files of MNIST's kind, the binary files of CIFAR."""

from typing import Any

import numpy as np

from steepest.data.archive import read_idx
from steepest.data.dataset import Dataset, from_arrays
from steepest.data.download import contents
from steepest.data.mirror import PUBLISHED
from steepest.errors import DataError

Array = np.ndarray[Any, Any]


def load_idx(name: str) -> Dataset:
    """Return MNIST or one of its kind: files are images, labels, test images, test labels."""
    published = PUBLISHED[name]
    x, y, test_x, test_y = (
        read_idx(content, file.path)
        for content, file in zip(contents(name), published.files, strict=True)
    )
    return from_arrays(name, x, y, (test_x, test_y), published.classes)


def load_cifar(name: str) -> Dataset:
    """Return CIFAR-10 or CIFAR-100 (Krizhevsky 2009; fine labels); the last file is the test set.

    A record is one label byte (CIFAR-100: a coarse one, then a fine one) and the three colour
    planes of an image.
    """
    published = PUBLISHED[name]
    rows, columns, colours = published.shape
    label_bytes = 2 if name == "cifar100" else 1
    records = []
    for content, file in zip(contents(name), published.files, strict=True):
        flat = np.frombuffer(content, np.uint8)
        width = label_bytes + rows * columns * colours
        if len(flat) % width:
            raise DataError(f"{file.path} is damaged: {len(flat)} bytes are no whole records")
        records.append(flat.reshape(-1, width))
    count = sum(len(record) for record in records)
    x = np.empty((count, rows, columns, colours), np.uint8)
    y = np.empty(count, np.int64)
    start = 0
    for record in records:
        stop = start + len(record)
        planes = record[:, label_bytes:].reshape(-1, colours, rows, columns)
        for colour in range(colours):  # ten times as quick as the transpose
            x[start:stop, ..., colour] = planes[:, colour]
        y[start:stop] = record[:, label_bytes - 1]
        start = stop
    cut = count - len(records[-1])
    return from_arrays(name, x[:cut], y[:cut], (x[cut:], y[cut:]), published.classes)
