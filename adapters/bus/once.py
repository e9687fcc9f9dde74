"""Exactly-once effects: what a handler does and that it was done, in one transaction of the consumer's own database."""

import inspect
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from limen.adapters.bus.ledgers.ledger import Effect, Ledger, Receipt, TransactionLost, quoted

__all__ = ["Once", "TransactionLost"]

T = TypeVar("T")

_HOMES = {
    ("asyncpg", "Pool"): ("asyncpg", "AsyncpgLedger"),
    ("psycopg_pool", "AsyncConnectionPool"): ("psycopg", "AsyncPsycopgLedger"),
    ("psycopg_pool", "ConnectionPool"): ("psycopg", "PsycopgLedger"),
    ("sqlalchemy", "AsyncEngine"): ("sqlalchemy", "AsyncEngineLedger"),
    ("sqlalchemy", "Engine"): ("sqlalchemy", "EngineLedger"),
}
"""The ledger of each kind of place, by package and class: a driver that is not there is not imported."""

_FILES = ("sqlite", "SqliteLedger")


class Once:
    """The set of messages that the handlers of a group have handled, kept beside the effects.

    It is a set of ids and not a high-water mark: a message that was parked can be replayed through it later, after
    newer ones. Rows are never deleted here; `handled_at` says which are old enough for you to delete.

    A handler gets the connection whose transaction it is as `tx`: of asyncpg, psycopg, SQLAlchemy (`Connection` or
    `AsyncConnection`; an ORM session joins it as `Session(bind=tx)`) or `sqlite3`. It must neither commit nor roll
    back; savepoints are its own. Use one `Once` in one event loop.
    """

    def __init__(self, place: Any, *, table: str = "limen_once") -> None:
        """Opens nothing yet.

        `place`: an asyncpg pool, a psycopg pool (`AsyncConnectionPool` or `ConnectionPool`), a SQLAlchemy engine
        (`Engine` or `AsyncEngine`, on PostgreSQL or SQLite), or the path of a `sqlite3` database. The table is created
        when it is first needed; its name is taken as written, upper and lower case too.

        Raises `TypeError` for another place, `ValueError` for a table's name that is none.
        """
        quoted(table)
        self._ledger = _ledger(place, table)

    def check(self, is_async: bool) -> None:
        """Raises `TypeError` where a plain function could not use the connection it would be given."""
        if self._ledger.awaits and not is_async:
            raise TypeError(
                "a plain function cannot use the connections of this place, which must be awaited: make the handler"
                " `async def`, or give Once a psycopg ConnectionPool, a SQLAlchemy Engine or a sqlite3 path"
            )

    async def run(
        self, group: str, handler: str, message_id: str, call: Callable[[Any], Awaitable[T] | T], *, is_async: bool
    ) -> bool:
        """Calls `call(tx)` in a transaction that also writes (group, handler, message id), and commits both.

        False, without calling, when that was there already. While another process is at the same message, this one
        waits for its end. With `is_async` the call is awaited in the loop, else it runs in a thread.

        What `call` raises rolls everything back and goes on to the caller, and so do the driver's errors: then nothing
        is written, unless the connection broke while committing; the next run tells. Cancelled, it rolls back; a plain
        function cannot be stopped and is waited for. Raises `TransactionLost` when the handler ended the transaction
        itself, and what `check` raises.
        """
        self.check(is_async)
        effect = Effect(call if is_async else _plain(handler, call), is_async)
        return await self._ledger.run(Receipt(group, handler, message_id), effect)

    async def close(self) -> None:
        """Closes what `Once` opened itself: its threads and the connection to a sqlite3 file. A later `run` reopens."""
        await self._ledger.close()


def _ledger(place: Any, table: str) -> Ledger:
    if isinstance(place, str) and "://" in place:
        raise TypeError(
            "Once takes no URL: give it a pool or an engine on that database, or the mere path of a sqlite3 file"
        )
    if isinstance(place, str | Path) and str(place):
        return _made(_FILES, str(place), table)
    given = type(place)
    for kind in given.__mro__:
        key = (kind.__module__.partition(".")[0], kind.__name__)
        if key in _HOMES:
            return _made(_HOMES[key], place, table)
    raise TypeError(
        "Once takes an asyncpg pool, a psycopg pool (AsyncConnectionPool or ConnectionPool), a SQLAlchemy engine"
        f" (Engine or AsyncEngine) or the path of a sqlite3 database, not {given.__module__}.{given.__qualname__}"
    )


def _made(home: tuple[str, str], place: Any, table: str) -> Ledger:
    module, name = home
    ledger: Ledger = getattr(import_module(f"limen.adapters.bus.ledgers.{module}"), name)(place, table)
    return ledger


def _plain(handler: str, call: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A plain function as a thread can run it: what neither a future nor a commit survives becomes an error."""

    def called(tx: Any) -> None:
        try:
            answer = call(tx)
        except StopIteration as error:  # no future takes it: whoever awaits would wait for ever
            raise RuntimeError(f"handler '{handler}' raised StopIteration") from error
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise TypeError(f"handler '{handler}' returned something to be awaited, and was called as a plain function")

    return called
