"""The store in a PostgreSQL database, for more than one process or machine.

Each transaction takes `eventsourcing`'s exclusive lock on the events table first: so positions in the log are in commit
order, and writers cannot deadlock over the vault. Readers are not held up by it.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, LiteralString, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresFactory
from eventsourcing.utils import Environment, EnvType
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row, tuple_row
from psycopg_pool import PoolTimeout

from limen.adapters.store import postgres_statements as statements
from limen.adapters.store.application import EventLog
from limen.adapters.store.record import EVENT, Outcome, Record, Shape, VaultWork, as_stored, rows, same, utc
from limen.adapters.store.recorder import LogRow, StreamRow, VaultRecorder
from limen.domain.errors import StoreConflict, StoreUnusable
from limen.domain.ports import VaultRow

_CREATING = 7_003_291
"""The advisory lock under which tables are created: `IF NOT EXISTS` alone does not save two processes at once."""


class PostgresVaultRecorder(PostgresApplicationRecorder, VaultRecorder):
    """`eventsourcing`'s recorder with the vault beside it."""

    shape: ClassVar[Shape] = Shape(stream=same, id=same, time=utc)

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = "stored_events") -> None:
        super().__init__(datastore, events_table_name=events_table_name)
        self.sql_create_statements.extend(sql.SQL(table).format() for table in statements.TABLES)

    # ------------------------------------------------------------------------------------------------------- writing

    def commit(self, records: Sequence[Record]) -> Sequence[Outcome]:
        for last in (False, False, False, True):
            try:
                return super().commit(records)
            except (InterfaceError, OperationalError) as error:
                # A pooled connection died, with its server perhaps. Had it been told to commit, nobody knows whether it
                # did: so what is there already, byte for byte, counts as written from now on.
                self._replace_dead(error, last=last)
                with suppress(InterfaceError, OperationalError):
                    return self.commit_each(records, again=True)
        raise AssertionError

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        # Without the library's ten tries, which would take a commit of their own for somebody else's.
        once = PostgresApplicationRecorder.insert_events.__wrapped__
        return cast("Sequence[int] | None", once(self, stored_events, **kwargs))

    def _insert_events(
        self,
        curs: psycopg.Cursor[Any],
        stored_events: Sequence[StoredEvent],
        *,
        vault: Sequence[VaultWork] = (),
        **kwargs: Any,
    ) -> None:
        if vault:
            self._lock_table(curs)
        for work in vault:
            for statement, params in statements.of(work):
                curs.executemany(statement, params)
        super()._insert_events(curs, stored_events, **kwargs)

    def commit_each(self, records: Sequence[Record], *, again: bool = False) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        with self.datastore.transaction(commit=True) as curs:
            self._lock_table(curs)
            for record in records:
                try:
                    with curs.connection.transaction():
                        self._insert_events(curs, (), vault=record.work)
                        if record.events:
                            self._insert_stored_events(curs, as_stored(record.events))
                    outcomes.append(None)
                except psycopg.errors.UniqueViolation:
                    written = again and _written(curs, record)
                    outcomes.append(None if written else StoreConflict(_conflicting(curs, record)))
        return outcomes

    def forget(self, subjects: Sequence[UUID]) -> Sequence[UUID]:
        gone = list(subjects)
        with self.datastore.transaction(commit=True) as curs:
            self._lock_table(curs)
            owners = [row["owner"] for row in curs.execute(statements.FORGET, {"subjects": gone}).fetchall()]
        with self.datastore.get_connection() as connection:
            connection.execute("VACUUM vault")
        return owners

    def sweep(self, now: datetime) -> int:
        with self.datastore.transaction(commit=True) as curs:
            self._lock_table(curs)
            return curs.execute("DELETE FROM vault WHERE expires_at <= %s", (now,)).rowcount

    # ------------------------------------------------------------------------------------------------------- reading

    def _rows(self, statement: LiteralString, params: Sequence[Any]) -> list[Any]:
        for last in (False, False, False, True):
            try:
                with self.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
                    return cursor.execute(statement, params, prepare=True).fetchall()
            except (InterfaceError, OperationalError) as error:
                self._replace_dead(error, last=last)
        raise AssertionError

    def _replace_dead(self, error: Exception, *, last: bool) -> None:
        """Before another try; raises the error where there is none left, or no server to try it on."""
        if last or isinstance(error.__cause__, PoolTimeout):
            raise error
        time.sleep(0.02)
        self.datastore.pool.check()

    def stream_rows(self, stream: UUID, after: int) -> Sequence[StreamRow]:
        return self._rows(statements.STREAM, (stream, after))

    def log_rows(self, after: int, limit: int, topics: Sequence[str] | None = None) -> Sequence[LogRow]:
        if topics is None:
            return self._rows(statements.LOG, (after, limit))
        return self._rows(statements.LOG_OF, (after, list(topics), limit)) if topics else []

    def first_rows(self, streams: Sequence[UUID]) -> Sequence[LogRow]:
        return self._rows(statements.FIRSTS, (list(streams),)) if streams else []

    def stream_log(self, stream: UUID) -> Sequence[LogRow]:
        return self._rows(statements.STREAM_LOG, (stream,))

    def vault_row(self, owner: UUID, kind: str, name: str) -> VaultRow | None:
        found = self._rows(statements.VAULT_ROW, (owner, kind, name))
        return VaultRow(*found[0]) if found else None

    def key_rows(self, owners: Sequence[UUID]) -> Sequence[VaultRow]:
        return [VaultRow(*row) for row in self._rows(statements.KEY_ROWS, (list(owners),))] if owners else []

    def vault_rows(self, owner: UUID, kind: str) -> Sequence[VaultRow]:
        return [VaultRow(*row) for row in self._rows(statements.VAULT_ROWS, (owner, kind, kind))]

    def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        return [row[0] for row in self._rows(statements.READY, (now, limit))]

    def next_due(self) -> datetime | None:
        return cast("datetime | None", self._rows(statements.NEXT_DUE, ())[0][0])


