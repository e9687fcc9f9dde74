"""What a ledger is: the table in a consumer's own database where `Once` writes what has been handled."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from limen.domain.errors import LimenError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")

CREATING = 7_003_304
"""The advisory lock under which PostgreSQL creates the table: `IF NOT EXISTS` alone does not save two at once."""


class Receipt(NamedTuple):
    """That a handler of a group has handled a message; in the order of the table's key."""

    consumer_group: str
    handler: str
    message_id: str


class Effect(NamedTuple):
    """What a handler does in the transaction that `call` is given."""

    call: Callable[[Any], Any]
    is_async: bool


class Ledger(Protocol):
    """One kind of database. `awaits` is true where its connections can only be awaited, by `async def` handlers."""

    awaits: bool

    async def run(self, receipt: Receipt, effect: Effect) -> bool:
        """Writes the receipt and has the effect, in one transaction. False, without it, where the receipt was there."""

    async def close(self) -> None:
        """Closes what the ledger opened itself."""


class TransactionLost(LimenError):
    """A handler ended the transaction it was given, or left it in a state that can only be rolled back."""

    id = "transaction_lost"

    def __init__(self, handler: str) -> None:
        self.handler = handler
        super().__init__(
            f"handler '{handler}' did not keep the transaction it was given. It must not commit or roll back, and must"
            " let errors of the database pass (or catch them around a savepoint); else effect and receipt part"
        )


@contextmanager
def kept(handler: str) -> Iterator[None]:
    """For the last look at the transaction: whatever goes wrong in it means that the handler did not keep it."""
    try:
        yield
    except TransactionLost:
        raise
    except Exception as error:
        raise TransactionLost(handler) from error


def quoted(table: str) -> str:
    """A table's name as SQL takes it. Raises `ValueError` for all but a plain name, perhaps in a schema."""
    if not _NAME.fullmatch(table):
        raise ValueError(
            f"{table!r} is no name for a table: letters, digits and _, no digit first; a schema may stand before a dot"
        )
    return ".".join(f'"{part}"' for part in table.split("."))


class Statements:
    """The SQL of a ledger. `marks` are the three places of a receipt, in the driver's way of writing them."""

    def __init__(self, table: str, marks: str) -> None:
        self.table = quoted(table)
        self.insert = (
            f"INSERT INTO {self.table} (consumer_group, handler, message_id)"  # noqa: S608 - the name has been checked
            f" VALUES ({marks}) ON CONFLICT DO NOTHING"
        )

    def create(self, time: str, more: str = "") -> str:
        """`time` is the type of `handled_at` and its default, `more` what follows the columns."""
        return (
            f"CREATE TABLE IF NOT EXISTS {self.table} (consumer_group text NOT NULL, handler text NOT NULL,"
            f" message_id text NOT NULL, handled_at {time}, PRIMARY KEY (consumer_group, handler, message_id)){more}"
        )


class PostgresStatements(Statements):
    """For PostgreSQL. `insert` returns the number of its transaction, or no row where the receipt was there.

    It waits for another transaction that is writing the same receipt.
    """

    number = "SELECT txid_current()"
    """Another number than that of `insert`: that transaction is over. It fails where the transaction is broken."""

    def __init__(self, table: str, marks: str, mark: str) -> None:
        super().__init__(table, marks)
        self.insert += " RETURNING txid_current()"
        # Looked for first: who may not create tables is refused even where the table is there.
        self.find = f"SELECT CAST(to_regclass({mark}) AS text)"
        self.lock = f"SELECT pg_advisory_xact_lock({CREATING})"
        self.table_sql = self.create("timestamptz NOT NULL DEFAULT now()")


class SqliteStatements(Statements):
    """For SQLite. `insert` changes one row, or none where the receipt was there.

    Its transactions have no numbers, but what ends one ends its savepoints: `release` fails then.
    """

    hold = "SAVEPOINT limen_once"
    release = "RELEASE limen_once"

    def __init__(self, table: str, marks: str) -> None:
        super().__init__(table, marks)
        self.table_sql = self.create("text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", " WITHOUT ROWID")
        self.nothing = f"DELETE FROM {self.table} WHERE 0"  # noqa: S608 - the name has been checked
