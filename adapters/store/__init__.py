"""The log and the vault on SQLite, PostgreSQL or in memory, through `eventsourcing`."""

from limen.adapters.store.opening import open_store
from limen.adapters.store.store import LogStore

__all__ = ["LogStore", "open_store"]
