"""The SQL of the SQLite store."""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

_VAULT = (
    "CREATE TABLE IF NOT EXISTS vault (owner BLOB NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, subject BLOB,"
    " value BLOB NOT NULL, expires_at INTEGER, PRIMARY KEY (owner, kind, name)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS vault_subject ON vault (subject) WHERE subject IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS vault_expires ON vault (expires_at) WHERE expires_at IS NOT NULL",
)
TABLES = (
    *_VAULT,
    "CREATE TABLE IF NOT EXISTS due (delivery BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS due_at ON due (at)",
)
"""Ids are 16 bytes; instants are microseconds since 1970, UTC."""

DELETE_ROW = "DELETE FROM vault WHERE owner = ? AND kind = ? AND name = ?"
TAKEN = "SELECT 1 FROM stored_events WHERE originator_id = ? AND originator_version = ?"
STREAM = (
    "SELECT originator_version, topic, state FROM stored_events"
    " WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version"
)
LOG = (
    "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"
    " WHERE rowid > ? ORDER BY rowid LIMIT ?"
)
STREAM_LOG = (
    "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"
    " WHERE originator_id = ? ORDER BY originator_version"
)
IDS_AT_ONCE = 500
"""Streams or owners asked for by one statement: within the parameters any SQLite allows."""

VAULT_ROW = "SELECT * FROM vault WHERE owner = ? AND kind = ? AND name = ?"
VAULT_ROWS = "SELECT * FROM vault WHERE owner = ?1 AND (?2 = '' OR kind = ?2) ORDER BY kind, name"
READY = "SELECT delivery FROM due WHERE at <= ? ORDER BY at LIMIT ?"
NEXT_DUE = "SELECT min(at) FROM due"

_CHUNKS = (64, 32, 16)
"""Rows of one statement; below the last, exactly as many as there are: 18 texts in all, each prepared once."""


def many(cursor: sqlite3.Cursor, statement: Callable[[int], str], flat: Sequence[Any], width: int) -> None:
    """Writes rows of `width` values with as few statements as there are chunks."""
    start, left = 0, len(flat) // width
    while left:
        size = next((chunk for chunk in _CHUNKS if left >= chunk), left)
        cursor.execute(statement(size), flat[start : start + size * width])
        start, left = start + size * width, left - size


def _values(columns: int, rows: int) -> str:
    return ",".join(["(" + ",".join("?" * columns) + ")"] * rows)


@cache
def insert_events(rows: int) -> str:
    """New events."""
    return f"INSERT INTO stored_events VALUES {_values(4, rows)}"


@cache
def put(rows: int) -> str:
    """Vault rows, in place of those that are there."""
    return (
        f"INSERT INTO vault VALUES {_values(6, rows)} ON CONFLICT (owner, kind, name)"
        " DO UPDATE SET subject = excluded.subject, value = excluded.value, expires_at = excluded.expires_at"
    )


@cache
def put_unique(rows: int) -> str:
    """Vault rows where there are none."""
    return f"INSERT INTO vault VALUES {_values(6, rows)} ON CONFLICT DO NOTHING"


@cache
def due(rows: int) -> str:
    """When deliveries are due."""
    return f"INSERT INTO due VALUES {_values(2, rows)} ON CONFLICT (delivery) DO UPDATE SET at = excluded.at"


@cache
def done(rows: int) -> str:
    """Deliveries no longer due."""
    return f"DELETE FROM due WHERE delivery IN ({','.join('?' * rows)})"


@cache
def drop(rows: int) -> str:
    """Vault rows to delete; an empty kind or name is any."""
    one = "(owner = ? AND ? IN ('', kind) AND ? IN ('', name))"
    return "DELETE FROM vault WHERE " + " OR ".join([one] * rows)


@cache
def bind(rows: int) -> str:
    """Owners and the subjects their rows get."""
    return (
        f"WITH bound (owner, subject) AS (VALUES {_values(2, rows)}) UPDATE vault"
        " SET subject = (SELECT subject FROM bound WHERE bound.owner = vault.owner)"
        " WHERE owner IN (SELECT owner FROM bound)"
    )


@cache
def log_of(types: int) -> str:
    """The log, of so many event types."""
    return LOG.replace(" ORDER BY", f" AND topic IN ({','.join('?' * types)}) ORDER BY")


@cache
def firsts(streams: int) -> str:
    """The first rows of so many streams."""
    return (
        "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"
        f" WHERE originator_version = 1 AND originator_id IN ({','.join('?' * streams)})"
    )


def key_rows(owners: int) -> str:
    """The keys of so many owners."""
    return f"SELECT * FROM vault WHERE owner IN ({','.join('?' * owners)}) AND kind = 'key' AND name = ''"


def last_position(cursor: sqlite3.Cursor) -> int:
    """The position of the event written last."""
    return int(cursor.execute("SELECT coalesce(max(rowid), 0) FROM stored_events").fetchone()[0])


def bound_owners(cursor: sqlite3.Cursor, subjects: Sequence[bytes]) -> list[bytes]:
    """The owners whose key belongs to one of these."""
    found = "SELECT owner FROM vault WHERE subject = ? AND kind = 'key'"
    return [row[0] for subject in subjects for row in cursor.execute(found, (subject,)).fetchall()]


def rewrite_vault(cursor: sqlite3.Cursor) -> None:
    """Copies the vault to other pages; those it leaves are zeroed as a whole (secure_delete)."""
    cursor.execute("ALTER TABLE vault RENAME TO vault_before")
    for index in ("vault_subject", "vault_expires"):
        cursor.execute(f"DROP INDEX {index}")
    for statement in _VAULT:
        cursor.execute(statement)
    cursor.execute("INSERT INTO vault SELECT * FROM vault_before ORDER BY owner, kind, name")
    cursor.execute("DROP TABLE vault_before")


def owned_rows(cursor: sqlite3.Cursor, owners: Collection[bytes], subjects: Sequence[bytes]) -> list[tuple[Any, ...]]:
    """The places of all rows of these owners, and of those that belong to these subjects."""
    places: set[tuple[Any, ...]] = set()
    for column, ids in (("owner", owners), ("subject", subjects)):
        found = f"SELECT owner, kind, name FROM vault WHERE {column} = ?"
        for one in ids:
            places.update(cursor.execute(found, (one,)).fetchall())
    return sorted(places)
