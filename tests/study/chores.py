"""Pieces of work for the tests of workers; imported by name inside the workers."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path


class Unreadable(Exception):  # noqa: N818
    """An exception whose own message fails."""

    def __str__(self) -> str:
        raise ValueError("no message")


def nothing(task, send):  # noqa: ARG001
    """Return the task."""
    return task


def count(task, send):
    """Send `task` numbers, return their sum."""
    for k in range(task):
        send({"k": k})
    return sum(range(task))


def big(task, send):
    """Send and return long texts."""
    send({"text": "ü" * task})
    return "x" * task


def misfortune(task, send):
    """Meet the fate that the task names."""
    send({"pid": os.getpid()})
    fates = {
        "fine": lambda: 42,
        "raise": lambda: 1 / 0,
        "text": lambda: _raise(ValueError("bad \ud800 \x00 text")),
        "unreadable": lambda: _raise(Unreadable()),
        "quit": lambda: sys.exit(9),
        "exit": lambda: os._exit(3),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "segv": lambda: ctypes.string_at(0),
        "deep": lambda: _deep(),  # noqa: PLW0108
        "lambda": lambda: lambda: None,
        "sleep": lambda: time.sleep(60),
        "child": lambda: os._exit(4) if os.fork() else time.sleep(15),
    }
    return fates[task]()


def _raise(fault: Exception) -> None:
    raise fault


def _deep() -> int:
    return _deep() + 1


def setting(task, send):  # noqa: ARG001
    """Return an environment variable, and whether the user's script was imported."""
    return os.environ.get(task), getattr(sys.modules["__main__"], "__file__", None)


def patient(task, send):
    """Write the pid to a file, then send events for a minute; note a stop in the file."""
    path = Path(task)
    path.with_suffix(".tmp").write_text(str(os.getpid()))
    path.with_suffix(".tmp").rename(path)
    try:
        for k in range(6000):
            send(k)
            time.sleep(0.01)
    except BaseException as stop:
        path.with_suffix(".stopped").write_text(type(stop).__name__)
        raise


def stubborn(task, send):  # noqa: ARG001
    """Write the pid to a file and never ask whether to stop."""
    Path(task).write_text(str(os.getpid()))
    time.sleep(60)
