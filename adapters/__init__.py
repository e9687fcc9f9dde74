"""What surrounds the core: the store, web hooks, templates, methods, couriers, the command line.

The names below are imported when they are first used: the command line answers `--help` without the engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limen.adapters.engine import open_engine
    from limen.adapters.log import open_log
    from limen.adapters.simulation.simulation import open_simulation
    from limen.adapters.sync import SyncEngine, open_engine_sync

__all__ = ["SyncEngine", "open_engine", "open_engine_sync", "open_log", "open_simulation"]

_HOMES = {
    "SyncEngine": "limen.adapters.sync",
    "open_engine": "limen.adapters.engine",
    "open_engine_sync": "limen.adapters.sync",
    "open_log": "limen.adapters.log",
    "open_simulation": "limen.adapters.simulation.simulation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
