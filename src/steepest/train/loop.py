"""The loop: training is a generator of epochs; who wants to stop, stops asking."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from steepest.data import Dataset, batches
from steepest.data.pipeline import Pipeline
from steepest.engine.executor import Bound
from steepest.engine.protocol import Engine
from steepest.spec import RunSpec
from steepest.train.evaluate import evaluate
from steepest.train.measure import Measure
from steepest.train.partition import Split
from steepest.train.probe import is_due, measure_probes
from steepest.train.session import Session, epoch_tables, open_session, write_state
from steepest.train.state import State

Array = np.ndarray[Any, Any]
LOOK = 64  # steps between looks at the losses: a diverged run stops within this many steps


@dataclass(frozen=True, eq=False)
class Epoch:
    """What one run has reached after an epoch; counts and seconds are totals since its start."""

    epoch: int  # 1-based
    updates: int
    examples: int
    flops: float
    seconds: float  # in gathering, replay and the bookkeeping of training; not in evaluation
    train_loss: float  # mean over the epoch, while the parameters moved, penalties not included
    train_accuracy: float
    lr: float  # of the epoch's last step
    validation: Measure | None
    diverged: bool = False
    extra: dict[str, float] = field(default_factory=dict)  # what probes measured

    def row(self) -> dict[str, float]:
        """Return the epoch as one flat row of numbers."""
        found = {
            name: getattr(self, name)
            for name in (
                "epoch", "updates", "examples", "flops", "seconds", "train_loss", "train_accuracy",
                "lr",
            )
        }  # fmt: skip
        if self.validation is not None:
            found |= {"val_loss": self.validation.loss, "val_accuracy": self.validation.accuracy}
            if self.validation.confusion is not None:
                found |= {
                    "val_precision": self.validation.precision,
                    "val_recall": self.validation.recall,
                    "val_f1": self.validation.f1,
                }
        return found | self.extra


@dataclass
class Clock:
    """Seconds spent, by what they were spent on."""

    train: float = 0.0
    replay: float = field(default=0.0)  # of that, in replaying programs


def train(
    spec: RunSpec, dataset: Dataset, given: Split | None = None, state: State | None = None
) -> Iterator[tuple[Epoch, Session]]:
    """Train one run; yield every epoch with the session that holds its weights.

    `state` resumes: the epochs that follow equal those of an uninterrupted run to the last bit.
    After an epoch with `diverged` set nothing follows.
    """
    masked = state is not None and "mask" in state.arrays
    session = open_session([spec], dataset, given, masked=masked)
    if state is not None:
        write_state(session, state)
    for epochs in train_session(session, start=0 if state is None else state.epoch):
        yield epochs[0], session


def train_session(session: Session, start: int = 0) -> Iterator[tuple[Epoch, ...]]:
    """Train all runs of a session; yield one Epoch per run after every epoch.

    A run whose loss is not finite is marked `diverged`; its neighbours go on undisturbed. The
    generator ends when every run has diverged.
    """
    functions, task = session.spec.sample_functions, session.task
    if not functions:
        yield from _train(session, start, None)
        return
    with closing(Pipeline(functions, task.scale, session.engine.real)) as pipeline:
        yield from _train(session, start, pipeline)


def _train(session: Session, start: int, pipeline: Pipeline | None) -> Iterator[tuple[Epoch, ...]]:
    clock = Clock()
    gone = np.zeros(len(session.specs), bool)
    for epoch in range(start, session.epochs):
        began = time.perf_counter()
        tables: dict[str, Any] = epoch_tables(session, epoch)
        if pipeline is not None:
            tables["transformed"] = _transformed(session, pipeline, tables["order"], epoch)
        losses, correct, steps = _epoch(session, epoch, tables, gone, clock)
        clock.train += time.perf_counter() - began
        measures = evaluate(session, session.split.validation) if _validates(session) else None
        finished = _finish(session, epoch, (losses, correct, steps), tables, clock)
        found = tuple(
            _with_validation(e, None if measures is None else measures[r], bool(gone[r]))
            for r, e in enumerate(finished)
        )
        gone = gone | np.array([e.diverged for e in found])
        if is_due(epoch, session.steps):
            extra = measure_probes(session.bound, session.engine, len(found))
            found = tuple(replace(e, extra=more) for e, more in zip(found, extra, strict=True))
        yield found
        if gone.all():
            return


def _transformed(session: Session, pipeline: Pipeline, order: Array, epoch: int) -> Iterator[Array]:
    """Return the batches of an epoch, transformed by worker processes while others are trained."""
    x, batch = session.dataset.x, session.batch
    stored = (x[order[:, k : k + batch]] for k in range(0, order.shape[1], batch))
    return pipeline.batches(stored, [s.seed for s in session.specs], epoch)


def _validates(session: Session) -> bool:
    return bool(session.split.validation.shape[1] > 0)


def _epoch(
    session: Session, epoch: int, tables: dict[str, Array], gone: Array, clock: Clock
) -> tuple[Array, Array, int]:
    """Replay one epoch's steps; return sums of loss and hits by run, and the steps taken."""
    n, wanted = session.split.train.shape[1], session.steps_in(epoch)
    full, tail = batches(n, session.batch)
    full, tail = min(full, wanted), tail if wanted > full else 0
    losses = np.full((wanted, len(session.specs)), np.nan)
    correct = np.zeros_like(losses)
    began = time.perf_counter()
    steps = 0
    if full:
        first = _stretch(tables, 0, full, session.batch, 0)
        index = first.pop("order").swapaxes(0, 1)
        steps = replay(session, session.bound["train"], index, first, (losses, correct), gone)
    if tail and steps == full:
        late = _stretch(tables, full, 1, tail, full * session.batch)
        index, out = late.pop("order").swapaxes(0, 1), (losses[full:], correct[full:])
        steps += replay(session, session.bound["train tail"], index, late, out, gone)
    clock.replay += time.perf_counter() - began
    return losses[:steps].sum(axis=0), correct[:steps].sum(axis=0), steps


