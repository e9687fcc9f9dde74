"""Opening a store by its URL."""

import sqlite3
from importlib.util import find_spec
from pathlib import Path

from eventsourcing.persistence import PersistenceError
from eventsourcing.utils import EnvType

from limen.adapters.store.address import Address
from limen.adapters.store.application import EventLog
from limen.adapters.store.memory import MemoryFactory
from limen.adapters.store.sqlite import SQLiteVaultFactory
from limen.adapters.store.sqlite_connection import BUSY_SECONDS, prepare_file
from limen.adapters.store.store import LogStore
from limen.domain.errors import StoreUnusable


def open_store(url: str = "sqlite:///limen.db") -> LogStore:
    """Opens the store at `url`, creating file and tables where there are none.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://…` (needs the extra `postgres`) or `memory:`.
    Raises `StoreUnusable`.
    """
    address = Address.of(url)
    return LogStore(open_application(address), address.kind)


def open_application(address: Address, *, create: bool = True) -> EventLog:
    """The application at an address; with `create` off nothing is created and nothing can be written."""
    try:
        if address.kind == "sqlite":
            return _sqlite(address.path, create=create)
        if address.kind == "postgresql":
            return _postgresql(address.url, create=create)
    except (PersistenceError, sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"the store cannot be opened: {str(error).partition(chr(10))[0]}") from error
    return EventLog(MemoryFactory, {})


def _sqlite(path: Path, *, create: bool) -> EventLog:
    if create:
        prepare_file(path)
    elif not path.is_file():
        raise StoreUnusable(f"there is no store at {path}")
    name = str(path) if create else f"{path.as_uri()}?mode=ro"
    env: EnvType = {
        "SQLITE_DBNAME": name,
        "SQLITE_LOCK_TIMEOUT": str(BUSY_SECONDS),
        "CREATE_TABLE": "yes" if create else "no",
    }
    return EventLog(SQLiteVaultFactory, env)


def _postgresql(url: str, *, create: bool) -> EventLog:
    if find_spec("psycopg") is None or find_spec("psycopg_pool") is None:
        raise StoreUnusable("PostgreSQL needs its driver: pip install limen[postgres]")
    from limen.adapters.store.postgres import open_postgres

    return open_postgres(url, create=create)
