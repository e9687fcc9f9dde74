"""The ledgers behind the two pools of psycopg."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection, AsyncCursor, Connection, Cursor
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from limen.adapters.bus.ledgers.ledger import Effect, PostgresStatements, Receipt, TransactionLost, kept
from limen.adapters.bus.ledgers.threads import Threads, Turn

AT_ONCE = 32
"""Transactions under way at the same time; the pool may set a lower limit."""


class AsyncPsycopgLedger:
    """Implements the `Ledger` protocol on an `AsyncConnectionPool`."""

    awaits = True

    def __init__(self, pool: AsyncConnectionPool[Any], table: str) -> None:
        self._pool = pool
        self._statements = PostgresStatements(table, "%s, %s, %s", "%s")
        self._ready = False

    async def run(self, receipt: Receipt, effect: Effect) -> bool:
        broken = False
        try:
            async with self._pool.connection() as connection:
                try:
                    await self._prepare(connection)
                    return await self._transact(connection, receipt, effect)
                finally:
                    broken = connection.closed
        finally:
            if broken:  # so are others, perhaps, and the pool would hand them out
                await self._pool.check()

    async def _transact(self, connection: AsyncConnection[Any], receipt: Receipt, effect: Effect) -> bool:
        async with connection.transaction():
            number = await _answer_of(connection, self._statements.insert, receipt)
            if number is None:
                return False
            await effect.call(connection)
            with kept(receipt.handler):
                if await _answer_of(connection, self._statements.number) != number:
                    raise TransactionLost(receipt.handler)
        return True

    async def _prepare(self, connection: AsyncConnection[Any]) -> None:
        if self._ready:
            return
        async with connection.transaction():
            if await _answer_of(connection, self._statements.find, [self._statements.table]) is None:
                await _answer_of(connection, self._statements.lock)
                await AsyncCursor(connection).execute(self._statements.table_sql.encode())
        self._ready = True

    async def close(self) -> None:
        """Nothing here is ours."""


class PsycopgLedger:
    """Implements the `Ledger` protocol on a `ConnectionPool`."""

    awaits = False

    def __init__(self, pool: ConnectionPool[Any], table: str) -> None:
        self._pool = pool
        self._threads = Threads(AT_ONCE)
        self._statements = PostgresStatements(table, "%s, %s, %s", "%s")
        self._ready = False

    async def run(self, receipt: Receipt, effect: Effect) -> bool:
        return await self._threads.run(lambda turn: self._run(receipt, turn), effect)

    def _run(self, receipt: Receipt, turn: Turn) -> bool:
        broken = False
        try:
            with self._pool.connection() as connection:
                try:
                    self._prepare(connection)
                    return self._transact(connection, receipt, turn)
                finally:
                    broken = connection.closed
        finally:
            if broken:  # so are others, perhaps, and the pool would hand them out
                self._pool.check()

    def _transact(self, connection: Connection[Any], receipt: Receipt, turn: Turn) -> bool:
        with connection.transaction():
            number = _answer(connection, self._statements.insert, receipt)
            if number is None:
                return False
            turn(connection)
            with kept(receipt.handler):
                if _answer(connection, self._statements.number) != number:
                    raise TransactionLost(receipt.handler)
        return True

    def _prepare(self, connection: Connection[Any]) -> None:
        if self._ready:
            return
        with connection.transaction():
            if _answer(connection, self._statements.find, [self._statements.table]) is None:
                _answer(connection, self._statements.lock)
                Cursor(connection).execute(self._statements.table_sql.encode())
        self._ready = True

    async def close(self) -> None:
        await self._threads.close()


# The pool's own kind of cursor and rows may be any. As bytes a statement need not be a literal.


async def _answer_of(connection: AsyncConnection[Any], statement: str, values: Sequence[Any] = ()) -> Any:
    """The one value of the first row, or None."""
    cursor = await AsyncCursor(connection, row_factory=tuple_row).execute(statement.encode(), values)
    row = await cursor.fetchone()
    return row and row[0]


def _answer(connection: Connection[Any], statement: str, values: Sequence[Any] = ()) -> Any:
    """The one value of the first row, or None."""
    row = Cursor(connection, row_factory=tuple_row).execute(statement.encode(), values).fetchone()
    return row and row[0]
