"""Opening the ledger of a store."""

from typing import cast

from limen.adapters.ledger.ledger import Ledger
from limen.adapters.ledger.memory import MemoryLedgerTables
from limen.adapters.ledger.tables import LedgerTables
from limen.adapters.store import LogStore
from limen.adapters.store.address import Address
from limen.adapters.store.application import EventLog
from limen.adapters.store.opening import open_application
from limen.domain.errors import StoreUnusable


def open_ledger(
    store: str | LogStore = "sqlite:///limen.db", *, write: bool = False, log: EventLog | None = None
) -> Ledger:
    """The ledger of the store at a URL, or of an open store in memory or on a server.

    For reading alone, unless `write` is given: `Ledger.seal` makes its tables then. `log` is the store's own where it
    is open in this process. Raises `StoreUnusable` where there is no store.
    """
    if isinstance(store, LogStore):
        if store.kind == "sqlite":
            raise StoreUnusable("give the URL of a store in a file: its ledger is kept on a connection of its own")
        return Ledger(tables_of(store.kind, store.application, None, write=write))
    address = Address.of(store)
    if address.kind == "memory" and log is None:
        raise StoreUnusable("a store in memory has no ledger to open by its URL: give the open store instead")
    if log is not None:
        return Ledger(tables_of(address.kind, log, address, write=write))
    opened = open_application(address, create=False)
    try:
        return Ledger(tables_of(address.kind, opened, address, write=write), opened.close)
    except BaseException:
        opened.close()
        raise


def tables_of(kind: str, log: EventLog, address: Address | None, *, write: bool) -> LedgerTables:
    """The tables beside a log: a connection of their own to a SQLite file, the log's own connections to a server."""
    if address is not None and kind == "sqlite":
        from limen.adapters.ledger.sqlite import SqliteLedgerTables

        return SqliteLedgerTables(address.path, write=write)
    if kind == "postgresql":
        from eventsourcing.postgres import PostgresFactory

        from limen.adapters.ledger.postgres import PostgresLedgerTables

        return PostgresLedgerTables(cast("PostgresFactory", log.factory).datastore)
    return MemoryLedgerTables.of(log)
