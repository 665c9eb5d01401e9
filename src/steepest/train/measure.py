"""Measurements of a classifier from its confusion matrix, and of a run from its epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Measure:
    """What an evaluation found. Averages are macro: the plain mean over classes.

    `confusion` (K, K) counts examples of true class (row) by predicted class (column); None for
    regression, where everything but `loss` is NaN. As in scikit-learn (zero_division=0), a class
    never predicted has precision 0 and one never present recall 0; classes that are neither are
    left out of the averages.
    """

    loss: float
    examples: int
    confusion: Array | None = None

    @property
    def accuracy(self) -> float:
        """The fraction of examples predicted right."""
        if self.confusion is None:
            return float("nan")
        return float(np.trace(self.confusion)) / max(self.examples, 1)

    @property
    def class_recall(self) -> Array:
        """The fraction of each class predicted right: the accuracy of the class."""
        return self._ratio(1)

    def has(self, k: int) -> bool:
        """Tell whether class k has examples here."""
        return self.confusion is not None and bool(self.confusion[k].sum())

    @property
    def class_precision(self) -> Array:
        """The fraction right of what was predicted as each class."""
        return self._ratio(0)

    @property
    def class_f1(self) -> Array:
        """The harmonic mean of precision and recall, by class."""
        p, r = self.class_precision, self.class_recall
        f1: Array = np.divide(2 * p * r, p + r, out=np.zeros_like(p), where=p + r > 0)
        return f1

    @property
    def precision(self) -> float:
        """Macro precision."""
        return self._macro(self.class_precision)

    @property
    def recall(self) -> float:
        """Macro recall."""
        return self._macro(self.class_recall)

    @property
    def f1(self) -> float:
        """Macro F1."""
        return self._macro(self.class_f1)

    def _ratio(self, axis: int) -> Array:
        if self.confusion is None:
            return np.full(1, np.nan)
        hits, total = np.diag(self.confusion).astype(float), self.confusion.sum(axis=axis)
        ratio: Array = np.divide(hits, total, out=np.zeros_like(hits), where=total > 0)
        return ratio

    def _macro(self, values: Array) -> float:
        if self.confusion is None:
            return float("nan")
        present = (self.confusion.sum(axis=0) + self.confusion.sum(axis=1)) > 0
        return float(values[present].mean()) if present.any() else float("nan")

    def plain(self, classes: Sequence[str] = ()) -> dict[str, Any]:
        """Return the measurements as plain values, per class too."""
        found: dict[str, Any] = {"loss": self.loss, "examples": self.examples}
        if self.confusion is not None:
            names = list(classes) or [str(i) for i in range(len(self.confusion))]
            found |= {
                "accuracy": self.accuracy, "precision": self.precision, "recall": self.recall,
                "f1": self.f1,
                "class_accuracy": dict(zip(names, self.class_recall.tolist(), strict=True)),
                "confusion": self.confusion.tolist(),
            }  # fmt: skip
        return found


def confusion(true: Array, predicted: Array, classes: int) -> Array:
    """Return the (K, K) counts of true class by predicted class."""
    flat = np.bincount(true * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def stability(values: Sequence[float]) -> float:
    """Return the standard deviation of epoch-to-epoch changes over the last half of a run.

    NaN where that half has fewer than three epochs, or nothing was measured.
    """
    half = np.asarray(values[len(values) // 2 :], float)
    return float(np.diff(half).std()) if len(half) > 2 else float("nan")
