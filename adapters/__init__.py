"""What surrounds the core: the store, web hooks, templates, methods, couriers, the command line."""

from limen.adapters.engine import open_engine
from limen.adapters.log import open_log
from limen.adapters.sync import SyncEngine, open_engine_sync

__all__ = ["SyncEngine", "open_engine", "open_engine_sync", "open_log"]
