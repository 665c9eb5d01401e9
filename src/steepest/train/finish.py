"""The finish of runs: the loop driven to its end, the weights and measurements they leave.

Runs of one shape may be driven together, in one program; those that are over leave it, as soon as
enough have to be worth a smaller one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from steepest.data import Dataset
from steepest.errors import DataError
from steepest.spec import RunSpec
from steepest.train.evaluate import evaluate, evaluate_test_set
from steepest.train.loop import Epoch, last_finite, train_session
from steepest.train.measure import Measure, stability
from steepest.train.narrow import narrowed
from steepest.train.partition import held_rows
from steepest.train.session import Session, open_session, read_state, write_state
from steepest.train.state import State
from steepest.train.track import Past, Row, Track, restores

WORTH = 0.75  # of a program's runs or fewer still going: a smaller program is worth binding
Read = Callable[[], State]


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
    run: int = 0  # its place in the session

    @property
    def state(self) -> State | None:
        """The weights the run is measured by: the last, or those that early stopping restored."""
        return self.best if restores(self.session.specs[self.run]) else self.last

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
    on_epoch: Callable[[Epoch, Read], Any] | None = None,
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

    def ask(_: Track, epoch: Epoch, read: Read) -> Any:
        return None if on_epoch is None else on_epoch(epoch, read)

    return complete_group([Track(spec, keep, state, past)], dataset, ask)[0]


def complete_group(
    tracks: Sequence[Track],
    dataset: Dataset,
    on_epoch: Callable[[Track, Epoch, Read], Any] | None = None,
) -> list[Result]:
    """Train runs that share a program, each to its own end; return what each of them left.

    `on_epoch` is as in `complete`, with the run's track first. An epoch's seconds are shared out
    among the runs of the program. Tracks that are resumed stand at the same epoch. The results
    equal those of `complete`, run by run: bitwise on NumPy's engine. Raises UsageError where runs
    cannot share a program.
    """
    whole = session = _open(tracks, dataset)
    members = [c for c in tracks if not c.left]
    if len(members) < len(tracks):
        session = narrowed(whole, [i for i, c in enumerate(tracks) if not c.left])
    while going := [c for c in members if not c.status]:
        if len(going) <= WORTH * len(members):
            session = narrowed(session, [i for i, c in enumerate(members) if not c.status])
            for track in members:
                track.left = bool(track.status)
            members = going
        _advance(session, members, on_epoch)
    results = [
        Result(tuple(c.epochs), tuple(c.rows), _end(c, whole), c.last, c.best, whole, None, None, i)
        for i, c in enumerate(tracks)
    ]
    return _measured(results)


def _end(track: Track, session: Session) -> str:
    """Return how a run ended: who is stopped after the last epoch is finished."""
    stopped = track.status == "stopped" and track.epoch < session.epochs
    return track.status if stopped or track.status == "diverged" else "finished"


def _open(tracks: Sequence[Track], dataset: Dataset) -> Session:
    states = [c.last for c in tracks]
    masked = any(s is not None and "mask" in s.arrays for s in states)
    session = open_session([c.spec for c in tracks], dataset, masked=masked)
    for run, state in enumerate(states):
        if state is not None:
            write_state(session, state, run)
    return session


def _advance(
    session: Session,
    members: Sequence[Track],
    on_epoch: Callable[[Track, Epoch, Read], Any] | None,
) -> None:
    """Train the members of a program until enough of them are over, or no epoch is left."""
    spent, start = 0.0, next(c.epoch for c in members if not c.status)
    for found in train_session(session, start):
        seconds, spent = (found[0].seconds - spent) / len(members), found[0].seconds
        for run, track in enumerate(members):
            if track.status:
                continue
            read = partial(read_state, session, found[run].epoch, run)
            epoch = track.note(found[run], seconds, read)
            if on_epoch is not None and on_epoch(track, epoch, read) is True:
                track.end("stopped")
        if sum(not c.status for c in members) <= WORTH * len(members):
            return
    for track in members:
        track.end("finished")


def evaluate_test(result: Result) -> Measure:
    """Open the test set: measure the run's weights on it. Who calls this records that they did.

    A run with an outer fold is measured on that instead; the test set stays closed.
    """
    if result.state is None:
        raise DataError("the run diverged in its first epoch: there are no weights to test")
    return _tested(result)[result.run]


def evaluate_tests(results: Sequence[Result]) -> list[Measure | None]:
    """Open the test set for the results of one group; None where a run has no weights."""
    if all(r.state is None for r in results):
        return [None] * len(results)
    found = _tested(results[0])
    return [None if r.state is None else found[r.run] for r in results]


def _tested(result: Result) -> list[Measure]:
    dataset = result.session.dataset
    held = np.stack([held_rows(spec, dataset) for spec in result.session.specs])
    if held.shape[1]:
        return evaluate(result.session, held)
    if len(dataset.test_x) == 0:
        raise DataError(f"data set '{dataset.name}' has no test set")
    return evaluate_test_set(result.session)


def at_best(results: Sequence[Result]) -> list[Result]:
    """Return the results of a group at the weights of the best epochs, where they were kept."""
    return _measured([replace(r, last=r.last if r.best is None else r.best) for r in results])


def _measured(results: Sequence[Result]) -> list[Result]:
    """Put the runs' weights into their session and measure them."""
    weighed = [r for r in results if r.state is not None]
    if not weighed:
        return list(results)
    session, newest = weighed[0].session, {r.run: _newest(r) for r in weighed}
    for r in weighed:
        moved = newest[r.run] is None or r.status == "diverged" or len(results) > 1
        if moved and r.state is not None:
            write_state(session, r.state, r.run)
    held = session.split.validation
    known = {run: None if e is None else e.validation for run, e in newest.items()}
    if held.shape[1] and None in known.values():
        fresh = evaluate(session, held)
        known = {run: one or fresh[run] for run, one in known.items()}
    training = evaluate(session, session.split.train)
    return [
        replace(r, training=training[r.run], measure=known[r.run]) if r.run in known else r
        for r in results
    ]


def _newest(result: Result) -> Epoch | None:
    """Return the last epoch if the run's weights are those after it, and it was of this call."""
    newest = last_finite(result.epochs)
    here = newest is not None and result.state is not None and newest.epoch == result.state.epoch
    return newest if here else None