def _stretch(
    tables: dict[str, Any], step: int, steps: int, batch: int, example: int
) -> dict[str, Any]:
    """Return what `steps` steps of `batch` examples read, from a step and an example on.

    Every table but that of arriving batches gets the steps as its first axis.
    """
    found = {}
    for name, table in tables.items():
        if name == "order" or name.startswith("augment."):  # (R, n, ...)
            rows = table[:, example : example + steps * batch]
            rows = rows.reshape(len(table), steps, batch, *table.shape[2:])
            found[name] = rows.swapaxes(0, 1)
        elif name == "transformed":
            found[name] = table
        elif name != "lr":
            found[name] = table[step : step + steps]
    return found


@dataclass(frozen=True, eq=False)
class _Arriving:
    """A table of batches that come one by one."""

    convert: Callable[[Array], Any]
    batches: Iterator[Array]

    def __getitem__(self, _: int) -> Any:
        return self.convert(next(self.batches))


def replay(
    session: Session,
    bound: Bound,
    index: Array,
    tables: dict[str, Any],
    results: tuple[Array, Array],
    gone: Array,
) -> int:
    """Replay a program once per row of `index` (R, steps, N); return the steps taken."""
    engine, code = session.engine, bound.code
    feeds = {"index": index.transpose(1, 0, 2), **tables}
    feeds = {name: rows for name, rows in feeds.items() if name in bound.inputs}
    losses, correct = map(engine.column, results)
    host = losses is results[0]  # where NumPy's copies cost less than torch's
    show, copy = (engine.numpy, np.copyto) if host else (_itself, engine.copy)
    copies = [(show(bound.inputs[n]), _rows(engine, bound, n, r, show)) for n, r in feeds.items()]
    loss = show(bound.outputs["loss"])
    hits = show(bound.outputs["correct"]) if "correct" in bound.outputs else None
    for step in range(index.shape[1]):
        for target, rows in copies:
            copy(target, rows[step])
        for kernel, buffers in code:
            kernel(*buffers)
        losses[step] = loss
        if hits is not None:
            correct[step] = hits
        if step % LOOK == LOOK - 1:
            engine.settle(losses, results[0])
            recent = np.isfinite(results[0][step - LOOK + 1 : step + 1]).all(axis=0)
            if not (recent & ~gone).any():
                break
    engine.settle(losses, results[0])
    engine.settle(correct, results[1])
    return step + 1


def _rows(engine: Engine, bound: Bound, name: str, rows: Any, show: Any) -> Any:
    """Return the rows of an input, step by step; transformed examples as they arrive."""

    def table(some: Array) -> Any:
        return show(engine.table(bound.inputs[name], some))

    return _Arriving(table, rows) if name == "transformed" else table(rows)


def _itself(array: Any) -> Any:
    return array


def _finish(
    session: Session,
    epoch: int,
    results: tuple[Array, Array, int],
    tables: dict[str, Array],
    clock: Clock,
) -> list[Epoch]:
    losses, correct, steps = results
    n = session.split.train.shape[1]
    seen = n if steps == session.steps else steps * session.batch
    labelled = session.task.targets == "int"
    return [
        Epoch(
            epoch=epoch + 1,
            updates=epoch * session.steps + steps,
            examples=epoch * n + seen,
            flops=session.flops * epoch + session.flops_of(steps),
            seconds=clock.train,
            train_loss=float(losses[r]) / seen,
            train_accuracy=float(correct[r]) / seen if labelled else float("nan"),
            lr=float(tables["lr"][r]),
            validation=None,
        )
        for r in range(len(session.specs))
    ]


def _with_validation(epoch: Epoch, measure: Measure | None, gone: bool) -> Epoch:
    finite = np.isfinite(epoch.train_loss) and (measure is None or np.isfinite(measure.loss))
    return replace(epoch, validation=measure, diverged=gone or not finite)


def last_finite(epochs: Sequence[Epoch]) -> Epoch | None:
    """Return the last epoch before divergence: what a diverged run is scored by."""
    kept = [e for e in epochs if not e.diverged]
    return kept[-1] if kept else None
