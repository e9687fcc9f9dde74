"""Opening the views of a store."""

from typing import cast

from limen.adapters.store import LogStore
from limen.adapters.store.address import Address
from limen.adapters.store.application import EventLog
from limen.adapters.store.opening import open_application
from limen.adapters.views.memory import MemoryViewTables
from limen.adapters.views.sqlite import SqliteViewTables
from limen.adapters.views.tables import ViewTables
from limen.adapters.views.views import Views
from limen.domain.errors import StoreUnusable


def open_views(store: str | LogStore = "sqlite:///limen.db") -> Views:
    """The views of the store at a URL, or of an open store in memory or on a server.

    Creates no store. Raises `StoreUnusable` where there is none, or where its tables cannot be written.
    """
    if isinstance(store, LogStore):
        if store.kind == "sqlite":
            raise StoreUnusable("give the URL of a store in a file: its views are written on a connection of their own")
        return Views(store.application, tables_of(store.kind, store.application, None), owned=False)
    address = Address.of(store)
    if address.kind == "memory":
        raise StoreUnusable("a store in memory has no views of its own to open: give the open store instead of its URL")
    log = open_application(address, create=False)
    try:
        return Views(log, tables_of(address.kind, log, address), owned=True)
    except BaseException:
        log.close()
        raise


def tables_of(kind: str, log: EventLog, address: Address | None) -> ViewTables:
    """The tables beside a log: a connection of their own to a SQLite file, the log's own connections to a server."""
    if address is not None and kind == "sqlite":
        return SqliteViewTables(address.path)
    if kind == "postgresql":
        from eventsourcing.postgres import PostgresFactory

        from limen.adapters.views.postgres import PostgresViewTables

        return PostgresViewTables(cast("PostgresFactory", log.factory).datastore)
    return MemoryViewTables()
