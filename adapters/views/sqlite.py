"""Views in the SQLite file of the log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventsourcing.sqlite import SQLiteDatastore, SQLiteTrackingRecorder

from limen.adapters.store.sqlite_connection import BUSY_SECONDS, connect
from limen.adapters.views.sql import SqlViewTables
from limen.projections.view import Value


class SqliteViewTables(SQLiteTrackingRecorder, SqlViewTables):
    """Each change is a transaction that holds the write lock from its beginning, so that no read in it is stale."""

    mark, tracking = "?", "tracking"

    def __init__(self, path: Path) -> None:
        super().__init__(SQLiteDatastore(str(path), lock_timeout=BUSY_SECONDS))
        self._connection = connect(str(path), write=True)
        if not self._has_tracking():
            with self.writing() as cursor:
                if not self._has_tracking():  # nobody was faster
                    self._create_table(cursor)

    def _has_tracking(self) -> bool:
        found = self.reading("SELECT COUNT(*) FROM sqlite_master WHERE name = ?", (self.tracking,))
        return bool(next(found)[0])

    @contextmanager
    def writing(self) -> Iterator[Any]:
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
