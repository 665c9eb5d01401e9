"""The finish of a run: the loop driven to its end, the weights and measurements it leaves.

What stops a run (early stopping, divergence, the caller) is decided here, from what the generator
of epochs yields; the generator itself knows nothing of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from steepest.data import Dataset
from steepest.errors import DataError, UsageError
from steepest.optim.stopping import EarlyStopping
from steepest.spec import RunSpec
from steepest.train.callback import monitored
from steepest.train.evaluate import evaluate, evaluate_test_set
from steepest.train.history import logs
from steepest.train.loop import Epoch, last_finite, train_session
from steepest.train.measure import Measure, stability
from steepest.train.session import Session, open_session, read_state, write_state
from steepest.train.state import State

KEEPS = ("last", "best")
Row = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Past:
    """What a resumed run left before: a row an epoch (`Epoch.row`) and its best state so far."""

    rows: tuple[Row, ...] = ()
    best: State | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """What a run left. `last` is the state after its last finite epoch, None if it had none.

    `best` is the state of the best epoch, where it was asked for or early stopping restores it.
    `training` (None if there are no weights) and `measure` (of the validation examples, None if
    nothing was held out) are taken in evaluation mode at `state`.
    """

    epochs: tuple[Epoch, ...]  # of this call; a diverged one is the last
    rows: tuple[Row, ...]  # of all finite epochs, a resumed run's earlier ones too
    status: str  # "finished", "stopped" or "diverged"
    last: State | None
    best: State | None
    session: Session  # holds the weights of `state`
    training: Measure | None
    measure: Measure | None

    @property
    def state(self) -> State | None:
        """The weights the run is measured by: the last, or those that early stopping restored."""
        return self.best if restores(self.session.spec) else self.last

    @property
    def gap(self) -> float:
        """Generalization gap: training accuracy, in evaluation mode, minus validation accuracy."""
        if self.training is None or self.measure is None:
            return float("nan")
        return self.training.accuracy - self.measure.accuracy

    @property
    def stability(self) -> float:
        """Standard deviation of epoch-to-epoch changes of validation accuracy, last half."""
        return stability([row["val_accuracy"] for row in self.rows if "val_accuracy" in row])

    @property
    def params(self) -> int:
        """The number of trained parameters."""
        return self.session.task.declared.size


def complete(
    spec: RunSpec,
    dataset: Dataset,
    on_epoch: Callable[[Epoch, Callable[[], State]], Any] | None = None,
    state: State | None = None,
    keep: str = "last",
    past: Past | None = None,
) -> Result:
    """Train one run to its end and return what it left.

    Early stopping is the spec's. `on_epoch(epoch, read)` sees every epoch, the diverged one too;
    `read()` copies the State out; it stops the run by returning True. `state` resumes after its
    epoch; `past` then holds the epochs before it: early stopping and `stability` look at them, and
    seconds are counted on. `keep="best"` also keeps the state of the lowest validation loss
    (training loss where nothing is held out).
    """
    if keep not in KEEPS:
        raise UsageError(f"keep must be one of {', '.join(KEEPS)}, not {keep!r}")
    past = past or Past()
    keeps_best = keep == "best" or restores(spec)
    if keeps_best and past.rows and past.best is None:
        raise UsageError("a run that keeps its best weights resumes from `past` with their state")
    session = _open(spec, dataset, state)
    rows, epochs, last, best = list(past.rows), [], state, past.best
    rule = best_rule(spec)
    status, offset = "finished", rows[-1]["seconds"] if rows else 0.0
    stopped = bool(rows) and _stops(spec, rows)
    start = session.epochs if stopped else 0 if state is None else state.epoch
    for (found,) in train_session(session, start):
        epoch = replace(found, seconds=offset + found.seconds)
        epochs.append(epoch)
        read = partial(read_state, session, epoch.epoch)
        asked = False if on_epoch is None else on_epoch(epoch, read)
        if epoch.diverged:
            status = "diverged"
            break
        rows.append(epoch.row())
        last = read_state(session, epoch.epoch)
        if keeps_best and rule.best(monitored_values(rows, rule.monitor)) == len(rows) - 1:
            best = last
        stopped = asked is True or _stops(spec, rows)
        if stopped:
            break
    if stopped and last is not None and last.epoch < session.epochs:
        status = "stopped"
    return _measured(Result(tuple(epochs), tuple(rows), status, last, best, session, None, None))


def _open(spec: RunSpec, dataset: Dataset, state: State | None) -> Session:
    session = open_session([spec], dataset, masked=state is not None and "mask" in state.arrays)
    if state is not None:
        write_state(session, state)
    return session


def evaluate_test(result: Result) -> Measure:
    """Open the test set: measure the run's weights on it. Who calls this records that they did."""
    dataset = result.session.dataset
    if len(dataset.test_x) == 0:
        raise DataError(f"data set '{dataset.name}' has no test set")
    if result.state is None:
        raise DataError("the run diverged in its first epoch: there are no weights to test")
    (measure,) = evaluate_test_set(result.session)
    return measure


def restores(spec: RunSpec) -> bool:
    """Tell whether early stopping gives a run its best weights at the end."""
    return spec.early_stopping is not None and spec.early_stopping.restore_best


def best_rule(spec: RunSpec) -> EarlyStopping:
    """Return what calls an epoch the best so far: early stopping's rule, else the lowest loss."""
    monitor = "val_loss" if spec.validation else "loss"
    return spec.early_stopping or EarlyStopping(min_delta=0.0, monitor=monitor)


def monitored_values(rows: Sequence[Row], monitor: str) -> list[float]:
    """Return a metric of every epoch, by the names that callbacks monitor."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in logs(row).items():
            found.setdefault(name, []).append(value)
    return monitored(found, monitor)


def _stops(spec: RunSpec, rows: Sequence[Row]) -> bool:
    rule = spec.early_stopping
    return rule is not None and rule.stops(monitored_values(rows, rule.monitor))


def _measured(result: Result) -> Result:
    """Put the run's weights into its session and measure them."""
    session, state = result.session, result.state
    if state is None:
        return result
    newest = last_finite(result.epochs)
    moved = result.status == "diverged" or newest is None or newest.epoch != state.epoch
    if moved:
        write_state(session, state)
    held = session.split.validation
    known = None if newest is None or newest.epoch != state.epoch else newest.validation
    if known is None and held.shape[1]:
        (known,) = evaluate(session, held)
    (training,) = evaluate(session, session.split.train)
    return replace(result, training=training, measure=known)
