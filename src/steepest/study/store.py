"""The memory of the laboratory: studies, runs, epochs, evaluations and openings of test sets.

Law: the identity of a run is the digest of its spec, so asking twice finds the first answer. One
process writes, each epoch is atomic, and what was acknowledged survives a kill. Readers never
write. Questions to the store are in `query`.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, insert, inspect, select, update
from sqlalchemy.engine import URL

from steepest.errors import DataError, NothingMatchedError, SteepestError, UsageError, unknown
from steepest.study import entry
from steepest.study.connection import PATIENCE, connect, file_of, parse, shown, translated
from steepest.study.lock import FileLock
from steepest.study.record import (
    Place,
    PlannedRun,
    Record,
    StudyRecord,
    epoch_columns,
    now,
    record_of,
    text_of,
)
from steepest.study.schema import (
    FINAL,
    ROLES,
    STATUSES,
    VERSION,
    epochs,
    openings,
    runs,
    tables,
    versions,
)
from steepest.study.writer import Rows, Work, Writer


def open_store(url: str, *, write: bool = True, patience: float = PATIENCE) -> "Store":
    """Open the store at `url` (a SQLite path or a database URL), creating it when writing.

    `patience` is how many seconds to wait for another process's transaction. Raises
    NothingMatchedError when there is nothing to read, DataError for a damaged, foreign or newer
    store, UsageError for an unreadable URL.
    """
    parsed = parse(url)
    path = file_of(parsed)
    if path is not None and write:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise DataError(f"cannot create the folder {path.parent}: {fault.strerror}") from None
    if path is not None and not write and not path.exists():
        raise NothingMatchedError(f"there is no store at {path}; no study has been run there yet")
    return Store(parsed, write=write, patience=patience)


class Store:
    """An open store; use it in a `with` block, so that what waits is committed at its end."""

    def __init__(self, url: URL, *, write: bool, patience: float) -> None:
        self.url = url
        self.place = shown(url)
        path = file_of(url)
        self._path = path
        self._numbers: dict[str, int] = {}
        self._lock = FileLock(Path(f"{path}-lock"), patience) if path and write else None
        self._engine = connect(url, write=write, patience=patience)
        self._reader = connect(url, write=False, patience=patience) if write else self._engine
        with translated(url), self._lock.held() if self._lock else contextlib.nullcontext():
            if write and path is not None and path.exists() and path.stat().st_size:
                _check_layout(self._reader, self.place, write=False)  # before anything is changed
            _check_layout(self._engine, self.place, write=write)
        self._writer = Writer(self._engine, url, self._lock) if write else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:  # the first error is the one to tell
            with contextlib.suppress(SteepestError):
                self.close()

    def close(self) -> None:
        """Commit what waits and close the connections."""
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            self._reader.dispose()
            with self._lock.held() if self._lock else contextlib.nullcontext():
                self._engine.dispose()
            if self._lock is not None:
                self._lock.close()

    def flush(self) -> None:
        """Wait until everything recorded so far is durable."""
        if self._writer is not None:
            self._writer.flush()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that reads, and sees everything recorded so far."""
        self.flush()
        with translated(self.url), self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def claim(self) -> Iterator[int]:
        """Hold the right to execute runs of this store within the block.

        Gives the number of runs that a dead process had left running; they are now interrupted.
        Raises SteepestError when another live process holds the right.
        """
        lock = FileLock(Path(f"{self._path}-claim"), 0.0) if self._path else None
        if lock is not None:
            lock.acquire(f"process {os.getpid()}: {Path(sys.argv[0]).name}")
        try:
            yield self._call(entry.interrupt_runs)
        finally:
            if lock is not None:
                lock.close()

    def check(self) -> list[str]:
        """Return what is wrong with the database, in sentences; nothing for a sound one."""
        if self._path is None:
            return []
        with self.read() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(20)")]
            loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        faults = [] if found == ["ok"] else found
        return faults + [f"table {row[0]} has a row that points to no {row[2]}" for row in loose]

    def add_environment(self, facts: Mapping[str, Any]) -> int:
        """Return the number of the environment with these facts, new or known."""
        return int(self._call(partial(entry.add_environment, facts=facts)))

    def add_study(self, name: str, question: str, spec: str, digest: str) -> StudyRecord:
        """Add a study, or a new revision under its name, or take up a known one again."""

        def work(connection: Connection) -> StudyRecord:
            number = entry.add_study(connection, name, text_of(question), spec, digest)
            return entry.study_record(connection, number)

        found: StudyRecord = self._call(work)
        return found

    def record_look(self, study: int, scored: int, look: Any = None) -> None:
        """Count that verdicts were computed on the test scores of `scored` final runs.

        `look` is the `Extension` of a study that declared how far it may be extended.
        """
        self._call(partial(entry.record_look, study=study, scored=scored, look=look))

    def record_paces(self, study: int, seconds: Mapping[str, float]) -> None:
        """Keep what an update takes by shape, as it was measured for the plan of a study."""
        self._call(partial(entry.record_paces, study=study, seconds=seconds))

    def add_runs(self, plans: Sequence[PlannedRun]) -> None:
        """Add planned runs; those that are known already stay as they are."""
        self._numbers |= self._call(partial(entry.add_runs, plans=plans))

    def place_runs(self, study: int, places: Sequence[Place]) -> None:
        """Put runs into their places in a study; a place holds the run put there last."""
        for place in places:
            if place.role not in ROLES:
                raise unknown("role", place.role, ROLES)
        self._call(partial(entry.place_runs, study=study, places=places))

    def finished(self, keys: Sequence[str]) -> dict[str, Record]:
        """Return the records of those runs that need not be repeated, by key."""
        found: dict[str, Record] = {}
        with self.read() as connection:
            for start in range(0, len(keys), entry.CHUNK):
                chosen = runs.c.key.in_(keys[start : start + entry.CHUNK])
                question = select(runs).where(chosen, runs.c.status.in_(FINAL))
                for row in connection.execute(question).mappings():
                    found[row["key"]] = record_of(row)
        return found

    def start_run(self, key: str, engine: str, environment: int | None = None) -> Future[Any]:
        """Begin the next attempt at a run; epochs of an earlier attempt are deleted with it."""
        number = self._number(key)
        work = partial(entry.start_run, run=number, engine=engine, environment=environment)
        return self._submit(work)

    def record_epochs(self, key: str, rows: Sequence[Mapping[str, Any]]) -> Future[Any]:
        """Record epochs of a run, all or none; the future is done when they are durable.

        A row has `epoch` and any of updates, examples, flops, seconds, train_loss,
        train_accuracy, val_loss, val_accuracy, lr, and `extra` (anything JSON can say).
        """
        number = self._number(key)
        return self._submit(Rows(epochs, [epoch_columns(number, row) for row in rows]))

    def finish_run(
        self, key: str, status: str, reason: str = "", summary: Mapping[str, Any] | None = None
    ) -> Future[Any]:
        """End a run; `summary` may have seconds, params, flops, updates, examples, metrics."""
        known = (*entry.SUMMARY, "metrics")
        for name in summary or ():
            if name not in known:
                raise unknown("entry of a summary", name, known)
        if status not in STATUSES:
            raise unknown("status", status, STATUSES)
        number, reason = self._number(key), text_of(reason)
        work = partial(
            entry.finish_run, run=number, status=status, reason=reason, summary=summary or {}
        )
        return self._submit(work)

    def record_evaluation(self, key: str, split: str, metrics: Mapping[str, Any]) -> Future[Any]:
        """Keep the metrics of a run on a split; a second evaluation replaces the first."""
        number = self._number(key)
        work = partial(entry.record_evaluation, run=number, split=split, metrics=metrics)
        return self._submit(work)

    def record_opening(self, study: int, keys: Sequence[str], split: str, command: str) -> None:
        """Record that a split was opened to score these runs; durable when this returns."""
        same = {"study": study, "split": split, "time": now(), "command": text_of(command)}
        rows = [same | {"run": self._number(key)} for key in keys]
        if rows:
            self._call(lambda connection: connection.execute(insert(openings), rows) and None)

    def _number(self, key: str) -> int:
        if key not in self._numbers:
            with self.read() as connection:
                self._numbers |= entry.numbers(connection, [key])
        if key not in self._numbers:
            raise NothingMatchedError(f"no run {key[:12]} in the store {self.place}")
        return self._numbers[key]

    def _submit(self, work: Work | Rows) -> Future[Any]:
        if self._writer is None:
            raise UsageError(f"the store {self.place} was opened for reading only")
        return self._writer.submit(work)

    def _call(self, work: Work) -> Any:
        if self._writer is None:
            raise UsageError(f"the store {self.place} was opened for reading only")
        return self._writer.call(work)


def _check_layout(engine: Engine, place: str, *, write: bool) -> None:
    """Create the tables of an empty database; refuse a foreign or a newer one."""
    with engine.begin() as connection:
        names = inspect(connection).get_table_names()
        if not names and write:
            tables.create_all(connection)
            connection.execute(insert(versions), {"version": VERSION})
            return
        if versions.name not in names:
            raise DataError(f"{place} is a database, but not a store of steepest")
        found = connection.scalar(select(versions.c.version))
        if write and found is not None and found < VERSION:
            tables.create_all(connection)  # what it lacks
            connection.execute(update(versions).values(version=VERSION))
    if found is None or found > VERSION:
        raise DataError(
            f"the store {place} has layout {found}, this steepest reads up to {VERSION};"
            " upgrade steepest or name another store with --store"
        )
