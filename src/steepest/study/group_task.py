"""What a worker does with runs that share a program: as with one run, for all of them at once.

A long group leaves one checkpoint at most every 30 s, of all its runs after the same epoch: so its
program is as wide as before when it goes on.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from steepest.data import load
from steepest.errors import DataError
from steepest.spec import RunSpec, from_plain
from steepest.study import task as single
from steepest.study.task import BEST, LAST, checkpoint_path, columns, named, summarise
from steepest.train.finish import at_best, complete_group, evaluate_tests
from steepest.train.lender import LENDER
from steepest.train.loop import Epoch
from steepest.train.state import State, load_arrays, save_arrays
from steepest.train.track import Past, Track


def perform(task: dict[str, Any], send: Any) -> dict[str, Any]:
    """Execute the task of one run, or {"runs": [{"spec", "key"}, ...], "key", ...} of a group.

    A group's events and result are told by the keys of its runs.
    """
    if "runs" not in task:
        return single.perform(task, send)
    specs = [from_plain(run["spec"]) for run in task["runs"]]
    dataset = load(specs[0].data, list(specs[0].classes) or None, specs[0].target)
    path = checkpoint_path(Path(task["folder"]), task["key"])
    teller = GroupTeller(send, path, [run["key"] for run in task["runs"]])
    tracks = teller.resume(specs, task["keep"])
    results = complete_group(tracks, dataset, teller.tell)
    teller.flush()
    if task["keep"] == "best":
        results = at_best(results)
    found = [summarise(result) for result in results]
    tests = evaluate_tests(results) if task["test"] else []
    for run, measure in enumerate(tests):
        if measure is not None:
            found[run]["test"] = measure.plain(dataset.classes)
    path.unlink(missing_ok=True)
    LENDER.give(results[0].session)
    return dict(zip(teller.keys, found, strict=True))


class GroupTeller:
    """Tells of the epochs of a group's runs, and leaves checkpoints of long groups."""

    def __init__(self, send: Any, path: Path, keys: Sequence[str]) -> None:
        self.keys = list(keys)
        self.tracks: list[Track] = []
        self._path = path
        self._send = send
        self._told = [0] * len(self.keys)
        self._last_told = self._last_saved = time.monotonic()

    def resume(self, specs: Sequence[RunSpec], keep: str) -> list[Track]:
        """Return the runs' tracks: from a sound checkpoint of this very group, else from 0."""
        self.tracks = [Track(spec, keep) for spec in specs]
        try:
            arrays, about = load_arrays(self._path)
        except DataError:
            return self.tracks
        if about.get("keys") == self.keys:
            kept = zip(specs, about["runs"], strict=True)
            self.tracks = [_track(s, keep, run, f"{i}.", arrays) for i, (s, run) in enumerate(kept)]
        return self.tracks

    def tell(self, _: Track, epoch: Epoch, __: Callable[[], State]) -> None:
        """Take note of one run's epoch; when all have ended it, tell and save what is due."""
        if any(not t.status and t.epoch < epoch.epoch for t in self.tracks):
            return
        now = time.monotonic()
        if now - self._last_told > single.TELL_SECONDS:
            self.flush()
        if now - self._last_saved > single.CHECKPOINT_SECONDS:
            self._save()

    def flush(self) -> None:
        """Send the epochs that were not told yet."""
        found = {}
        for i, (key, track) in enumerate(zip(self.keys, self.tracks, strict=True)):
            fresh, self._told[i] = track.rows[self._told[i] :], len(track.rows)
            if fresh:
                found[key] = {"epochs": [columns(dict(row)) for row in fresh]}
        self._last_told = time.monotonic()
        if found:
            self._send(found)

    def _save(self) -> None:
        arrays: dict[str, Any] = {}
        runs = []
        for i, track in enumerate(self.tracks):
            states = {LAST: track.last, BEST: track.best}
            for lead, state in states.items():
                own = {} if state is None else state.arrays
                arrays |= {f"{i}.{lead}{name}": values for name, values in own.items()}
            epochs = {lead: None if s is None else s.epoch for lead, s in states.items()}
            how = {"status": track.status, "left": track.left, "rows": track.rows}
            runs.append(epochs | how)
        save_arrays(self._path, arrays, {"keys": self.keys, "runs": runs})
        self._last_saved = time.monotonic()


def _track(
    spec: RunSpec, keep: str, about: dict[str, Any], lead: str, arrays: dict[str, Any]
) -> Track:
    """Return a run's track as a checkpoint has it."""

    def state(which: str) -> State | None:
        epoch = about[which]
        return None if epoch is None else State(int(epoch), named(arrays, lead + which))

    track = Track(spec, keep, state(LAST), Past(tuple(about["rows"]), state(BEST)))
    track.status, track.left = about["status"], about["left"]
    return track
