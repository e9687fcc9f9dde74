"""Views in the SQLite file of the log."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventsourcing.persistence import OperationalError
from eventsourcing.sqlite import SQLiteDatastore, SQLiteTrackingRecorder

from limen.adapters.store.sqlite import BUSY_SECONDS, connect
from limen.adapters.views.sql import SqlViewTables
from limen.projections.view import Value


class SqliteViewTables(SQLiteTrackingRecorder, SqlViewTables):
    """Each change is a transaction that holds the write lock from its beginning, so that no read in it is stale."""

    mark, tracking = "?", "tracking"

    def __init__(self, path: Path) -> None:
        super().__init__(SQLiteDatastore(str(path), lock_timeout=BUSY_SECONDS))
        self._connection = connect(str(path), write=True)
        if not self._has_tracking():
            self.create_table()

    def _has_tracking(self) -> bool:
        try:
            return self.max_tracking_id(self.table_migration_identifier) is not None
        except OperationalError:
            return False

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
            cursor.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                cursor.execute("ROLLBACK")

    def reading(self, statement: str, params: Sequence[Value]) -> Iterator[Sequence[Any]]:
        return iter(self._connection.execute(statement, params))

    def close(self) -> None:
        self._connection.close()
        self.datastore.close()
