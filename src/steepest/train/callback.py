"""Callbacks of `Model.fit`, by the names Keras users know.

They look at the history and answer; the loop decides. `EarlyStopping` is a pure function of the
monitored values, `LearningRateScheduler` becomes a schedule before training starts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steepest.errors import UsageError, nearest
from steepest.optim.schedule import Table
from steepest.optim.stopping import EarlyStopping
from steepest.train.state import check_suffix

__all__ = ["EarlyStopping", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint"]


@dataclass(frozen=True)
class LearningRateScheduler:
    """A rate for every epoch (0-based): a table {epoch: rate}, or a function of (epoch, rate)."""

    schedule: Mapping[int, float] | Callable[..., float]

    def table(self, lr: float, epochs: int) -> Table:
        """Return the schedule as a table; a function is asked once per epoch, in order."""
        if isinstance(self.schedule, Mapping):
            return Table(tuple(sorted((int(e), float(r)) for e, r in self.schedule.items())))
        if not epochs:
            raise UsageError("a function of the epoch needs epochs, not updates; name a schedule")
        rows, rate = [], lr
        for epoch in range(epochs):
            try:
                rate = float(self.schedule(epoch, rate))
            except TypeError:  # Keras accepts functions of the epoch alone, too
                rate = float(self.schedule(epoch))
            rows.append((epoch, rate))
        return Table(tuple(rows))


@dataclass(frozen=True)
class ModelCheckpoint:
    """Save the model after an epoch: each time, or only when `monitor` is the best so far."""

    path: str | Path
    save_best_only: bool = True
    monitor: str = "val_loss"

    def __post_init__(self) -> None:
        check_suffix(self.path)

    def is_due(self, values: list[float]) -> bool:
        """Tell whether to save after these values, one an epoch."""
        rule = EarlyStopping(min_delta=0.0, monitor=self.monitor)
        return not self.save_best_only or rule.best(values) == len(values) - 1


@dataclass(frozen=True)
class LambdaCallback:
    """Functions called at the ends of epochs and at both ends of training.

    `on_epoch_end(epoch, logs)` may return True to stop.
    """

    on_epoch_end: Callable[[int, dict[str, float]], Any] | None = None
    on_train_begin: Callable[[], Any] | None = None
    on_train_end: Callable[[], Any] | None = None


def monitored(history: Mapping[str, list[float]], monitor: str) -> list[float]:
    """Return the values of a metric, one an epoch; UsageError where it is not measured."""
    if monitor not in history:
        raise UsageError(f"cannot monitor '{monitor}'; {nearest(monitor, history)}")
    return history[monitor]
