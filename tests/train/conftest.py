"""Small data sets and specs for training tests."""

import numpy as np
import pytest

from steepest.data import from_arrays
from steepest.seeds import stream


@pytest.fixture(scope="session")
def blobs():
    """Three classes of 4 features around different centres: 90 training and 30 test examples."""
    generator = stream(5, "blobs")
    y = np.arange(120) % 3
    centres = np.array([[2, 0, 0, 1], [0, 2, 0, -1], [0, 0, 2, 0]], np.float32)
    x = (centres[y] + generator.standard_normal((120, 4))).astype(np.float32)
    return from_arrays("blobs", x[:90], y[:90], (x[90:], y[90:]), ("a", "b", "c"))


@pytest.fixture(scope="session")
def line():
    """Two real targets, linear in three features."""
    generator = stream(6, "line")
    x = generator.standard_normal((80, 3)).astype(np.float32)
    y = x @ np.array([[1.0, 0], [0, 2], [1, -1]], np.float32) + 0.5
    return x, y.astype(np.float32)
