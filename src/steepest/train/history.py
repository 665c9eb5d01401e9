"""What a training run left: its epochs, as Keras' `History` and as rows."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from steepest.train.loop import Epoch

NAMES = {"train_loss": "loss", "train_accuracy": "accuracy"}  # Keras' names of training metrics


def logs(row: Mapping[str, float]) -> dict[str, float]:
    """Return an epoch's metrics by Keras' names: loss, accuracy, val_loss, val_accuracy, lr, ..."""
    dropped = ("epoch", "updates", "examples", "flops", "seconds")
    return {NAMES.get(k, k): v for k, v in row.items() if k not in dropped}


def metrics(rows: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return the metrics of epochs by Keras' names; those that were never measured are left out."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in logs(row).items():
            found.setdefault(name, []).append(value)
    return {name: v for name, v in found.items() if not all(map(math.isnan, v))}


@dataclass
class History:
    """The epochs of a `fit`; `history` maps metric names to lists, one value an epoch.

    `status` is "finished", "stopped" (by a callback) or "diverged"; `best` the 0-based index of
    the epoch whose weights the model has, where early stopping restored them.
    """

    epochs: list[Epoch] = field(default_factory=list, repr=False)  # long, with their confusions
    status: str = "finished"
    best: int | None = None

    @property
    def history(self) -> dict[str, list[float]]:
        """The metrics by name, one value an epoch; those that were never measured are left out."""
        return metrics(self.rows())

    @property
    def seconds(self) -> float:
        """Seconds of training, evaluation not included."""
        return self.epochs[-1].seconds if self.epochs else 0.0

    def rows(self) -> list[dict[str, Any]]:
        """Return one flat row an epoch, for tables and plots."""
        return [epoch.row() for epoch in self.epochs]
