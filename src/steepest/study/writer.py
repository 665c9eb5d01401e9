"""The one who writes: a queue of changes, committed in groups.

Law: whatever is submitted is in the database at the latest `DELAY` after the first change that
waits, many changes in one transaction, in the order of submission; a future is done when its change
is durable, not before. A change that is refused (a duplicate row) costs only itself. Any other
fault of the database ends the writing: nothing that was submitted later is written out of order.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError

from steepest.errors import SteepestError
from steepest.study.connection import sentence
from steepest.study.lock import FileLock, HeldError

DELAY = 0.04  # seconds a change may wait for company; the commit itself takes a few more
CROWD = 5_000  # changes that do not wait any longer

Work = Callable[[Connection], Any]


@dataclass(frozen=True)
class Rows:
    """Rows to insert into one table; neighbours in the queue are inserted together."""

    table: Table
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """One submitted change and the future that tells of its commit."""

    work: Work | Rows
    done: Future[Any] = field(default_factory=Future)
    awaited: bool = True  # False: nobody may ask the future, so a fault is raised at the next call


class Writer:
    """Commits changes in groups from a thread of its own."""

    def __init__(self, engine: Engine, url: URL, lock: FileLock | None) -> None:
        self._engine = engine
        self._url = url
        self._lock = lock
        self._queue: list[Change] = []
        self._since = 0.0  # when the first change in the queue came, monotonic seconds
        self._hurry = False
        self._busy = False
        self._closed = False
        self._fault: Exception | None = None  # not yet told to anyone
        self._broken: Exception | None = None  # ended the writing
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work | Rows, *, awaited: bool = False) -> Future[Any]:
        """Queue a change; the future is done when it is durable.

        Raises the fault of an earlier change that nobody awaited.
        """
        change = Change(work, awaited=awaited)
        change.done.set_running_or_notify_cancel()  # a change cannot be called back
        with self._turn:
            self._complain()
            if self._closed:
                raise SteepestError("the store is closed")
            if not self._queue:
                self._since = time.monotonic()
            self._queue.append(change)
            self._hurry = self._hurry or awaited
            self._turn.notify_all()
        return change.done

    def call(self, work: Work) -> Any:
        """Run `work` in a transaction at once and return its result when it is durable."""
        return self.submit(work, awaited=True).result()

    def flush(self) -> None:
        """Wait until everything submitted is durable.

        Raises the fault of an earlier change that nobody awaited.
        """
        with self._turn:
            while self._queue or self._busy:
                self._hurry = True
                self._turn.notify_all()
                self._turn.wait()
            self._complain()

    def close(self) -> None:
        """Commit what waits and end the thread."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        self._thread.join()
        with self._turn:
            self._complain()

    def _complain(self) -> None:
        fault, self._fault = self._fault or self._broken, None
        if fault is not None:
            raise fault

    def _serve(self) -> None:
        while changes := self._next():
            self._write(changes)
            with self._turn:
                self._busy = False
                self._turn.notify_all()

    def _next(self) -> list[Change]:
        """Wait for changes and take all that are due together; none when closed."""
        with self._turn:
            while not self._queue and not self._closed:
                self._turn.wait()
            while self._queue and not (self._hurry or self._closed or len(self._queue) >= CROWD):
                left = self._since + DELAY - time.monotonic()
                if left <= 0:
                    break
                self._turn.wait(left)
            changes, self._queue, self._hurry = self._queue, [], False
            self._busy = bool(changes)
            return changes

    def _write(self, changes: list[Change]) -> None:
        """Commit the changes together, or one by one where one of them is refused."""
        if self._broken is not None:
            self._fail(changes, self._broken)
            return
        try:
            results = self._commit(changes)
        except Exception as fault:  # noqa: BLE001 - told to whoever awaits it; the thread lives on
            self._refuse(changes, fault)
        else:
            for change, result in zip(changes, results, strict=True):
                change.done.set_result(result)

    def _refuse(self, changes: list[Change], fault: Exception) -> None:
        """Blame the one change that is at fault, or end the writing when the database is."""
        told = sentence(self._url, fault) if isinstance(fault, DBAPIError) else fault
        ends = isinstance(fault, (DBAPIError, HeldError)) and not isinstance(fault, IntegrityError)
        if not ends and len(changes) > 1:
            for change in changes:
                self._write([change])
            return
        if ends:
            self._broken = told
        self._fail(changes, told)

    def _commit(self, changes: list[Change]) -> list[Any]:
        if self._lock is None:
            with self._engine.begin() as connection:
                return _apply(connection, changes)
        with self._lock.held(), self._engine.begin() as connection:
            return _apply(connection, changes)

    def _fail(self, changes: list[Change], fault: Exception) -> None:
        for change in changes:
            if not change.awaited:
                self._fault = self._fault or fault
            change.done.set_exception(fault)


def _apply(connection: Connection, changes: list[Change]) -> list[Any]:
    """Apply the changes in their order and return their results."""
    results: list[Any] = []
    for table, group in groupby(changes, key=_table):
        members = list(group)
        if table is None:
            results += [c.work(connection) for c in members if not isinstance(c.work, Rows)]
            continue
        rows = [row for c in members if isinstance(c.work, Rows) for row in c.work.rows]
        if rows:
            connection.execute(insert(table), rows)
        results += [None] * len(members)
    return results


def _table(change: Change) -> Table | None:
    return change.work.table if isinstance(change.work, Rows) else None
