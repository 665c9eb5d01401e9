"""A dense run kept while it is trained: killed anywhere, it goes on from its last kept epoch."""

import time
from collections.abc import Callable
from pathlib import Path

from steepest.compress.sweep import train_dense, weights_of
from steepest.data import Dataset
from steepest.errors import DataError
from steepest.spec import RunSpec
from steepest.train.finish import complete
from steepest.train.loop import Epoch
from steepest.train.state import State, load_arrays, save_arrays

PAUSE = 10.0  # seconds at least between two writings of a state


def train_kept(folder: Path, spec: RunSpec, dataset: Dataset) -> State:
    """Return a dense run's weights: from the folder's file, or trained on from it.

    The bits are those of an uninterrupted run. A run that may stop early is kept when it has ended
    only, because what it has seen so far decides when it stops.
    """
    path = folder / f"dense-{spec.seed}.safetensors"
    known, done = _read(path)
    if known is not None and done:
        return known
    if spec.early_stopping is not None:
        state = train_dense(spec, dataset)
    else:
        state = weights_of(complete(spec, dataset, on_epoch=_keeper(path), state=known))
    _write(path, state, True)
    return state


def _keeper(path: Path) -> Callable[[Epoch, Callable[[], State]], None]:
    """Return what keeps the state after an epoch, if the last time is long enough ago."""
    last = time.monotonic()

    def keep(epoch: Epoch, read: Callable[[], State]) -> None:
        nonlocal last
        if not epoch.diverged and time.monotonic() - last >= PAUSE:
            _write(path, read(), False)
            last = time.monotonic()

    return keep


def _read(path: Path) -> tuple[State | None, bool]:
    if not path.exists():
        return None, False
    arrays, about = load_arrays(path)
    if not isinstance(about.get("epoch"), int):
        raise DataError(f"'{path}' does not say which epoch it holds; remove it to train anew")
    return State(about["epoch"], arrays), bool(about.get("done"))


def _write(path: Path, state: State, done: bool) -> None:
    save_arrays(path, state.arrays, {"epoch": state.epoch, "done": done})
