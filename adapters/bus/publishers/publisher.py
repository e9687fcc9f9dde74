"""What every bus does for the relay: it takes an envelope, and says when it has it for good."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Protocol

from limen.adapters.bus.envelope import Envelope

PUBLISH_SECONDS = 5.0
"""How long the confirmation of one event is waited for. Half a second, as clients have it, is too short for a restart."""


class PublishFailed(Exception):
    """The bus did not take an event, or did not say so in time. The text holds no data and no address."""


class Publisher(Protocol):
    """One destination. What it confirmed is kept by the bus."""

    whole_log: ClassVar[bool]
    """True where the bus keeps order and duplicates apart only if the log arrives in its own order, without gaps being
    filled later (Redis): then `send_all` is used, else `send`, one event of a stream after the other."""

    limit: int
    """The most bytes of data in one event."""

    async def open(self) -> None:
        """Connects, and declares what is not there yet. Raises `PublishFailed` where it cannot."""

    async def send(self, envelope: Envelope) -> "asyncio.Future[None]":
        """Hands an event over; the future resolves when the bus has confirmed it, or raises."""

    async def send_all(self, envelopes: Sequence[Envelope]) -> None:
        """Hands events over in this order, all or none; returns when they are confirmed."""

    async def close(self) -> None:
        """Ends what it started. Harmless when repeated."""
