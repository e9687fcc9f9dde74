"""The ledgers behind the two engines of SQLAlchemy, on PostgreSQL or SQLite."""

from importlib import import_module
from typing import Any

from limen.adapters.bus.ledgers.ledger import (
    Effect,
    PostgresStatements,
    Receipt,
    SqliteStatements,
    TransactionLost,
    kept,
)
from limen.adapters.bus.ledgers.threads import Threads, Turn

AT_ONCE = 32
"""Transactions under way at the same time; the engine's pool may set a lower limit."""

_MARKS = ":consumer_group, :handler, :message_id"


class PostgresDialect:
    """What the two engines do alike on PostgreSQL, with a connection that does not await."""

    def __init__(self, table: str) -> None:
        self._text = import_module("sqlalchemy").text
        self._statements = PostgresStatements(table, _MARKS, ":name")

    def prepare(self, connection: Any) -> None:
        """Creates the table. Raises `ValueError` where each statement is a transaction of its own."""
        number = self._text(self._statements.number)
        with connection.begin():
            if connection.scalar(number) != connection.scalar(number):
                raise _autocommit()
            if connection.scalar(self._text(self._statements.find), {"name": self._statements.table}) is None:
                connection.execute(self._text(self._statements.lock))
                connection.execute(self._text(self._statements.table_sql))

    def write(self, connection: Any, receipt: Receipt) -> Any:
        """The number of the transaction, or None where the receipt was there."""
        return connection.scalar(self._text(self._statements.insert), receipt._asdict())

    def verify(self, connection: Any, receipt: Receipt, number: Any) -> None:
        """Raises `TransactionLost` where that transaction is over or broken."""
        with kept(receipt.handler):
            if not connection.in_transaction() or connection.scalar(self._text(self._statements.number)) != number:
                raise TransactionLost(receipt.handler)


class SqliteDialect:
    """The same on SQLite."""

    def __init__(self, table: str) -> None:
        self._text = import_module("sqlalchemy").text
        self._statements = SqliteStatements(table, _MARKS)

    def prepare(self, connection: Any) -> None:
        # The driver begins before the first change, if it does at all: so a change of nothing shows it.
        with connection.begin():
            connection.execute(self._text(self._statements.table_sql.replace(":", r"\:")))
            connection.execute(self._text(self._statements.nothing))
            if not connection.connection.driver_connection.in_transaction:
                raise _autocommit()

    def write(self, connection: Any, receipt: Receipt) -> Any:
        if not connection.execute(self._text(self._statements.insert), receipt._asdict()).rowcount:
            return None
        connection.execute(self._text(self._statements.hold))
        return True

    def verify(self, connection: Any, receipt: Receipt, _number: Any) -> None:
        with kept(receipt.handler):
            if not connection.in_transaction():
                raise TransactionLost(receipt.handler)
            connection.execute(self._text(self._statements.release))


class AsyncEngineLedger:
    """Implements the `Ledger` protocol on an `AsyncEngine`. Once one connection breaks it replaces all of them."""

    awaits = True

    def __init__(self, engine: Any, table: str) -> None:
        self._engine = engine
        self._dialect = _dialect(engine, table)
        self._ready = False

    async def run(self, receipt: Receipt, effect: Effect) -> bool:
        async with self._engine.connect() as connection:
            if not self._ready:
                await connection.run_sync(self._dialect.prepare)
                self._ready = True
            async with connection.begin():
                number = await connection.run_sync(self._dialect.write, receipt)
                if number is None:
                    return False
                await effect.call(connection)
                await connection.run_sync(self._dialect.verify, receipt, number)
            return True

    async def close(self) -> None:
        """Nothing here is ours."""


class EngineLedger:
    """Implements the `Ledger` protocol on an `Engine`. Once one connection breaks it replaces all of them."""

    awaits = False

    def __init__(self, engine: Any, table: str) -> None:
        self._engine = engine
        self._dialect = _dialect(engine, table)
        self._threads = Threads(AT_ONCE)
        self._ready = False

    async def run(self, receipt: Receipt, effect: Effect) -> bool:
        return await self._threads.run(lambda turn: self._run(receipt, turn), effect)

    def _run(self, receipt: Receipt, turn: Turn) -> bool:
        with self._engine.connect() as connection:
            if not self._ready:
                self._dialect.prepare(connection)
                self._ready = True
            with connection.begin():
                number = self._dialect.write(connection, receipt)
                if number is None:
                    return False
                turn(connection)
                self._dialect.verify(connection, receipt, number)
            return True

    async def close(self) -> None:
        await self._threads.close()


def _dialect(engine: Any, table: str) -> PostgresDialect | SqliteDialect:
    match engine.dialect.name:
        case "postgresql":
            return PostgresDialect(table)
        case "sqlite":
            return SqliteDialect(table)
        case other:
            raise TypeError(f"Once takes a SQLAlchemy engine on PostgreSQL or SQLite, not on {other}")


def _autocommit() -> ValueError:
    return ValueError(
        "this SQLAlchemy engine commits each statement by itself: give Once one without isolation_level='AUTOCOMMIT'"
    )
