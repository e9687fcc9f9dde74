"""Publishing to a bus in memory."""

import asyncio
from collections.abc import Sequence
from typing import Any

from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.intake import GRACE
from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.publisher import Order


class MemoryPublisher:
    """Implements `Publisher`. Routers on the bus start with it."""

    def __init__(self, bus: MemoryBus) -> None:
        self.order: Order = "batch"
        self.newest: str | None = None
        self.limit = 2**31
        self._bus = bus

    async def open(self) -> None:
        if not self._bus.running:
            await self._bus.start()

    async def send(self, envelope: Envelope) -> "asyncio.Future[Any]":
        self._bus.state.append(envelope)
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        confirmed.set_result(None)
        return confirmed

    async def send_all(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            self._bus.state.append(envelope)

    async def close(self) -> None:
        if self._bus.running:
            await self._bus.settled(GRACE)
            await self._bus.stop()
