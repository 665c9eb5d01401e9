"""A data set of separable blots, and a small network trained on it."""

import numpy as np

from steepest.data import from_arrays
from steepest.seeds import stream
from steepest.spec import RunSpec

SPEC = RunSpec(
    data="blots",
    model="vgg(filters=(4,6),hidden=8,dropout=0.1)",
    epochs=2,
    batch_size=32,
    optimizer="adam(lr=0.01)",
)


def blots():
    """Return 240 images of three classes: where the bright square is."""
    drawn = stream(0, "blots")
    y = np.arange(240) % 3
    x = drawn.integers(0, 90, size=(240, 8, 8, 1))
    for k in range(3):
        x[y == k, 2 * k : 2 * k + 3, 2 * k : 2 * k + 3] += 150
    return from_arrays("blots", x.astype(np.uint8), y)
