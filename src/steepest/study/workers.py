"""Many workers: processes that share out a list of tasks, watched by one supervisor.

Law: workers are spawned, never forked, with one BLAS thread each. A crash, a kill or a lack of
memory costs the one task that was running; another worker takes the dead one's place and the other
tasks go on. The loop is visible: `for event in run_tasks(...)`. Which worker gets which task is
left to chance, so a result must not depend on it.
"""

import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection as pipe
from multiprocessing import get_context, resource_tracker
from multiprocessing.reduction import ForkingPickler
from types import ModuleType, TracebackType
from typing import Any, Final, Self

from steepest.errors import SteepestError, UsageError
from steepest.study.interrupt import SIGNALS, Interrupts
from steepest.study.worker import perform, resolve, serve

THREADS: Final = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)
ENDS: Final = ("done", "failed", "crashed", "stopped")
GRACE = 5.0  # seconds a worker has to stop when asked
WATCH = 0.5  # seconds between two looks for workers that died without closing their pipe
QUICK = 0.01  # a worker whose task took fewer seconds gets the next ones in advance
AHEAD = 4  # tasks a quick worker holds
SMALL = 16_384  # bytes of a task that may be sent while the worker is busy; it fits in the pipe
STRIKES = 3  # workers that may die in a row before any task has started


@dataclass(frozen=True)
class Event:
    """What happened to a task: started, event, done, failed, crashed or stopped."""

    task: int  # its place in the list of tasks
    kind: str
    payload: Any = None  # what was sent, the result, or the reason: {"type", "message", ...}
    process: int = 0  # of the worker


@dataclass
class Hand:
    """A worker as its supervisor sees it."""

    process: Any
    line: Any
    tasks: deque[int] = field(default_factory=deque)  # sent and not ended, oldest first
    running: bool = False  # the oldest has started
    quick: bool = False


def run_tasks(tasks: Sequence[Any], work: str, jobs: int = 1) -> Iterator[Event]:
    """Yield what happens while `jobs` workers execute `work(task, send)` for every task.

    `work` is "module:function"; `send(value)` in the task streams a value as an `event`. With
    `jobs=0` everything happens in this process, and the events of a task come at its end.
    KeyboardInterrupt (or SystemExit 143 after SIGTERM) is raised when the workers have stopped.
    Where the loop may be left early, use a `Crew` in a `with` block, which ends them at once.
    """
    with Crew(work, jobs) as crew:
        yield from crew.run(tasks)


