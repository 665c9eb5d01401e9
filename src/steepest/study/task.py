"""What a worker does with one run: load, resume, train, evaluate, and tell of every epoch.

A task and its result are plain values. A long run leaves a checkpoint at most every 30 s; a short
one is simply repeated, and gives the same bits.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steepest.data import load
from steepest.errors import DataError
from steepest.optim.stopping import EarlyStopping
from steepest.spec import from_plain
from steepest.train.finish import Result, at_best, complete, evaluate_test
from steepest.train.lender import LENDER
from steepest.train.loop import Epoch
from steepest.train.probe import is_probed
from steepest.train.state import State, load_arrays, save_arrays
from steepest.train.track import Past, best_rule, is_best, restores

CHECKPOINT_SECONDS = 30.0
EXTRA = ("val_precision", "val_recall", "val_f1")
LAST, BEST = "last.", "best."  # lead the names of a checkpoint's arrays
TELL_SECONDS = 0.05  # epochs of quick runs are told in groups


def perform(task: dict[str, Any], send: Any) -> dict[str, Any]:
    """Execute {"spec", "test", "keep", "key", "folder"}; return status, summary and evaluations."""
    spec = from_plain(task["spec"])
    dataset = load(spec.data, list(spec.classes) or None, spec.target)
    path = checkpoint_path(Path(task["folder"]), task["key"])
    keeps_best = task["keep"] == "best" or restores(spec)
    teller = Teller(send, path, task["key"], best_rule(spec) if keeps_best else None)
    state = teller.resume()
    past = Past(tuple(teller.rows), teller.best)
    result = complete(spec, dataset, teller.tell, state, task["keep"], past)
    teller.flush()
    if task["keep"] == "best" and result.best is not None:
        (result,) = at_best([result])
    found = summarise(result)
    if task["test"] and result.state is not None:
        found["test"] = evaluate_test(result).plain(dataset.classes)
    teller.path.unlink(missing_ok=True)
    if not spec.asks_torch:  # a module of the user's own keeps memory of its own
        LENDER.give(result.session)  # its weights are measured; the next run may have the memory
    return found


def checkpoint_path(folder: Path, key: str) -> Path:
    """Return where a long run leaves its checkpoint."""
    return folder / f"{key}.safetensors"


def summarise(result: Result) -> dict[str, Any]:
    """Return what is stored of a run beside its epochs."""
    session, last = result.session, dict(result.rows[-1]) if result.rows else {}
    scored = result.measure
    metrics = {
        "validation": None if scored is None else scored.plain(session.dataset.classes),
        "gap": result.gap,
        "stability": None if math.isnan(result.stability) else result.stability,
        "epochs": len(result.rows),
        "examples_per_epoch": int(session.split.train.shape[1]),
        "stopped": result.status == "stopped",
    }
    totals = {name: last.get(name, 0) for name in ("seconds", "flops", "updates", "examples")}
    return {
        "status": "diverged" if result.status == "diverged" else "finished",
        "summary": totals | {"params": result.params, "metrics": metrics},
    }


class Teller:
    """Tells of epochs in small groups, and leaves checkpoints of long runs."""

    def __init__(self, send: Any, path: Path, key: str, rule: EarlyStopping | None) -> None:
        self.path = path
        self.best: State | None = None  # of the best epoch by `rule`, where there is one
        self._rule = rule
        self.rows: list[dict[str, Any]] = []
        self._send = send
        self._key = key
        self._told = 0
        self._last_told = self._last_saved = time.monotonic()

    def resume(self) -> State | None:
        """Return the state of a checkpoint of this very run, if there is a sound one."""
        if not self.path.exists():
            return None
        try:
            arrays, about = load_arrays(self.path)
        except DataError:
            return None  # a damaged checkpoint: the run is repeated from its start
        if about.get("key") != self._key:
            return None
        self.rows = list(about["rows"])
        if about["best"] is not None:
            self.best = State(int(about["best"]), named(arrays, BEST))
        return State(int(about["epoch"]), named(arrays, LAST))

    def tell(self, epoch: Epoch, read: Callable[[], State]) -> None:
        """Take note of an epoch; copy the weights out where a checkpoint is due."""
        if epoch.diverged:
            return
        self.rows.append(dict(epoch.row()))
        if self._rule is not None and is_best(self.rows, self._rule):
            self.best = read()
        now = time.monotonic()
        if now - self._last_told > TELL_SECONDS:
            self.flush()
        if now - self._last_saved > CHECKPOINT_SECONDS:
            self._save(read())

    def _save(self, state: State) -> None:
        """Write a checkpoint: the rows so far, this state and the best one."""
        best = self.best
        arrays = {LAST + name: values for name, values in state.arrays.items()}
        if best is not None:
            arrays |= {BEST + name: values for name, values in best.arrays.items()}
        about = {"key": self._key, "epoch": state.epoch, "rows": self.rows}
        save_arrays(self.path, arrays, about | {"best": None if best is None else best.epoch})
        self._last_saved = time.monotonic()

    def flush(self) -> None:
        """Send the epochs that were not told yet."""
        fresh, self._told = self.rows[self._told :], len(self.rows)
        self._last_told = time.monotonic()
        if fresh:
            self._send({"epochs": [columns(row) for row in fresh]})


def named(arrays: dict[str, Any], lead: str) -> dict[str, Any]:
    """Return the arrays whose names begin with `lead`, without it."""
    return {name.removeprefix(lead): v for name, v in arrays.items() if name.startswith(lead)}


def columns(row: dict[str, Any]) -> dict[str, Any]:
    """Return an epoch's row with what has no column of its own under `extra`."""
    extra = {name: value for name, value in row.items() if name in EXTRA or is_probed(name)}
    return {k: v for k, v in row.items() if k not in extra} | {"extra": extra}
