"""The ledger in the PostgreSQL database of the log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from eventsourcing.postgres import PostgresDatastore
from psycopg.rows import tuple_row

from limen.adapters.ledger import statements
from limen.adapters.ledger.sql import SqlLedgerTables, usable

_SEALING = 7_003_293
"""The advisory lock under which ledgers are written: the log's own table is not locked, appends go on."""


class PostgresLedgerTables(SqlLedgerTables):
    """Shares the connections of the log."""

    mark, blob, position = "%s", "BYTEA", "notification_id"
    select = (
        "SELECT notification_id, replace(originator_id::text, '-', ''), originator_version, topic, state"
        " FROM stored_events"
    )

    def __init__(self, datastore: PostgresDatastore) -> None:
        super().__init__()
        self._datastore = datastore

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with usable(), self._datastore.transaction(commit=True) as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_SEALING,))
            yield cursor

    def reading(self, statement: str, params: Sequence[Any]) -> list[Sequence[Any]]:
        query: Any = statement
        with (
            usable(),
            self._datastore.get_connection() as connection,
            connection.cursor(row_factory=tuple_row) as cursor,
        ):
            return list(cursor.execute(query, params).fetchall())

    def tables(self) -> set[str]:
        found = self.reading(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL", ([*statements.TABLES],)
        )
        return {str(row[0]) for row in found}

    def stream_param(self, stream: str) -> UUID:
        return UUID(stream)

    def close(self) -> None:
        """The connections are the log's: it closes them."""
