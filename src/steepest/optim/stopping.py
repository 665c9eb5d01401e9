"""Early stopping as a pure function of the monitored values so far; no counter is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from steepest.errors import UsageError

MAXIMIZED = ("accuracy", "precision", "recall", "f1")


def is_maximized(monitor: str) -> bool:
    """Tell whether larger values of a metric are better.

    >>> is_maximized("val_accuracy"), is_maximized("val_loss")
    (True, False)
    """
    return any(word in monitor for word in MAXIMIZED)


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    The meaning is Keras'; with `restore_best` the weights of the best epoch are taken, also when
    the run ends without stopping early (Keras does so only when it stops).
    """

    patience: int = 5
    min_delta: float = 0.001
    monitor: str = "val_loss"
    restore_best: bool = True

    def __post_init__(self) -> None:
        for name in ("patience", "min_delta"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name} must be at least 0, not {getattr(self, name)!r}")

    def best(self, values: Sequence[float]) -> int:
        """Return the index of the last value that improved on all before by more than min_delta."""
        sign = -1.0 if is_maximized(self.monitor) else 1.0
        best, found = 0, float("inf")
        for i, value in enumerate(values):
            if sign * value < found - self.min_delta:
                best, found = i, sign * value
        return best

    def stops(self, values: Sequence[float]) -> bool:
        """Tell whether to stop after these values, one an epoch.

        >>> EarlyStopping(patience=2, min_delta=0.0).stops([1.0, 0.9, 0.95, 0.91])
        True
        """
        return len(values) > 0 and len(values) - 1 - self.best(values) >= self.patience