class Crew:
    """Workers that stay for several lists of tasks; use it in a `with` block."""

    def __init__(self, work: str, jobs: int) -> None:
        if not all(work.partition(":")):
            raise UsageError(f"work is named 'module:function', not '{work}'")
        if jobs < 0:
            raise UsageError(f"jobs must be 0 or more, not {jobs}")
        self._work = work
        self._jobs = jobs
        self._context = get_context("spawn")
        self._hands: list[Hand] = []
        self._tasks: Sequence[Any] = ()
        self._waiting: deque[int] = deque()
        self._strikes = 0
        self._loop: Generator[Event, None, None] | None = None
        self._watched = 0.0  # when the workers were last looked after, monotonic seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._loop is not None:
            self._loop.close()
        list(self._dismiss())

    def run(self, tasks: Sequence[Any]) -> Iterator[Event]:
        """Yield what happens to each of the tasks until all have ended; see `run_tasks`."""
        self._loop = self._run(tasks)
        return self._loop

    def _run(self, tasks: Sequence[Any]) -> Generator[Event, None, None]:
        if self._jobs == 0:
            yield from _run_here(tasks, self._work)
            return
        self._tasks, self._waiting = tasks, deque(range(len(tasks)))
        left = len(tasks)
        with Interrupts(self.kill) as interrupts:
            try:
                while left and interrupts.caught is None:
                    self._hire(min(self._jobs, left))
                    self._hand_out()
                    for event in self._listen(interrupts.wake):
                        left -= event.kind in ENDS
                        yield event
                if interrupts.caught is not None:
                    yield from self._dismiss()
                    interrupts.end()
            except BaseException:
                list(self._dismiss())
                raise

    def kill(self) -> None:
        """End all workers at once."""
        for hand in self._hands:
            hand.process.kill()
        for hand in self._hands:
            hand.process.join()
            hand.line.close()
        self._hands = []

    def _hire(self, wanted: int) -> None:
        while len(self._hands) < wanted:
            here, there = self._context.Pipe()
            arguments = (there, self._work, os.getpid())
            process = self._context.Process(target=serve, args=arguments, daemon=True)
            with _birth():
                process.start()
            there.close()
            self._hands.append(Hand(process, here))

    def _hand_out(self) -> None:
        """Give every idle worker a task, and quick ones a few in advance while there are many."""
        many = len(self._waiting) > AHEAD * len(self._hands)
        for hand in self._hands:
            room = AHEAD if hand.quick and many else 1
            while self._waiting and len(hand.tasks) < room:
                number = self._waiting[0]
                content = ForkingPickler.dumps((number, self._tasks[number]))
                if hand.tasks and len(content) > SMALL:
                    break
                with contextlib.suppress(OSError):  # a dead worker is noticed by `_listen`
                    hand.line.send_bytes(content)
                hand.tasks.append(self._waiting.popleft())

    def _listen(self, wake: int | None, seconds: float = WATCH) -> Iterator[Event]:
        """Wait for the workers, then yield what they told and who was lost."""
        lines: list[Any] = [hand.line for hand in self._hands]
        ready = pipe.wait(lines if wake is None else [*lines, wake], timeout=seconds)
        for hand in [hand for hand in self._hands if hand.line in ready]:
            yield from self._receive(hand)
        if time.monotonic() > self._watched + WATCH:
            self._watched = time.monotonic()
            for hand in [hand for hand in self._hands if not hand.process.is_alive()]:
                while hand in self._hands and hand.line.poll():
                    yield from self._receive(hand)
                if hand in self._hands:
                    yield from self._bury(hand)

    def _receive(self, hand: Hand) -> Iterator[Event]:
        try:
            messages = hand.line.recv()
        except (EOFError, OSError):
            yield from self._bury(hand)
            return
        for number, kind, payload, seconds in messages:
            if number is None:
                raise SteepestError(
                    f"workers cannot load '{self._work}': {payload['type']}: {payload['message']}"
                )
            if kind == "started":
                self._strikes, hand.running = 0, True
            elif kind in ENDS:
                hand.tasks.popleft()
                hand.running, hand.quick = False, seconds < QUICK
            yield Event(number, kind, payload, hand.process.pid)

    def _bury(self, hand: Hand) -> Iterator[Event]:
        """Let go of a dead worker: blame the task it was running, keep those it had not begun."""
        self._hands.remove(hand)
        hand.process.join(WATCH)
        if hand.process.is_alive():  # it closed its pipe and went on
            hand.process.kill()
            hand.process.join()
        hand.line.close()
        begun = hand.tasks.popleft() if hand.running else None
        self._waiting.extendleft(reversed(hand.tasks))
        reason = _death(hand.process.exitcode)
        if begun is not None:
            yield Event(begun, "crashed", reason, hand.process.pid)
        elif self._tasks:
            self._strikes += 1
            if self._strikes >= STRIKES:
                raise SteepestError(f"workers die before they begin: {reason['message']}")

    def _dismiss(self) -> Iterator[Event]:
        """Ask the workers to stop, hear them out, end those that do not; all are gone after it."""
        busy = [hand for hand in self._hands if hand.tasks]
        self._tasks, self._waiting = (), deque()
        for hand in self._hands:
            if hand in busy:
                hand.process.terminate()  # SIGTERM: the next `send` in the task raises
            with contextlib.suppress(OSError):
                hand.line.send(None)
        deadline = time.monotonic() + GRACE
        try:
            while self._hands and time.monotonic() < deadline:
                yield from self._listen(None, deadline - time.monotonic())
            for hand in self._hands:
                if hand.running:
                    yield Event(hand.tasks[0], "stopped", None, hand.process.pid)
        finally:
            self.kill()


def _run_here(tasks: Sequence[Any], work: str) -> Iterator[Event]:
    """Do the work in this process, one task after the other."""
    function = resolve(work)
    for task in enumerate(tasks):
        yield Event(task[0], "started", None, os.getpid())
        sent: list[Any] = []
        _, kind, payload, _ = perform(function, task, sent.append)
        yield from (Event(task[0], "event", event, os.getpid()) for event in sent)
        yield Event(task[0], kind, payload, os.getpid())


def _death(code: int | None) -> dict[str, str]:
    """Return the reason for a worker's end in the words of a failure."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        note = " (out of memory, or by hand)" if -code == signal.SIGKILL else ""
        message = f"the worker was killed by {name}{note}"
    else:
        message = f"the worker ended with exit code {code}"
    return {"type": "Crash", "message": message, "traceback": ""}


@contextlib.contextmanager
def _birth() -> Iterator[None]:
    """Prepare what a spawned process inherits: threads, blocked signals, and no script.

    The signals are blocked until the worker has its handlers. Its `__main__` would be the script
    of the user, imported once more: slow, and endless for a script without a guard; an empty module
    stands in its place.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    script = sys.modules["__main__"]
    resource_tracker.ensure_running()  # it would unblock the signals if it began later
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS) if os.name == "posix" else None
    try:
        os.environ.update(THREADS)
        sys.modules["__main__"] = ModuleType("__main__")
        yield
    finally:
        sys.modules["__main__"] = script
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
