"""A lock between processes that dies with its holder.

Law: liveness is judged by the operating system, never by a clock. The lock is `flock` on a small
file, so a killed process lets go of it at once, and no stale lock can exist. Where the platform
has no `flock` (Windows), SQLite's own locks are what remains.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from steepest.errors import SteepestError

PAUSE = 0.005  # seconds between two attempts


class HeldError(SteepestError):
    """Another live process holds the lock."""


class FileLock:
    """An exclusive lock held on `path`; the file is removed when it is closed."""

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._patience = patience  # seconds
        self._file: int | None = None

    def acquire(self, note: str = "") -> None:
        """Wait for the lock and leave `note` for those who come later.

        Raises HeldError when another process keeps it longer than the patience.
        """
        deadline = time.monotonic() + self._patience
        while not self._try():
            if time.monotonic() > deadline:
                raise HeldError(
                    f"{self._path} is held by another process{self._holder()}"
                    f"{f' (waited {self._patience:g} s)' if self._patience else ''}; "
                    "let it end or stop it, then repeat"
                )
            time.sleep(PAUSE)
        if note and self._file is not None:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, note.encode(), 0)

    def release(self) -> None:
        """Let go of the lock; the file stays for the next time."""
        if self._file is not None and sys.platform != "win32":
            import fcntl

            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock and remove its file, unless another process holds it."""
        if self._file is not None:
            if self._try():
                self._path.unlink(missing_ok=True)
            self._drop()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within the block."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _try(self) -> bool:
        if sys.platform == "win32":
            return True
        import fcntl

        if self._file is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if self._is_current():
            return True
        self._drop()  # the last holder removed this file; lock the new one
        return False

    def _is_current(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(self._file) if self._file is not None else None
        return here is not None and (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def _drop(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _holder(self) -> str:
        with contextlib.suppress(OSError):
            note = self._path.read_text(encoding="utf-8", errors="replace").strip()
            return f" ({note})" if note else ""
        return ""
