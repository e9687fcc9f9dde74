"""The ledger in the SQLite file of the log, on a connection of its own: nothing that it does holds up a reader."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limen.adapters.ledger import statements
from limen.adapters.ledger.sql import SqlLedgerTables, usable
from limen.adapters.store.sqlite_connection import connect, patiently, translated


class SqliteLedgerTables(SqlLedgerTables):
    """Opened for reading alone unless `write` is given."""

    mark, blob, position = "?", "BLOB", "rowid"
    select = "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events"

    def __init__(self, path: Path, *, write: bool) -> None:
        super().__init__()
        name = str(path) if write else f"{path.as_uri()}?mode=ro"
        self._connection = patiently(lambda: connect(name, write=write))

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with usable(), translated():
            cursor = self._connection.cursor()
            patiently(lambda: cursor.execute("BEGIN IMMEDIATE"))
            try:
                yield cursor
                cursor.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    cursor.execute("ROLLBACK")

    def reading(self, statement: str, params: Sequence[Any]) -> list[Sequence[Any]]:
        with usable(), translated():
            try:
                return self._connection.execute(statement, params).fetchall()
            except sqlite3.OperationalError as error:
                if "UTF-8" not in str(error):
                    raise
                # somebody has put bytes there that are no text: they are read all the same, to be named
                self._connection.text_factory = lambda data: data.decode(errors="surrogateescape")
                try:
                    return self._connection.execute(statement, params).fetchall()
                finally:
                    self._connection.text_factory = str

    def tables(self) -> set[str]:
        marks = ", ".join("?" * len(statements.TABLES))
        found = self.reading(f"SELECT name FROM sqlite_master WHERE name IN ({marks})", statements.TABLES)
        return {str(row[0]) for row in found}

    def stream_param(self, stream: str) -> str:
        return stream

    def close(self) -> None:
        self._connection.close()
