"""Which rows of the training data a run trains on, validates on, and holds out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.data import Dataset, batches, some, split
from steepest.data.fold import DEAL
from steepest.spec import RunSpec

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of the training and validation examples of every run: (R, n) each."""

    train: Array
    validation: Array


def split_rows(specs: Sequence[RunSpec], dataset: Dataset) -> Split:
    """Return the rows of every run: what its outer fold leaves, or so many of these, split."""
    pairs = [_pair(spec, dataset) for spec in specs]
    return Split(np.stack([a for a, _ in pairs]), np.stack([b for _, b in pairs]))


def _pair(spec: RunSpec, dataset: Dataset) -> tuple[Array, Array]:
    left = np.arange(dataset.n) if spec.outer is None else spec.outer.rows(dataset.y)[0]
    if spec.examples is not None:  # folds are the same for all seeds, so what they split is too
        left = left[some(dataset.y[left], spec.examples, DEAL if spec.fold else spec.seed)]
    labels = dataset.y[left]
    if spec.fold is not None:
        train, validation = spec.fold.rows(labels)
    elif spec.validation:
        train, validation = split(labels, spec.validation, spec.seed)
    else:
        train, validation = np.arange(len(left)), np.arange(0)
    return left[train], left[validation]


def held_rows(spec: RunSpec, dataset: Dataset) -> Array:
    """Return the rows of the run's outer fold, which stands for the test set; none without one."""
    return np.arange(0) if spec.outer is None else spec.outer.rows(dataset.y)[1]


def split_sizes(spec: RunSpec, dataset: Dataset) -> tuple[int, int]:
    """Return how many examples a run trains and validates on."""
    train, validation = _pair(spec, dataset)
    return len(train), len(validation)


def steps_of(spec: RunSpec, dataset: Dataset) -> int:
    """Return the updates of a whole epoch of a run."""
    n, size = split_sizes(spec, dataset)[0], spec.batch_size
    full, tail = batches(n, size if size == "full" else min(int(size), n))
    return full + (tail > 0)


def passes(spec: RunSpec, steps: int) -> float:
    """Return the epochs of a run, of `steps` updates each: a fraction where `updates` decides."""
    return spec.epochs if spec.updates is None else spec.updates / steps
