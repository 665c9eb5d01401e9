"""The track of one run: what its epochs have shown so far, and whether it is over.

What stops a run (early stopping, divergence, the caller, the end of its epochs) is noted here, from
what the generator of epochs yields; the generator itself knows nothing of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from steepest.errors import UsageError
from steepest.optim.stopping import EarlyStopping
from steepest.spec import RunSpec
from steepest.train.callback import monitored
from steepest.train.history import metrics
from steepest.train.loop import Epoch
from steepest.train.state import State

KEEPS = ("last", "best")
Row = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Past:
    """What a resumed run left before: a row an epoch (`Epoch.row`) and its best state so far."""

    rows: tuple[Row, ...] = ()
    best: State | None = None


class Track:
    """A run on its way, from its start or from a `state` with the `past` before it.

    With `keep` "best", or where early stopping restores it, the state of the best epoch is kept.
    """

    def __init__(
        self,
        spec: RunSpec,
        keep: str = "last",
        state: State | None = None,
        past: Past | None = None,
    ) -> None:
        if keep not in KEEPS:
            raise UsageError(f"keep must be one of {', '.join(KEEPS)}, not {keep!r}")
        past = past or Past()
        self.spec = spec
        self.rule: EarlyStopping | None = None  # what calls an epoch the best, where that is kept
        if keep == "best" or restores(spec):
            self.rule = best_rule(spec)
        if self.rule is not None and past.rows and past.best is None:
            raise UsageError(
                "a run that keeps its best weights resumes from `past` with their state"
            )
        self.rows: list[Row] = list(past.rows)  # of all finite epochs
        self.epochs: list[Epoch] = []  # since this start; a diverged one is the last
        self.last, self.best = state, past.best
        self.status = ""  # "finished", "stopped" or "diverged" once it is over
        self.left = False  # it is over, and the program goes on without it
        if self.rows and _stops(spec, self.rows):
            self.end("stopped")

    @property
    def epoch(self) -> int:
        """How many epochs lie behind it."""
        return 0 if self.last is None else self.last.epoch

    def note(self, found: Epoch, seconds: float, read: Callable[[], State]) -> Epoch:
        """Take note of an epoch that took `seconds`; return it with the run's own total."""
        before = self.rows[-1]["seconds"] if self.rows else 0.0
        epoch = replace(found, seconds=before + seconds)
        self.epochs.append(epoch)
        if epoch.diverged:
            self.status = "diverged"
            return epoch
        self.rows.append(epoch.row())
        self.last = read()
        if self.rule is not None and is_best(self.rows, self.rule):
            self.best = self.last
        if _stops(self.spec, self.rows):
            self.end("stopped")
        return epoch

    def end(self, status: str) -> None:
        """Let the run be over, unless it is already."""
        self.status = self.status or status


def restores(spec: RunSpec) -> bool:
    """Tell whether early stopping gives a run its best weights at the end."""
    return spec.early_stopping is not None and spec.early_stopping.restore_best


def best_rule(spec: RunSpec) -> EarlyStopping:
    """Return what calls an epoch the best so far: early stopping's rule, else the lowest loss."""
    monitor = "val_loss" if spec.validation else "loss"
    return spec.early_stopping or EarlyStopping(min_delta=0.0, monitor=monitor)


def is_best(rows: Sequence[Row], rule: EarlyStopping) -> bool:
    """Tell whether the last of these epochs is the best by a rule."""
    return rule.best(monitored_values(rows, rule.monitor)) == len(rows) - 1


def monitored_values(rows: Sequence[Row], monitor: str) -> list[float]:
    """Return a metric of every epoch, by the names that callbacks monitor."""
    return monitored(metrics(rows), monitor)


def _stops(spec: RunSpec, rows: Sequence[Row]) -> bool:
    rule = spec.early_stopping
    return rule is not None and rule.stops(monitored_values(rows, rule.monitor))
