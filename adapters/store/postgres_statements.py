"""The SQL of the PostgreSQL store."""

from collections.abc import Iterator
from typing import Any, LiteralString

from limen.adapters.store.record import KEY, PAIR, ROW, VaultWork, rows

TABLES: tuple[LiteralString, ...] = (
    "CREATE TABLE IF NOT EXISTS vault (owner uuid NOT NULL, kind text NOT NULL, name text NOT NULL, subject uuid,"
    " value bytea NOT NULL, expires_at timestamptz, PRIMARY KEY (owner, kind, name))",
    "CREATE INDEX IF NOT EXISTS vault_subject ON vault (subject) WHERE subject IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS vault_expires ON vault (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS due (delivery uuid PRIMARY KEY, at timestamptz NOT NULL)",
    "CREATE INDEX IF NOT EXISTS due_at ON due (at)",
)

STREAM = (
    "SELECT originator_version, topic, state FROM stored_events"
    " WHERE originator_id = %s AND originator_version > %s ORDER BY originator_version"
)
LOG = (
    "SELECT notification_id, originator_id::text, originator_version, topic, state FROM stored_events"
    " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
)
LOG_OF = LOG.replace(" ORDER BY", " AND topic = ANY(%s) ORDER BY")
STREAM_LOG = (
    "SELECT notification_id, originator_id::text, originator_version, topic, state FROM stored_events"
    " WHERE originator_id = %s ORDER BY originator_version"
)
FIRSTS = (
    "SELECT notification_id, originator_id::text, originator_version, topic, state FROM stored_events"
    " WHERE originator_id = ANY(%s) AND originator_version = 1"
)
TAKEN = "SELECT 1 FROM stored_events WHERE originator_id = %s AND originator_version = %s"
WRITTEN = f"{TAKEN} AND topic = %s AND state = %s"
_COLUMNS = "owner, kind, name, value, subject, expires_at"
VAULT_ROW = f"SELECT {_COLUMNS} FROM vault WHERE owner = %s AND kind = %s AND name = %s"
KEY_ROWS = f"SELECT {_COLUMNS} FROM vault WHERE owner = ANY(%s) AND kind = 'key' AND name = ''"
VAULT_ROWS = (
    f"SELECT {_COLUMNS} FROM vault WHERE owner = %s AND (%s = '' OR kind = %s)"
    ' ORDER BY kind COLLATE "C", name COLLATE "C"'
)
READY = "SELECT delivery FROM due WHERE at <= %s ORDER BY at LIMIT %s"
NEXT_DUE = "SELECT min(at) FROM due"
FORGET = (
    "DELETE FROM vault WHERE owner = ANY(%(subjects)s) OR subject = ANY(%(subjects)s) OR owner IN"
    " (SELECT owner FROM vault WHERE kind = 'key' AND subject = ANY(%(subjects)s)) RETURNING owner"
)

_DROP: LiteralString = "DELETE FROM vault WHERE owner = %s AND %s IN ('', kind) AND %s IN ('', name)"
_DONE: LiteralString = "DELETE FROM due WHERE delivery = %s"
_PUT: LiteralString = (
    "INSERT INTO vault (owner, kind, name, subject, value, expires_at) VALUES (%s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (owner, kind, name)"
    " DO UPDATE SET subject = excluded.subject, value = excluded.value, expires_at = excluded.expires_at"
)
_UNIQUE: LiteralString = (
    "INSERT INTO vault (owner, kind, name, subject, value, expires_at) VALUES (%s, %s, %s, %s, %s, %s)"
    " ON CONFLICT DO NOTHING"
)
_BIND: LiteralString = (
    "UPDATE vault SET subject = bound.subject FROM (VALUES (%s::uuid, %s::uuid)) AS bound (owner, subject)"
    " WHERE vault.owner = bound.owner"
)
_DUE: LiteralString = "INSERT INTO due VALUES (%s, %s) ON CONFLICT (delivery) DO UPDATE SET at = excluded.at"


def of(work: VaultWork) -> Iterator[tuple[LiteralString, Iterator[tuple[Any, ...]]]]:
    """The statements of a group of vault work with their rows, in order; those without rows are left out."""
    steps: tuple[tuple[LiteralString, list[Any], int], ...] = (
        (_DROP, work.drop, KEY),
        (_DONE, work.done, 1),
        (_PUT, work.put, ROW),
        (_UNIQUE, work.unique, ROW),
        (_BIND, work.bind, PAIR),
        (_DUE, work.due, PAIR),
    )
    return ((statement, rows(flat, width)) for statement, flat, width in steps if flat)
