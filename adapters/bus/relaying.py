"""Relaying in the process of an engine: what is appended here is published at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.opening import destination_of, open_relay
from limen.adapters.bus.relay import Relay
from limen.adapters.keyring import Keys
from limen.adapters.store import LogStore
from limen.domain.configuration import BusSettings


@asynccontextmanager
async def relaying(
    store: LogStore, url: str, bus: str | MemoryBus | BusSettings, configured: BusSettings | None, keys: Keys
) -> AsyncIterator[Relay]:
    """A relay at work on an open store. What the settings say beside the URL holds for another `bus` too.

    A bus that is away does not keep the engine from opening: events are published when it is there. Raises
    `BusUnusable`.
    """
    destination = destination_of(_settings(bus, configured))
    # a handle of its own: what it starts goes on for others when this engine is closed
    memory = MemoryBus(destination.address.url) if destination.address.kind == "memory" else None
    if memory is not None:
        await memory.start()  # routers that cannot start are told here
    with open_relay(url, destination, log=store.application, keys=keys, bus=memory) as relay:
        store.on_append(relay.wake)
        async with relay:
            yield relay


def _settings(bus: str | MemoryBus | BusSettings, configured: BusSettings | None) -> BusSettings:
    if isinstance(bus, BusSettings):
        return bus
    address = bus if isinstance(bus, str) else bus.url
    if configured is None or configured.url == address:
        return configured or BusSettings(address)
    return replace(configured, url=address, name=None)  # the name is that of another place, and of its position
