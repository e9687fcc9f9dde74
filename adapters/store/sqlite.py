"""The store in one SQLite file.

WAL, synchronous FULL, secure delete. One connection writes, one reads, both kept open: fetching them from a pool for
each step would cost as much as the step. Other processes may use the same file at the same time; a writer that meets
another waits its turn.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, cast
from uuid import UUID

from eventsourcing.persistence import PersistenceError, StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore, SQLiteFactory

from limen.adapters.store import sqlite_statements as sql
from limen.adapters.store.record import EVENT, KEY, PAIR, ROW, Outcome, Record, Shape, VaultWork, rows
from limen.adapters.store.recorder import LogRow, StreamRow, VaultRecorder
from limen.adapters.store.sqlite_connection import BUSY_SECONDS, connect, is_busy, patiently, translated
from limen.domain.errors import StoreConflict
from limen.domain.ports import VaultRow

TRUNCATING_SECONDS = 5.0
"""How long the one who erases waits for readers of the write-ahead log; what is left then is done later."""

SEARCHED_BYTES = 256 << 20
"""How large a file is looked through for what an erasure has left."""

_TELLING = 24
"""Bytes of an encrypted value that tell it from every other; the rest of a long one may stand on pages of its own."""

_TRY_MILLISECONDS = 50
"""How long one try to truncate the write-ahead log keeps writers waiting."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SQLiteVaultRecorder(SQLiteApplicationRecorder, VaultRecorder):
    """`eventsourcing`'s recorder with the vault beside it, on two connections of its own."""

    shape: ClassVar[Shape] = Shape(
        stream=lambda one: one.hex, id=lambda one: one.bytes, time=lambda at: (at - _EPOCH) // _MICROSECOND
    )

    def __init__(self, datastore: SQLiteDatastore, events_table_name: str = "stored_events") -> None:
        super().__init__(datastore, events_table_name)
        name = datastore.pool.db_name
        self._write_lock, self._read_lock = RLock(), RLock()
        self._closed = False
        self._writer: sqlite3.Connection | None = None
        if not name.endswith("?mode=ro"):
            self._writer = patiently(lambda: connect(name, write=True))
            self._write = self._writer.cursor()
        self._stale = True  # who had the file before may have died between erasing and truncating
        self._reader = patiently(lambda: connect(name))
        self._read = self._reader.cursor()

    def create_table(self) -> None:
        try:
            with self._transaction() as cursor:
                for statement in (*self.create_table_statements, *sql.TABLES):
                    cursor.execute(statement)
            self._truncated()
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------------------------------------------------- writing

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """A transaction that holds the write lock from its beginning, so that it cannot fail for a stale read."""
        with self._write_lock, translated():
            cursor = self._write
            patiently(lambda: cursor.execute("BEGIN IMMEDIATE"))
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                if cursor.connection.in_transaction:
                    cursor.execute("ROLLBACK")
                raise

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, vault: Sequence[VaultWork] = (), **kwargs: Any
    ) -> Sequence[int] | None:
        with self._transaction() as cursor:
            return self._insert_events(cursor, stored_events, vault=vault, **kwargs)

    def _insert_events(
        self, c: Any, stored_events: Sequence[StoredEvent], *, vault: Sequence[VaultWork] = (), **_: Any
    ) -> Sequence[int] | None:
        flat: list[Any] = []
        for event in stored_events:
            flat += (cast("UUID", event.originator_id).hex, event.originator_version, event.topic, event.state)
        self._insert_rows(c, flat, vault)
        last = sql.last_position(c)
        return range(last - len(stored_events) + 1, last + 1)

    def insert_rows(self, events: Sequence[Any], vault: Sequence[VaultWork]) -> None:
        with self._transaction() as cursor:
            self._insert_rows(cursor, events, vault)

    @staticmethod
    def _insert_rows(cursor: sqlite3.Cursor, events: Sequence[Any], vault: Sequence[VaultWork]) -> None:
        # Few statements of many rows: each call into SQLite gives up the interpreter's lock and must win it back.
        if events:
            sql.many(cursor, sql.insert_events, events, EVENT)
        for work in vault:
            if work.drop:
                sql.many(cursor, sql.drop, work.drop, KEY)
            if work.done:
                sql.many(cursor, sql.done, work.done, 1)
            if work.put:
                sql.many(cursor, sql.put, work.put, ROW)
            if work.unique:
                sql.many(cursor, sql.put_unique, work.unique, ROW)
            if work.bind:
                sql.many(cursor, sql.bind, work.bind, PAIR)
            if work.due:
                sql.many(cursor, sql.due, work.due, PAIR)

    def commit_each(self, records: Sequence[Record]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        with self._transaction() as cursor:
            for record in records:
                cursor.execute("SAVEPOINT step")
                try:
                    self._insert_rows(cursor, record.events, record.work)
                    outcomes.append(None)
                except sqlite3.IntegrityError:
                    cursor.execute("ROLLBACK TO step")
                    outcomes.append(StoreConflict(_conflicting(cursor, record)))
                cursor.execute("RELEASE step")
        return outcomes

    def forget(self, subjects: Sequence[UUID]) -> Sequence[UUID]:
        gone = [one.bytes for one in subjects]
        with self._transaction() as cursor:
            owners = {*gone, *sql.bound_owners(cursor, gone)}
            places = sql.owned_rows(cursor, owners, gone)
            values = [cursor.execute(sql.VAULT_ROW, place).fetchone()[4] for place in places]
            cursor.executemany(sql.DELETE_ROW, places)
        self._empty()
        if self._left([value[:_TELLING] for value in values if len(value) >= _TELLING]):
            with self._transaction() as cursor:
                sql.rewrite_vault(cursor)
            self._empty()
        return [UUID(bytes=place[0]) for place in places]

    def _left(self, starts: Sequence[bytes]) -> bool:
        """Whether copies of values are left in the file: a page that was split keeps some of what went elsewhere.

        SQLite zeroes what is deleted (secure_delete), not what it moves. A file too large to be searched is let be.
        """
        with self._read_lock, translated():
            path = Path(self._read.execute("PRAGMA database_list").fetchone()[2])
        if path.stat().st_size > SEARCHED_BYTES:
            return False
        data = path.read_bytes()
        return any(start in data for start in starts)

    def _empty(self) -> None:
        """Empties the write-ahead log, for so long at most."""
        self._stale = True
        deadline, rest = time.monotonic() + TRUNCATING_SECONDS, 0.01
        while not self._truncated() and time.monotonic() < deadline:
            time.sleep(rest)  # writers go in between
            rest = min(rest * 2, 0.5)

    def _truncated(self) -> bool:
        """One try to empty the write-ahead log, in which older copies of what was deleted stand.

        A reader who began before keeps it from being emptied.
        """
        with self._write_lock, translated():
            self._write.execute(f"PRAGMA busy_timeout={_TRY_MILLISECONDS}")
            try:
                busy = self._write.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                busy = True
            finally:
                self._write.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
            self._stale = self._stale and bool(busy)
            return not busy

    def sweep(self, now: datetime) -> int:
        with self._transaction() as cursor:
            swept = cursor.execute("DELETE FROM vault WHERE expires_at <= ?", (self.shape.time(now),)).rowcount
        if self._stale:
            self._truncated()
        return swept

    # ------------------------------------------------------------------------------------------------------- reading

    def _rows(self, statement: str, params: Sequence[Any]) -> list[Any]:
        with self._read_lock, translated():
            return self._read.execute(statement, params).fetchall()

    def stream_rows(self, stream: UUID, after: int) -> Sequence[StreamRow]:
        return self._rows(sql.STREAM, (stream.hex, after))

    def log_rows(self, after: int, limit: int, topics: Sequence[str] | None = None) -> Sequence[LogRow]:
        if topics is None:
            return self._rows(sql.LOG, (after, limit))
        return self._rows(sql.log_of(len(topics)), (after, *topics, limit)) if topics else []

    def first_rows(self, streams: Sequence[UUID]) -> Sequence[LogRow]:
        found = (self._rows(sql.firsts(len(some)), [one.hex for one in some]) for some in _chunks(streams))
        return [row for rows in found for row in rows]

    def stream_log(self, stream: UUID) -> Sequence[LogRow]:
        return self._rows(sql.STREAM_LOG, (stream.hex,))

    def vault_row(self, owner: UUID, kind: str, name: str) -> VaultRow | None:
        found = self._rows(sql.VAULT_ROW, (owner.bytes, kind, name))
        return _vault_row(found[0]) if found else None

    def key_rows(self, owners: Sequence[UUID]) -> Sequence[VaultRow]:
        found = (self._rows(sql.key_rows(len(some)), [one.bytes for one in some]) for some in _chunks(owners))
        return [_vault_row(row) for rows in found for row in rows]

    def vault_rows(self, owner: UUID, kind: str) -> Sequence[VaultRow]:
        return [_vault_row(row) for row in self._rows(sql.VAULT_ROWS, (owner.bytes, kind))]

    def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        return [UUID(bytes=row[0]) for row in self._rows(sql.READY, (self.shape.time(now), limit))]

    def next_due(self) -> datetime | None:
        return _instant(self._rows(sql.NEXT_DUE, ())[0][0])

    def close(self) -> None:
        """Closes both connections; the last one to leave the file takes the WAL with it. Harmless when repeated."""
        with self._write_lock, self._read_lock:
            if self._closed:
                return
            self._closed = True
            self._read.close()  # a statement left in a cursor would keep the file open
            self._reader.close()
            if self._writer is not None:
                with suppress(PersistenceError):
                    if self._stale:
                        self._truncated()
                self._write.close()
                self._writer.close()


class SQLiteVaultFactory(SQLiteFactory):
    """Makes the recorder, and closes its connections."""

    application_recorder_class = SQLiteVaultRecorder
    _made: SQLiteVaultRecorder | None = None

    def application_recorder(self) -> SQLiteVaultRecorder:
        self._made = cast("SQLiteVaultRecorder", super().application_recorder())
        return self._made

    def close(self) -> None:
        if self._made is not None:
            self._made.close()
        super().close()


def _conflicting(cursor: sqlite3.Cursor, record: Record) -> set[UUID]:
    """The streams whose version is taken; all of the step's when it clashes with itself."""
    places = [(stream, version) for stream, version, *_ in rows(record.events, EVENT)]
    taken = {stream for stream, version in places if cursor.execute(sql.TAKEN, (stream, version)).fetchone()}
    return {UUID(stream) for stream in taken or {stream for stream, _ in places}}


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[start : start + sql.IDS_AT_ONCE] for start in range(0, len(ids), sql.IDS_AT_ONCE))


def _vault_row(row: Sequence[Any]) -> VaultRow:
    owner, kind, name, subject, value, expires = row
    return VaultRow(UUID(bytes=owner), kind, name, value, subject and UUID(bytes=subject), _instant(expires))


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + microseconds * _MICROSECOND
