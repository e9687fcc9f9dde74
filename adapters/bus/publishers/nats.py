"""Publishing to NATS JetStream.

FastStream holds the connection. Confirmations are told apart here, by one inbox with a number for each event: through
the client's own request it takes twice as long (measured: `make bench`, docs/adr/0020).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, Final

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from limen.adapters.bus import jetstream
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.envelope import CONTENT_TYPE, Envelope
from limen.adapters.bus.publishers.publisher import PUBLISH_SECONDS, PublishFailed

HEADERS_BYTES: Final = 16 * 1024
"""Kept free for headers below the server's limit, which counts them too."""


class NatsPublisher:
    """Implements `Publisher`. The server drops an id it has seen within its window."""

    whole_log: ClassVar[bool] = False

    def __init__(self, address: BusAddress, topic: str) -> None:
        self.limit = 1024 * 1024 - HEADERS_BYTES
        self._topic = topic
        self._broker = NatsBroker(
            address.url.split(","),
            logger=None,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            connect_timeout=5,
            error_cb=_quietly,
        )
        self._client: Client | None = None
        self._inbox = ""
        self._count = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._deadlines: deque[tuple[float, int]] = deque()
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects where there is no connection, and declares the streams where there are none."""
        try:
            if self._client is None:
                client = await self._broker.connect()
                self._inbox = client.new_inbox()
                await client.subscribe(f"{self._inbox}.*", cb=self._told)
                self._sweeper = asyncio.create_task(self._sweep(), name="limen-nats-deadlines")
                self._client = client
            async with asyncio.timeout(PUBLISH_SECONDS):
                await jetstream.declare(self._client, self._topic)
            self.limit = self._client.max_payload - HEADERS_BYTES
        except (NatsError, OSError, TimeoutError) as error:
            raise PublishFailed(f"NATS: {type(error).__name__}") from error

    async def send(self, envelope: Envelope) -> "asyncio.Future[None]":
        client = self._client
        if client is None:
            raise PublishFailed("NATS: not connected")
        loop = asyncio.get_running_loop()
        self._count += 1
        number, confirmed = self._count, loop.create_future()
        headers = {f"ce-{name}": value for name, value in envelope.attributes.items()}
        headers["Nats-Msg-Id"] = envelope.id
        headers["content-type"] = CONTENT_TYPE
        self._waiting[number] = confirmed
        try:
            await client.publish(envelope.subject, envelope.data, reply=f"{self._inbox}.{number}", headers=headers)
        except Exception:
            del self._waiting[number]
            raise
        self._deadlines.append((loop.time() + PUBLISH_SECONDS, number))
        return confirmed

    async def send_all(self, envelopes: Sequence[Envelope]) -> None:
        """One after the other: here `send` is the way, this serves who does not care for speed."""
        for envelope in envelopes:
            await (await self.send(envelope))

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for confirmed in self._waiting.values():
            confirmed.cancel()
        self._waiting.clear()
        self._client = None
        with suppress(NatsError, OSError, TimeoutError):
            await self._broker.stop()

    async def _told(self, message: Msg) -> None:
        """The server's word on one event: it has it, had it already, or why not."""
        confirmed = self._waiting.pop(int(message.subject.rpartition(".")[2]), None)
        if confirmed is None or confirmed.done():
            return
        if message.data and b'"error"' not in message.data:
            confirmed.set_result(None)
        else:
            confirmed.set_exception(PublishFailed("NATS: no stream took the event" if not message.data else _why(message)))

    async def _sweep(self) -> None:
        """Gives up what has waited too long: one look now and then is cheaper than a timer for each event."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PUBLISH_SECONDS / 10)
            while self._deadlines and self._deadlines[0][0] < loop.time():
                confirmed = self._waiting.pop(self._deadlines.popleft()[1], None)
                if confirmed is not None and not confirmed.done():
                    confirmed.set_exception(PublishFailed("NATS: no confirmation in time"))


def _why(message: Msg) -> str:
    """The server's reason; it speaks of limits and streams, never of data."""
    import orjson

    error = orjson.loads(message.data).get("error", {})
    return f"NATS: {error.get('description', 'refused')}"


async def _quietly(error: Exception) -> None:
    """Failed connections are told by what waits for them; the client's own habit is to print them."""