class PostgresVaultFactory(PostgresFactory):
    """Makes the recorder, over a pool that understands every part of a connection URL."""

    application_recorder_class = PostgresVaultRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        # The factory knows host, port, user, password and name only; TLS options, sockets and ~/.pgpass need the URL.
        url = self.env.get("POSTGRES_URL") or ""
        self.datastore.pool.kwargs = {**conninfo(url), "row_factory": dict_row}


def open_postgres(url: str, *, create: bool) -> EventLog:
    """The application on a database. Raises `StoreUnusable` when the server does not answer or refuses."""
    env = {
        "POSTGRES_URL": url,
        "POSTGRES_DBNAME": "",
        "POSTGRES_HOST": "",
        "POSTGRES_USER": "",
        "POSTGRES_PASSWORD": "",
        "POSTGRES_CONNECT_TIMEOUT": "5",
        "POSTGRES_POOL_SIZE": "2",
        "POSTGRES_MAX_OVERFLOW": "14",
        "CREATE_TABLE": "yes" if create else "no",
    }
    try:
        with psycopg.connect(**conninfo(url), autocommit=True) as connection:
            if create:
                connection.execute("SELECT pg_advisory_lock(%s)", (_CREATING,))
            elif connection.execute("SELECT to_regclass('public.stored_events')").fetchone() == (None,):
                raise StoreUnusable("there is no store in this database")
            return EventLog(PostgresVaultFactory, env)
    except psycopg.Error as error:
        raise StoreUnusable(f"the database cannot be used: {str(error).partition(chr(10))[0]}") from error


def conninfo(url: str) -> dict[str, Any]:
    """What a connection URL says, as the driver's parameters. Raises `StoreUnusable`."""
    try:
        return {"connect_timeout": 10, **conninfo_to_dict(url)}
    except psycopg.ProgrammingError:
        raise StoreUnusable("this postgresql URL cannot be read; expected postgresql://user@host/database") from None


def _written(curs: psycopg.Cursor[Any], record: Record) -> bool:
    """Whether exactly these events are in the log."""
    return bool(record.events) and all(
        curs.execute(statements.WRITTEN, event).fetchone() for event in rows(record.events, EVENT)
    )


def _conflicting(curs: psycopg.Cursor[Any], record: Record) -> set[UUID]:
    """The streams whose version is taken; all of the step's when it clashes with itself."""
    places = [(stream, version) for stream, version, *_ in rows(record.events, EVENT)]
    taken = {stream for stream, version in places if curs.execute(statements.TAKEN, (stream, version)).fetchone()}
    return taken or {stream for stream, _ in places}
