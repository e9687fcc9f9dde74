"""The bus in memory, of one process."""

from limen.adapters.bus.memory.bus import MemoryBus

__all__ = ["MemoryBus"]
