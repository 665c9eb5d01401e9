"""A run of `steepest train` that can be interrupted: the same command goes on where it stopped.

A long run leaves a checkpoint in its folder every half minute; a process that trains holds the
folder's lock, so that a second one with the same command begins a folder of its own.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steepest.cli import run_folder
from steepest.data import Dataset
from steepest.identity import run_key
from steepest.spec import RunSpec
from steepest.study.lock import FileLock, HeldError
from steepest.study.task import CHECKPOINT_SECONDS, Teller
from steepest.train.finish import Result, complete
from steepest.train.state import State
from steepest.train.track import Past, best_rule

CHECKPOINT, LOCK = "checkpoint.safetensors", ".lock"


@dataclass
class Course:
    """A run on its way; `folder` is made after the first epoch, when the run is known to work."""

    spec: RunSpec
    dataset: Dataset
    parent: Path  # of the run's folder
    folder: Path | None = None
    lock: FileLock | None = None

    def train(self, show: Callable[[Any], Any], fresh: bool) -> tuple[Result, Path]:
        """Train to the end, from a checkpoint where one is left, unless a `fresh` run is wanted."""
        key = run_key(self.spec, self.dataset.digest)
        teller = Teller(_unheard, self.parent / CHECKPOINT, key, best_rule(self.spec))
        state = None if fresh else self._take_up(teller, key)

        def note(epoch: Any, read: Callable[[], State]) -> None:
            if self.folder is None:
                self.folder = run_folder.create(self.parent, self.spec, self.dataset)
                self._hold(self.folder)
                teller.path = self.folder / CHECKPOINT
            teller.tell(epoch, read)
            show(epoch)

        past = Past(tuple(teller.rows), teller.best)
        try:
            result = complete(self.spec, self.dataset, note, state, "best", past)
        except (KeyboardInterrupt, SystemExit):
            self._leave(teller.path)
            raise
        finally:
            self._release()
        teller.path.unlink(missing_ok=True)
        assert self.folder is not None  # noqa: S101 - made after the first epoch, or taken up
        return result, self.folder

    def _take_up(self, teller: Teller, key: str) -> State | None:
        """Return the state of the latest sound checkpoint of this run that nobody works on."""
        for path in sorted(self.parent.glob(f"*/{CHECKPOINT}"), key=_age):
            if run_folder.key_of(path.parent) != key or not self._hold(path.parent):
                continue
            teller.path = path
            state = teller.resume()
            if state is not None:
                self.folder = path.parent
                sys.stderr.write(f"going on after epoch {state.epoch} of {path.parent}\n")
                return state
            self._release()
        return None

    def _leave(self, checkpoint: Path) -> None:
        """Say what an interruption left; a folder without a checkpoint is of no use to anyone."""
        if checkpoint.exists():
            sys.stderr.write("Stopped. The same command goes on from the last checkpoint.\n")
        elif self.folder is not None:
            self._release()
            shutil.rmtree(self.folder, ignore_errors=True)
            sys.stderr.write(
                "Stopped, and nothing is kept: a run leaves a checkpoint every "
                f"{CHECKPOINT_SECONDS:.0f} s.\n"
            )

    def _hold(self, folder: Path) -> bool:
        """Tell whether the folder's lock could be had."""
        self.lock = FileLock(folder / LOCK, 0)
        try:
            self.lock.acquire()
        except HeldError:
            self.lock = None
        return self.lock is not None

    def _release(self) -> None:
        if self.lock is not None:
            self.lock.close()
        self.lock = None


def _unheard(_: Any) -> None:
    """Nobody listens to a single run's epochs."""


def _age(path: Path) -> float:
    return -path.stat().st_mtime
