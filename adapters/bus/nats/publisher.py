"""Publishing to NATS JetStream.

FastStream holds the connection. Each event names the one before it (`Nats-Expected-Last-Msg-Id`), and the server
refuses it where its newest is another: so order needs no waiting, an event that is there already is recognised however
long ago it was sent, and two relays cannot mix. Confirmations are told apart here, by one inbox with a number for each
event: through the client's own request each takes twice as long (docs/adr/0018).
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import orjson
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.headers import STAMP, written
from limen.adapters.bus.nats import streams
from limen.adapters.bus.publisher import PUBLISH_SECONDS, Order, PublishFailed

HEADERS_BYTES: Final = 16 * 1024
"""Kept free for headers below the server's limit, which counts them too."""

MINIMUM_BYTES: Final = 512
"""Of data, whatever a server says it takes: an event without its large fields is as small as this."""

STRANGERS: Final = 3
"""How often in a row the server may name an event of somebody else before order is kept without its help."""

_WRONG_LAST = 10070
"""The server's code for an event whose predecessor it does not have."""

log = logging.getLogger("limen.relay")


class NatsPublisher:
    """Implements `Publisher`; `newest` is the id of the stream's newest event, as `open` found it."""

    def __init__(self, address: BusAddress, topic: str, stamp: str = "") -> None:
        self.order: Order = "log"
        self.limit = 1024 * 1024 - HEADERS_BYTES
        self.newest: str | None = None
        self._topic = topic
        self._stamp = stamp
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
        self._last = ""
        self._named: str | None = None
        self._strangers = 0
        self._first = self._purged = self._purge = 0
        self._ours: deque[str] = deque(maxlen=4096)
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._deadlines: deque[tuple[float, int]] = deque()
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects where there is no connection, declares what is not there, and looks at the newest event."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):  # the client itself would look for a server for ever
                if self._client is None:
                    client = await self._broker.connect()
                    self._inbox = client.new_inbox()
                    await client.subscribe(f"{self._inbox}.*", cb=self._told)
                    self._sweeper = asyncio.create_task(self._sweep(), name="limen-nats-deadlines")
                    self._client = client
                context = await streams.declare(self._client, self._topic)
                newest, stamp = await streams.newest(context, self._topic)
                info = await context.stream_info(self._topic)
            self.newest = newest.partition("#")[0] if newest and stamp == self._stamp else None
            self._first, self._purge = info.state.first_seq, self._purged
            most = info.config.max_msg_size or 0
            limits = [self._client.max_payload, *([most] if most > 0 else [])]
            self.limit = max(min(limits) - HEADERS_BYTES, MINIMUM_BYTES)
            self._begin_behind(newest)
        except (NatsError, OSError, TimeoutError) as error:
            raise PublishFailed(f"NATS: {type(error).__name__}") from error

    def _begin_behind(self, newest: str | None) -> None:
        """The next event names the stream's newest one, or what the server has just said it takes for that."""
        named, self._named = self._named, None
        self._last = (newest or "") if named is None else named
        if named is None or not named or named in self._ours:
            self._strangers = 0
            return
        self._strangers += 1
        if self._strangers >= STRANGERS and self.order == "log":
            log.warning("somebody else publishes to '%s' too: order is kept without the server's help", self._topic)
            self.order = "stream"

    async def send(self, envelope: Envelope) -> "asyncio.Future[bool]":
        client = self._client
        if client is None:
            raise PublishFailed("NATS: not connected")
        loop = asyncio.get_running_loop()
        self._count += 1
        number, confirmed = self._count, loop.create_future()
        headers = written(envelope)
        # the server remembers ids of what has been purged: from then on they are sent under others
        headers["Nats-Msg-Id"] = name = f"{envelope.id}#{self._purge}" if self._purge else envelope.id
        headers[STAMP] = self._stamp
        if self._last and self.order == "log":
            headers["Nats-Expected-Last-Msg-Id"] = self._last
        self._waiting[number] = confirmed
        try:
            await client.publish(envelope.subject, envelope.data, reply=f"{self._inbox}.{number}", headers=headers)
        except Exception:
            del self._waiting[number]
            raise
        self._last = name
        self._ours.append(name)
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
        client, self._client = self._client, None
        with suppress(NatsError, OSError, TimeoutError):
            if client is not None and not client.is_connected:
                await client.close()  # else it would go on looking for its server, and send what it holds
            await self._broker.stop()

    # -- the server's word

    async def _told(self, message: Msg) -> None:
        """On one event: it has it, had it already, or why not."""
        confirmed = self._waiting.pop(int(message.subject.rpartition(".")[2]), None)
        if confirmed is None or confirmed.done():
            return
        if message.data and b'"error"' not in message.data:
            if b'"duplicate"' not in message.data:
                confirmed.set_result(False)
            elif orjson.loads(message.data).get("seq", 0) >= self._first:
                # what was there before says nothing of those before it: another destination may have brought it
                confirmed.set_result(True)
            else:
                self._purged += 1
                confirmed.set_exception(PublishFailed("NATS: the event was there and has been purged"))
        else:
            confirmed.set_exception(self._refusal(message))

    def _refusal(self, message: Msg) -> PublishFailed:
        """The server's reason, which speaks of limits and streams, never of data."""
        if not message.data:
            return PublishFailed("NATS: no stream took the event")
        error = orjson.loads(message.data).get("error", {})
        description = str(error.get("description", "refused"))
        if error.get("err_code") == _WRONG_LAST and self._named is None:
            found = re.fullmatch(r"wrong last msg ID: ?(.*)", description)
            self._named = found[1] if found else ""
        return PublishFailed(f"NATS: {description}")

    async def _sweep(self) -> None:
        """Gives up what has waited too long: one look now and then is cheaper than a timer for each event."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PUBLISH_SECONDS / 10)
            while self._deadlines and self._deadlines[0][0] < loop.time():
                confirmed = self._waiting.pop(self._deadlines.popleft()[1], None)
                if confirmed is not None and not confirmed.done():
                    confirmed.set_exception(PublishFailed("NATS: no confirmation in time"))


async def _quietly(error: Exception) -> None:
    """Failed connections are told by what waits for them; the client's own habit is to print them."""
