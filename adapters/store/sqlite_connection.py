"""Connections to a SQLite file that other processes may use at the same time."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from eventsourcing import persistence

T = TypeVar("T")

BUSY_SECONDS = 60
"""How long one try to lock waits inside SQLite."""

PATIENCE_SECONDS = 300.0
"""How long a writer goes on trying while other processes hold the file."""

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "cache_size=-16000", "wal_autocheckpoint=4000")
"""Of the writer. Ids are random, so each step touches pages all over the file: 16 MB of cache, and a WAL of up to 16 MB
before it is copied back, save writing the same page again and again."""


def connect(name: str, *, write: bool = False) -> sqlite3.Connection:
    """A connection to a file (a path, or a `file:` URI), each statement its own transaction unless one is begun."""
    connection = sqlite3.connect(
        name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256, uri=True
    )
    try:
        for pragma in _PRAGMAS if write else ("query_only=ON",):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def prepare_file(path: Path) -> None:
    """Creates the file for its owner alone: it holds people's data, and SQLite would leave it to the umask."""
    path.touch(mode=0o600, exist_ok=True)


def patiently(attempt: Callable[[], T]) -> T:
    """Tries until the file is free. Raises `sqlite3.OperationalError` for every other reason at once."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.002)


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether somebody else holds the file."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def translated() -> Iterator[None]:
    """The driver's errors as `eventsourcing`'s, which carry the same names."""
    try:
        yield
    except sqlite3.Error as error:
        kind = getattr(persistence, type(error).__name__, persistence.PersistenceError)
        raise kind(str(error)) from error
