"""Ctrl-C and SIGTERM while workers are busy: the first asks, the second does not.

Law: handlers are installed only around the work, only in the main thread, and the ones before are
put back. The first signal is noted and wakes the waiting loop, so no half-done bookkeeping is
interrupted; the second ends everything at once. A signal that was ignored stays ignored.
"""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Notes the first signal in `caught`; `wake` becomes readable with it."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self._kill = kill  # what to do before a second signal ends everything
        self._before: dict[int, Any] = {}
        self.caught: int | None = None
        self.wake, self._alarm = os.pipe()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.wake)
        os.close(self._alarm)

    def end(self) -> NoReturn:
        """Raise what the caught signal means: KeyboardInterrupt, or SystemExit(143)."""
        if self.caught == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.caught is not None:
            self._kill()
            self.end()
        self.caught = number
        os.write(self._alarm, b"!")
