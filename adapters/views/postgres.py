"""Views in the PostgreSQL database of the log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from psycopg.rows import tuple_row

from limen.adapters.views.sql import SqlViewTables
from limen.projections.view import Value

_FOLDING = 7_003_292
"""The advisory lock under which views are written: one after the other, whoever does it."""

_FETCHED = 1000


class PostgresViewTables(PostgresTrackingRecorder, SqlViewTables):
    """Shares the connections of the log."""

    mark, tracking = "%s", "notification_tracking"

    def __init__(self, datastore: PostgresDatastore) -> None:
        super().__init__(datastore)
        with self.datastore.get_connection() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (_FOLDING,))
            try:
                if not self._has_tracking():
                    self.create_table()
            finally:
                connection.execute("SELECT pg_advisory_unlock(%s)", (_FOLDING,))

    def _has_tracking(self) -> bool:
        return bool(next(iter(self.reading("SELECT to_regclass('public.notification_tracking') IS NOT NULL", ())))[0])

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_FOLDING,))
            yield cursor

    def reading(self, statement: str, params: Sequence[Value]) -> Iterator[Sequence[Any]]:
        query: Any = statement
        with self.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(query, params)
            while page := cursor.fetchmany(_FETCHED):
                yield from page

    def close(self) -> None:
        """The connections are the log's: it closes them."""
