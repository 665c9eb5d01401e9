"""A small one-dimensional task on which networks and update rules really differ.

In the spirit of MNIST-1D (Greydanus & Kobak 2024, "Scaling down deep learning with MNIST-1D"): ten
templates of twelve points are padded, scaled, translated, sheared, made noisy and resampled to
forty points. Templates and generator are our own. Only additions, products and comparisons of
uniform numbers are used, so that every machine makes the same bits.
"""

from typing import Any

import numpy as np

from steepest.data.dataset import Dataset, from_arrays
from steepest.seeds import stream

Array = np.ndarray[Any, Any]

TRAIN, TEST, POINTS = 4000, 1000, 40
PADDING = (24, 40)  # points added to a template's twelve
ROOM = 0.45  # the share of the padding, about the middle, over which a template is translated
SCALE, SHEAR = 0.4, 0.75  # largest relative change of height; largest slope over the whole width
CORRELATED, INDEPENDENT = 0.22, 0.02  # standard deviations of the two noises
TEMPLATES = np.array(
    [
        [4, 7, 8, 7, 4, 1, 0, 1, 4, 7, 8, 4],
        [1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 4, 1],
        [5, 8, 8, 5, 2, 2, 3, 5, 3, 1, 0, 0],
        [6, 8, 5, 2, 5, 6, 5, 2, 1, 3, 6, 8],
        [8, 6, 4, 2, 1, 2, 4, 8, 8, 7, 6, 6],
        [0, 0, 4, 8, 8, 8, 3, 2, 2, 5, 6, 3],
        [8, 7, 5, 3, 1, 0, 2, 5, 6, 5, 2, 0],
        [7, 8, 8, 8, 7, 6, 4, 3, 2, 2, 1, 1],
        [3, 7, 7, 3, 2, 6, 8, 6, 2, 3, 7, 7],
        [2, 5, 6, 5, 2, 0, 3, 6, 8, 8, 4, 0],
    ]
)


def load_mnist1d() -> Dataset:
    """Return 4000 training and 1000 test examples: float32 (n, 40), ten balanced classes."""
    x, y = generate(TRAIN, stream(0, "mnist1d", "train"))
    test_x, test_y = generate(TEST, stream(0, "mnist1d", "test"))
    return from_arrays("mnist1d", x, y, (test_x, test_y), tuple("0123456789"))


def generate(count: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return `count` examples, float32 (count, 40), and int64 labels as balanced as can be."""
    y = np.arange(count, dtype=np.int64) % len(TEMPLATES)
    y = y[np.argsort(generator.random(count), kind="stable")]
    width = TEMPLATES.shape[1]
    least, most = PADDING
    padding = least + np.floor(generator.random(count) * (most - least + 1))
    height = 1 + SCALE * (2 * generator.random(count) - 1)
    offset = (0.5 + ROOM * (generator.random(count) - 0.5)) * padding
    slope = SHEAR * (2 * generator.random(count) - 1)
    across = np.arange(POINTS) / (POINTS - 1)
    place = across * (padding + width - 1)[:, None] - offset[:, None]
    x = height[:, None] * _interpolate(y, place) + slope[:, None] * (across - 0.5)
    x += CORRELATED * _smooth(_bell(generator, (count, POINTS + 8)))
    x += INDEPENDENT * _bell(generator, (count, POINTS))
    return x.astype(np.float32), y


def _interpolate(y: Array, place: Array) -> Array:
    """Return the templates of labels `y` between their points; zero outside of them."""
    centred = (TEMPLATES - 4) / 4
    padded = np.pad(centred, ((0, 0), (1, 2)))
    width = TEMPLATES.shape[1]
    place = np.minimum(np.maximum(place, -1.0), float(width)) + 1
    left = np.floor(place).astype(np.int64)
    share = place - left
    rows = y[:, None]
    value: Array = (1 - share) * padded[rows, left] + share * padded[rows, left + 1]
    return value


def _bell(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Return nearly normal numbers, mean 0 and variance 1: a centred sum of twelve uniforms."""
    total = generator.random(shape)
    for _ in range(11):
        total += generator.random(shape)
    return total - 6


def _smooth(noise: Array) -> Array:
    """Return `noise` (n, k) filtered by the binomial kernel of 9 points: (n, k - 8), variance 1."""
    for _ in range(4):
        noise = (noise[:, :-2] + noise[:, 1:-1] + noise[:, 1:-1] + noise[:, 2:]) / 4
    return noise * 2.2568  # 1 / root of the sum of (binomial(8, k) / 256) squared
