"""MNIST's training images as every contender receives them."""

import gzip
import os
from pathlib import Path

import numpy as np

TRAIN = 48_000  # images of a run: four fifths of the 60,000, the rest would be validation


def folder() -> Path:
    """Return where the four archives lie: `mnist` inside the folder named by STEEPEST_DATA."""
    named = os.environ.get("STEEPEST_DATA")
    found = Path(named or ".") / "mnist"
    if not (found / "train-images-idx3-ubyte.gz").exists():
        raise SystemExit(f"no MNIST in {found}: set STEEPEST_DATA to the folder that holds mnist/")
    return found


def load() -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (48000, 28, 28, 1) and labels int64 (48000,), mixed by a fixed seed."""
    with gzip.open(folder() / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(folder() / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    chosen = np.random.default_rng(0).permutation(len(labels))[:TRAIN]
    return images[chosen], labels[chosen]


def scaled(images: np.ndarray) -> np.ndarray:
    """Return the images as float32 rows (N, 784) in [0, 1], as a user prepares them once."""
    return images.reshape(len(images), -1).astype(np.float32) / 255
