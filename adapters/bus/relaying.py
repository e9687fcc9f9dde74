"""Relaying in the process of an engine: what is appended here is published at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.opening import destination_of, open_relay
from limen.adapters.bus.relay import Relay
from limen.adapters.keyring import Keys
from limen.adapters.store import LogStore
from limen.domain.configuration import BusSettings


@asynccontextmanager
async def relaying(
    store: LogStore, url: str, settings: BusSettings, keys: Keys, bus: str | MemoryBus | None = None
) -> AsyncIterator[Relay]:
    """A relay at work on an open store. `bus` may be the bus in memory itself. Raises `BusUnusable`.

    A bus that is away does not keep the engine from opening: events are published when it is there.
    """
    destination = destination_of(settings)
    memory = bus if isinstance(bus, MemoryBus) else None
    if memory is None and destination.address.kind == "memory":
        memory = MemoryBus(destination.address.url)
    with open_relay(url, destination, log=store.application, keys=keys, bus=memory) as relay:
        store.on_append(relay.wake)
        async with relay:
            yield relay
