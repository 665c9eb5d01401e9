"""The study that `study.py` times: 105 short runs of the MLP on a part of MNIST."""

import itertools
from dataclasses import dataclass

import mnist
import numpy as np

RULES = ("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "nadam")
LARGE, SMALL = (0.01, 0.03, 0.1, 0.2, 0.3), (0.0003, 0.001, 0.002, 0.003, 0.01)
RATES = {rule: LARGE if rule in ("sgd", "momentum", "adagrad") else SMALL for rule in RULES}
SEEDS, BATCH, EPOCHS = 3, 64, 3
TRAIN, VALIDATION, TEST = 10_240, 2_560, 2_000
STEPS = TRAIN // BATCH


@dataclass(frozen=True)
class Cell:
    """One run: a rule, its learning rate, a seed."""

    rule: str
    rate: float
    seed: int


def cells(count: int | None = None) -> list[Cell]:
    """Return the runs, seed by seed and rule by rule; or `count` of them, evenly chosen."""
    every = [
        Cell(rule, rate, seed)
        for seed, rule in itertools.product(range(SEEDS), RULES)
        for rate in RATES[rule]
    ]
    if count is None:
        return every
    return [every[int(k)] for k in np.linspace(0, len(every) - 1, count).round()]


def parts() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return images as bytes and labels for training, validation and test."""
    images, labels = mnist.load()
    edges = np.cumsum([0, TRAIN, VALIDATION, TEST])
    spans = [slice(a, b) for a, b in itertools.pairwise(edges)]
    names = ("train", "validation", "test")
    return {name: (images[s], labels[s]) for name, s in zip(names, spans, strict=True)}


def prepared() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the same as float32 rows in [0, 1], as a user prepares them once."""
    return {name: (mnist.scaled(x), y) for name, (x, y) in parts().items()}
