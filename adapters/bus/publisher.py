"""What every bus does for the relay: it takes an envelope, and says when it has it for good."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, Protocol

from limen.adapters.bus.envelope import Envelope

Order = Literal["stream", "log", "batch"]

PUBLISH_SECONDS = 5.0
"""How long a confirmation is waited for. Half a second, as clients have it, is too short for a restart."""


class PublishFailed(Exception):
    """The bus did not take an event, or did not say so in time. The text holds no data and no address."""


class Publisher(Protocol):
    """One destination. What it confirmed is kept by the bus."""

    order: Order
    """What the bus can be made to keep over failures; read again whenever a pipeline begins.

    `stream`: nothing; the next event of a stream waits for the confirmation of the one before. `log`: it refuses an
    event whose predecessor it does not have (`send`, many under way). `batch`: it takes only what is newer than all it
    has (`send_all`)."""

    newest: str | None
    """The id of the newest event on the bus, as `open` found it, if it is of this destination; else None."""

    limit: int
    """The most bytes of data in one event."""

    async def open(self) -> None:
        """Connects, and declares what is not there yet. Raises `PublishFailed` where it cannot."""

    async def send(self, envelope: Envelope) -> "asyncio.Future[Any]":
        """Hands an event over; the future resolves when the bus has confirmed it, or raises.

        With the order `log` a true result says that the event was there already.
        """

    async def send_all(self, envelopes: Sequence[Envelope]) -> None:
        """Hands events over in this order, all or none; returns when they are confirmed."""

    async def close(self) -> None:
        """Ends what it started. Harmless when repeated."""
