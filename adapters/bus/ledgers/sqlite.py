"""The ledger in a file of SQLite, which the consumer may have open elsewhere too."""

import sqlite3
from contextlib import suppress

from limen.adapters.bus.ledgers.ledger import Effect, Receipt, SqliteStatements, kept
from limen.adapters.bus.ledgers.threads import Threads, Turn
from limen.adapters.store.sqlite_connection import patiently

BUSY_SECONDS = 30.0
"""How long a transaction waits for others that hold the file."""


class SqliteLedger:
    """Implements the `Ledger` protocol: one connection, one transaction at a time."""

    awaits = False

    def __init__(self, path: str, table: str) -> None:
        self._path = path
        self._threads = Threads(1)
        self._statements = SqliteStatements(table, "?, ?, ?")
        self._connection: sqlite3.Connection | None = None

    async def run(self, receipt: Receipt, effect: Effect) -> bool:
        return await self._threads.run(lambda turn: self._run(receipt, turn), effect)

    def _run(self, receipt: Receipt, turn: Turn) -> bool:
        connection = self._opened()
        try:
            return self._transact(connection, receipt, turn)
        finally:
            self._put_back(connection)

    def _transact(self, connection: sqlite3.Connection, receipt: Receipt, turn: Turn) -> bool:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute(self._statements.insert, receipt).rowcount:
            return False
        connection.execute(self._statements.hold)
        turn(connection)
        with kept(receipt.handler):
            connection.execute(self._statements.release)
        connection.execute("COMMIT")
        return True

    def _put_back(self, connection: sqlite3.Connection) -> None:
        """Rolls back what is not committed. A connection that cannot even do that is not used again."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._open()
            except sqlite3.Error as error:
                raise type(error)(f"{self._path}: {error}") from error
        return self._connection

    def _open(self) -> sqlite3.Connection:
        # An `async def` handler uses it in the loop's thread, while this one waits.
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # SQLite does not wait here when two processes change the mode at once.
            patiently(lambda: connection.execute("PRAGMA journal_mode=WAL").fetchall())
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(self._statements.table_sql)
        except BaseException:
            connection.close()
            raise
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    async def close(self) -> None:
        await self._threads.close(self._close)
