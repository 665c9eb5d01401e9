"""Connections to the database behind the store, and its faults said in one sentence.

Law: one connection writes and checkpoints; everyone else reads through `mode=ro`, which can do
neither. Write transactions begin IMMEDIATE, in write-ahead logging with synchronous=FULL: what was
acknowledged survives a killed process and a lost power supply.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from steepest.errors import DataError, SteepestError, UsageError

PATIENCE = 30.0  # seconds to wait for another process's transaction
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
UNREADABLE = ("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_PERM")


def parse(url: str) -> URL:
    """Return the URL of a store; a plain path means a SQLite file.

    Raises UsageError for an unreadable URL and for SQLite without a file.
    """
    try:
        parsed = make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError:
        raise UsageError(
            f"cannot read the store URL '{url}'; write a path or sqlite:///runs/steepest.db"
        ) from None
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UsageError("a store needs a file: sqlite:///runs/steepest.db")
    return parsed


def shown(url: URL) -> str:
    """Return how to name the store in a message: the file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def file_of(url: URL) -> Path | None:
    """Return the SQLite file behind `url`, or None for a database server."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def connect(url: URL, *, write: bool, patience: float = PATIENCE) -> Engine:
    """Return the engine that writes to, or only reads from, the database at `url`."""
    path = file_of(url)
    if path is None:
        try:
            return create_engine(url)
        except (NoSuchModuleError, ImportError) as error:
            raise UsageError(
                f"store '{shown(url)}': {error}; use a path or sqlite:///runs/steepest.db"
            ) from None
    mode = "rwc" if write else "ro"
    name = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def dial() -> sqlite3.Connection:
        return sqlite3.connect(
            name, uri=True, timeout=patience, isolation_level=None, check_same_thread=False
        )

    engine = create_engine("sqlite://", creator=dial, **_pool(write=write))
    event.listen(engine, "connect", _prepare_writer if write else _prepare_reader)
    event.listen(engine, "begin", _begin_writing if write else _begin_reading)
    return engine


def _pool(*, write: bool) -> dict[str, Any]:
    from sqlalchemy.pool import QueuePool

    return {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0 if write else 8}


def _prepare_writer(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def _prepare_reader(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA query_only = ON")


def _begin_writing(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")


@contextlib.contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn a fault of the database within the block into one sentence for the user."""
    try:
        yield
    except DBAPIError as fault:
        raise sentence(url, fault) from fault


def sentence(url: URL, fault: DBAPIError) -> SteepestError:
    """Return the error that says in one sentence what `fault` means and what to do."""
    place = shown(url)
    name = str(getattr(fault.orig, "sqlite_errorname", ""))
    if name.startswith("SQLITE_FULL"):
        return SteepestError(
            f"no space left to write to the store {place}; everything acknowledged before is"
            " safe: free some space and repeat the command"
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return SteepestError(
            f"the store {place} is locked by another process that does not let go;"
            " let it end or stop it, then repeat the command"
        )
    if name.startswith(DAMAGED):
        return DataError(
            f"the store {place} is damaged or no SQLite database ({fault.orig});"
            " restore a copy or move it away"
        )
    if name.startswith(UNREADABLE):
        return DataError(f"the store {place} cannot be read or written ({fault.orig})")
    if isinstance(fault, IntegrityError):
        return SteepestError(f"the store {place} refuses a duplicate or loose row ({fault.orig})")
    return SteepestError(f"the store {place} failed: {fault.orig}")
