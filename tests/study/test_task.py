"""A task is a run: told of epoch by epoch, resumed from its checkpoint to the same bits."""

import signal
import subprocess
import sys

import pytest

from steepest.spec import from_plain
from steepest.study import task as work
from steepest.train.lender import LENDER

RUN = {"data": "digits", "model": "mlp(hidden=[8],dropout=0.2)", "epochs": 6, "batch_size": 100}
SCRIPT = """
import os, signal
from steepest.study import task as work
work.CHECKPOINT_SECONDS = -1.0
told = []
def send(event):
    told.extend(event["epochs"])
    if told[-1]["epoch"] >= 4:
        os.kill(os.getpid(), signal.SIGKILL)
work.TELL_SECONDS = -1.0
work.perform({task!r}, send)
"""


def _task(folder, keep="last", **changes):
    spec = from_plain(RUN | changes)
    return {
        "spec": spec.plain(), "key": "k" * 64, "test": True, "keep": keep, "folder": str(folder),
    }  # fmt: skip


def _perform(task):
    """Return (rows without seconds, what the task returned without seconds)."""
    told = []
    found = work.perform(task, lambda event: told.extend(event["epochs"]))
    found["summary"].pop("seconds")
    return [{k: v for k, v in row.items() if k != "seconds"} for row in told], found


@pytest.mark.parametrize(
    ("keep", "changes"),
    [
        ("last", {}),
        ("best", {"optimizer": "adam(lr=0.1)"}),
        ("last", {"early_stopping": {"patience": 2, "min_delta": 0.01}}),
    ],
)
def test_a_long_run_that_is_killed_goes_on_to_the_same_bits(tmp_path, keep, changes):
    """SIGKILL after the fourth epoch, a checkpoint before it; rows, summary, test are equal."""
    task = _task(tmp_path, keep, **changes)
    whole = _perform(_task(tmp_path / "whole", keep, **changes))
    text = SCRIPT.format(task=task)
    process = subprocess.run([sys.executable, "-c", text], check=False)
    assert process.returncode == -signal.SIGKILL
    path = work.checkpoint_path(tmp_path, task["key"])
    assert path.exists()
    teller = work.Teller(None, path, task["key"], None)
    assert teller.resume().epoch >= 3
    assert _perform(task) == whole
    assert not path.exists()
    assert list(tmp_path.iterdir()) == []  # no part of a file is left either


def test_a_damaged_or_foreign_checkpoint_is_ignored(tmp_path):
    """The run is repeated from its start."""
    task = _task(tmp_path)
    whole = _perform(task)
    path = work.checkpoint_path(tmp_path, task["key"])
    path.write_bytes(b"no checkpoint")
    assert _perform(task) == whole
    work.save_arrays(path, {}, {"key": "another", "rows": [], "epoch": 3, "best": None})
    assert _perform(task) == whole


def test_a_short_run_leaves_no_checkpoint(tmp_path):
    """And the best epoch's weights are those that are measured where they are asked for."""
    rows, found = _perform(_task(tmp_path, "best", optimizer="adam(lr=0.1)", epochs=8))
    assert list(tmp_path.iterdir()) == []
    best = min(rows, key=lambda row: row["val_loss"])
    assert found["summary"]["metrics"]["validation"]["loss"] == best["val_loss"]
    assert best["epoch"] < 8


CELLS = (
    {"optimizer": "sgd(lr=0.1)", "seed": 1},
    {"optimizer": "sgd(lr=1e38)", "seed": 2},  # leaves no number behind
    {"optimizer": "sgd(lr=0.3)", "seed": 3, "epochs": 2},
    {"optimizer": "sgd(lr=0.3,weight_decay=0.01)", "seed": 3},
    {"optimizer": "adam(lr=0.01)", "seed": 3},
    {"optimizer": "adam(lr=0.02,beta1=0.5)", "seed": 4, "schedule": "cosine"},
    {"optimizer": "adam(lr=0.02)", "seed": 4, "validation": 0.3},
    {"optimizer": "adam(lr=0.02)", "seed": 5, "validation": 0.3, "model": "mlp(hidden=[9])"},
    {"optimizer": "adam(lr=0.01)", "seed": 3, "precision": "float64"},
)


def test_lent_memory_gives_the_same_bits(tmp_path):
    """Runs of every kind one after the other equal runs that each have memory of their own."""
    alone = []
    for cell in CELLS:
        LENDER.__init__()
        alone.append(_perform(_task(tmp_path, **cell)))
    LENDER.__init__()
    assert repr([_perform(_task(tmp_path, **cell)) for cell in CELLS]) == repr(alone)
    assert repr([_perform(_task(tmp_path, **cell)) for cell in CELLS[::-1]]) == repr(alone[::-1])


def test_memory_is_lent_between_runs_of_one_shape_only(tmp_path):
    """Rates, seeds and epochs differ freely; rules, models and splits do not."""

    def lends(first, second):
        LENDER.__init__()
        _perform(_task(tmp_path, **first))
        kept = LENDER._session
        _perform(_task(tmp_path, **second))
        return LENDER._session.shared is kept.shared

    assert lends(CELLS[0], CELLS[1])
    assert lends(CELLS[1], CELLS[2])
    assert not lends(CELLS[2], CELLS[3])
    assert lends(CELLS[4], CELLS[5] | {"schedule": "constant"})
    assert not lends(CELLS[5], CELLS[6])
    assert not lends(CELLS[6], CELLS[7])
    assert not lends(CELLS[4], CELLS[8])
