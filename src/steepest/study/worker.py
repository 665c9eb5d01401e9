"""One worker: a process of its own that executes tasks in turn and tells what happens.

Law: an exception costs the task, not the worker. `started` is told before the first line of the
task runs, so whoever finds the worker dead knows which task to blame. A worker never outlives the
process that started it.
"""

import ctypes
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

TOLD = 4_000  # characters of a traceback that are told
PR_SET_PDEATHSIG = 1  # Linux, prctl(2)

Send = Callable[[Any], None]
Work = Callable[[Any, Send], Any]
Message = tuple[int | None, str, Any, float]  # task, kind, payload, seconds the task took


class StopRequested(BaseException):
    """Raised by `send` in a task when the work is to stop; let it pass."""


class Line:
    """The worker's end of the pipe to the process that hands out tasks."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._task: int | None = None
        self.stopping = False

    def request_stop(self, *_: Any) -> None:
        """Note that the work is to stop (a signal handler)."""
        self.stopping = True

    def send(self, event: Any) -> None:
        """Tell an event of the running task; raises StopRequested when the work is to stop."""
        if self.stopping:
            raise StopRequested
        try:
            self._connection.send([(self._task, "event", event, 0.0)])
        except (BrokenPipeError, ConnectionError):  # nobody listens any more
            self.stopping = True
            raise StopRequested from None

    def receive(self, told: list[Message]) -> tuple[int, Any] | None:
        """Return the next task, or None at the end; `told` is told before, in one message."""
        if told and not self._connection.poll():
            self.tell(told)
            told.clear()
        task: tuple[int, Any] | None = self._connection.recv()
        if task is None or self.stopping:
            self.tell(told)
            return None
        self._task = task[0]
        self.tell([*told, (task[0], "started", None, 0.0)])
        return task

    def tell(self, messages: list[Message]) -> None:
        """Send messages; a result that cannot be sent becomes a failure of its task."""
        if not messages:
            return
        try:
            self._connection.send(messages)
        except OSError:
            raise
        except Exception as fault:  # noqa: BLE001 - pickling calls code of the result's type
            lost = (messages[0][0], "failed", describe(fault), messages[0][3])
            self._connection.send([lost, *messages[1:]])


def serve(connection: Any, work: str, parent: int) -> None:
    """Execute tasks from `connection` by the function `work` ("module:function") until told to end.

    `parent` is the process to die with.
    """
    line = Line(connection)
    _settle(line, parent)
    try:
        function = resolve(work)
    except BaseException as fault:  # noqa: BLE001 - importing may run anything; it is told
        line.tell([(None, "unable", describe(fault), 0.0)])
        return
    told: list[Message] = []
    try:
        while task := line.receive(told):
            told = [perform(function, task, line.send)]
    except (EOFError, OSError):  # the other end is gone
        return


def perform(function: Work, task: tuple[int, Any], send: Send) -> Message:
    """Execute one task; return the message that tells its end."""
    number, value = task
    start = time.perf_counter()
    try:
        kind, payload = "done", function(value, send)
    except StopRequested:
        kind, payload = "stopped", None
    except KeyboardInterrupt:  # a worker ignores Ctrl-C, so this is the process of the user
        raise
    except BaseException as fault:  # noqa: BLE001 - whatever it is, it costs this task only
        kind, payload = "failed", describe(fault)
    return number, kind, payload, time.perf_counter() - start


def resolve(work: str) -> Work:
    """Return the function named as "module:function"."""
    module, _, name = work.partition(":")
    function: Work = getattr(importlib.import_module(module), name)
    return function


def describe(fault: BaseException) -> dict[str, str]:
    """Return the type, the message and the end of the traceback of `fault`, as clean text."""
    frames = fault.__traceback__.tb_next if fault.__traceback__ else None
    text = "".join(traceback.format_exception(type(fault), fault, frames))
    try:
        message = str(fault)
    except Exception:  # noqa: BLE001 - the message of a fault may itself be faulty
        message = "(its message cannot be read)"
    told = {"type": type(fault).__name__, "message": message[:TOLD], "traceback": text[-TOLD:]}
    return {key: clean(value) for key, value in told.items()}


def clean(text: str) -> str:
    """Return `text` without lone surrogates and NUL characters, so that it can go anywhere."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\\0")


def _settle(line: Line, parent: int) -> None:
    """Leave Ctrl-C to the parent, stop on SIGTERM, die with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, line.request_stop)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before this was asked for
            os._exit(1)
