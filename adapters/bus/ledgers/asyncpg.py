"""The ledger behind a pool of asyncpg."""

from typing import Any

from limen.adapters.bus.ledgers.ledger import Effect, PostgresStatements, Receipt, TransactionLost, kept


class AsyncpgLedger:
    """Implements the `Ledger` protocol."""

    awaits = True

    def __init__(self, pool: Any, table: str) -> None:
        self._pool = pool
        self._statements = PostgresStatements(table, "$1, $2, $3", "$1")
        self._ready = False

    async def run(self, receipt: Receipt, effect: Effect) -> bool:
        async with self._pool.acquire() as connection:
            try:
                await self._prepare(connection)
                return await self._transact(connection, receipt, effect)
            except Exception:
                if not await _answers(connection):  # nor do others, perhaps, and the pool would hand them out
                    await self._pool.expire_connections()
                raise

    async def _transact(self, connection: Any, receipt: Receipt, effect: Effect) -> bool:
        async with connection.transaction():
            number = await connection.fetchval(self._statements.insert, *receipt)
            if number is None:
                return False
            await effect.call(connection)
            with kept(receipt.handler):
                if await connection.fetchval(self._statements.number) != number:
                    raise TransactionLost(receipt.handler)
        return True

    async def _prepare(self, connection: Any) -> None:
        if self._ready:
            return
        async with connection.transaction():
            if await connection.fetchval(self._statements.find, self._statements.table) is None:
                await connection.execute(self._statements.lock)
                await connection.execute(self._statements.table_sql)
        self._ready = True

    async def close(self) -> None:
        """Nothing here is ours."""


async def _answers(connection: Any) -> bool:
    try:
        await connection.execute("SELECT 1")
    except Exception:  # of any kind: a connection may be half closed
        return False
    return True
