"""Ctrl-C, SIGTERM and the death of the parent: workers end soon and none is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PARENT = """
import signal, sys
from steepest.study.workers import run_tasks

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[1])
kinds = []
try:
    for event in run_tasks(sys.argv[3:], sys.argv[2], 2):
        if event.kind != "event":
            kinds.append(event.kind)
except KeyboardInterrupt:
    print("interrupted", *sorted(kinds))
    sys.exit(130)
finally:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
"""
QUICKLY = 4.0  # seconds; on a quiet machine a tenth of it, and less than the grace of 5


def _wait(is_so: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.01)
    return False


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture
def start(tmp_path):
    """Give the starter of a parent with two busy workers; it gives the parent and their pids."""
    started = []

    def begin(work: str):
        notes = [tmp_path / "a.pid", tmp_path / "b.pid", tmp_path / "c.pid"]
        here = str(Path(__file__).parent)
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, here, f"chores:{work}", *map(str, notes)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(parent)
        assert _wait(lambda: all(n.exists() and n.read_text() for n in notes[:2]))
        return parent, [int(n.read_text()) for n in notes[:2]]

    yield begin
    for parent in started:
        if parent.poll() is None:
            os.killpg(parent.pid, signal.SIGKILL)
        parent.communicate()


def test_ctrl_c_stops_all_workers(start, tmp_path):
    """A signal to the whole group asks every task to stop; the caller gets KeyboardInterrupt."""
    parent, workers = start("patient")
    asked = time.monotonic()
    os.killpg(parent.pid, signal.SIGINT)
    said, complaints = parent.communicate(timeout=10)
    assert time.monotonic() - asked < QUICKLY
    assert (parent.returncode, said, complaints) == (
        130,
        "interrupted started started stopped stopped\n",
        "",
    )
    assert [(tmp_path / f"{k}.stopped").read_text() for k in "ab"] == ["StopRequested"] * 2
    assert not (tmp_path / "c.pid").exists()
    assert _wait(lambda: not any(map(_lives, workers)), QUICKLY)


def test_sigterm_stops_all_workers(start, tmp_path):
    """SIGTERM to the parent alone does the same and ends with 143."""
    parent, workers = start("patient")
    parent.terminate()
    said, complaints = parent.communicate(timeout=10)
    assert (parent.returncode, said, complaints) == (143, "", "")
    assert (tmp_path / "a.stopped").exists()
    assert not any(map(_lives, workers))


def test_a_second_ctrl_c_does_not_wait(start):
    """Tasks that do not listen are ended at once by the second signal."""
    parent, workers = start("stubborn")
    os.killpg(parent.pid, signal.SIGINT)
    time.sleep(0.3)
    assert parent.poll() is None
    asked = time.monotonic()
    os.killpg(parent.pid, signal.SIGINT)
    parent.communicate(timeout=10)
    assert time.monotonic() - asked < 3.0
    assert parent.returncode == 130
    assert not any(map(_lives, workers))


def test_workers_die_with_their_parent(start):
    """A killed parent leaves no worker, not even one that never talks."""
    parent, workers = start("stubborn")
    parent.kill()
    assert _wait(lambda: not any(map(_lives, workers)), QUICKLY)
    parent.communicate(timeout=10)
