"""Publishing to RabbitMQ.

FastStream holds the connection. Events are written to a channel here, and their confirmations put where the client
looks for them: its own call makes a task and takes a lock for each event, and more than twice the processor's time
(measured: 125 µs an event, against 55).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import aiormq
from aiormq.abc import ChannelFrame
from faststream.rabbit import RabbitBroker
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.envelope import CONTENT_TYPE, Envelope
from limen.adapters.bus.publisher import PUBLISH_SECONDS, Order, PublishFailed
from limen.adapters.bus.rabbit.channels import PERSISTENT, RECONNECT_SECONDS, declare_exchange, failing_as, open_channel
from limen.domain.errors import BusUnusable

LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a body that every server takes unless it was told otherwise. Source: `max_message_size` of RabbitMQ 4."""


class RabbitPublisher:
    """Implements `Publisher`. What no queue is bound for is wanted by nobody, and confirmed like all else."""

    def __init__(self, address: BusAddress, topic: str, stamp: str = "") -> None:  # noqa: ARG002 - it tells of no newest
        self.order: Order = "stream"
        self.newest: str | None = None
        self.limit = LIMIT
        self._topic = topic
        try:
            self._broker = RabbitBroker(
                address.url, logger=None, timeout=PUBLISH_SECONDS, reconnect_interval=RECONNECT_SECONDS
            )
        except ValueError:
            raise BusUnusable("this URL names no RabbitMQ; expected amqp://user:password@host:5672/vhost") from None
        self._channel: aiormq.Channel | None = None
        self._overdue = False
        self._deadlines: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects where there is no connection, opens a channel where there is none, and declares the exchange."""
        with failing_as(PublishFailed):
            await self._broker.connect()
            async with asyncio.timeout(PUBLISH_SECONDS):
                channel = self._channel
                if channel is None or channel.is_closed or self._overdue:
                    channel = await self._another()
                await declare_exchange(channel, self._topic)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep(), name="limen-rabbit-deadlines")

    async def send(self, envelope: Envelope) -> "asyncio.Future[Any]":
        channel = self._channel
        if channel is None or channel.is_closed:
            raise PublishFailed("RabbitMQ: not connected")
        if self._overdue:
            raise PublishFailed("RabbitMQ: it does not confirm what it was given")
        with failing_as(PublishFailed):
            await _write(channel, self._frame(channel, envelope))
        if channel.is_closed:
            raise PublishFailed("RabbitMQ: the channel has ended")
        # Numbered after it was written, and in the same step: so the numbers are those by which the server counts,
        # whoever else writes, or gives up before it could.
        loop = asyncio.get_running_loop()
        confirmed = loop.create_future()
        channel.delivery_tag += 1
        channel.confirmations[channel.delivery_tag] = confirmed
        self._deadlines.append((loop.time() + PUBLISH_SECONDS, confirmed))
        return confirmed

    async def send_all(self, envelopes: Sequence[Envelope]) -> None:
        """One after the other: here `send` is the way, this serves who does not care for speed."""
        for envelope in envelopes:
            await (await self.send(envelope))

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
        channel, self._channel = self._channel, None
        if channel is not None:
            for confirmed in channel.confirmations.values():
                confirmed.cancel()
        self._deadlines.clear()
        with suppress(PublishFailed), failing_as(PublishFailed):
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self._broker.stop()

    async def _another(self) -> aiormq.Channel:
        """A channel in place of the one that ended, or that the server left without an answer."""
        if self._channel is not None:
            # What was written to it is with the server when that has closed it: nothing that follows can overtake it.
            await self._channel.close()
        channel = await open_channel(self._broker)
        channel.closing.add_done_callback(partial(_ended, channel))
        self._channel, self._overdue = channel, False
        return channel

    def _frame(self, channel: aiormq.Channel, envelope: Envelope) -> ChannelFrame:
        properties = aiormq.spec.Basic.Properties(
            content_type=CONTENT_TYPE,
            headers={f"ce-{name}": value for name, value in envelope.attributes.items()},
            delivery_mode=PERSISTENT,
            message_id=envelope.id,
        )
        data, size = envelope.data, channel.max_content_size
        return ChannelFrame.marshall(
            channel.number,
            [
                aiormq.spec.Basic.Publish(exchange=self._topic, routing_key=envelope.subject),
                ContentHeader(properties=properties, body_size=len(data)),
                *(ContentBody(data[start : start + size]) for start in range(0, len(data), size)),
            ],
        )

    async def _sweep(self) -> None:
        """Gives up what has waited too long: one look now and then is cheaper than a timer for each event."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PUBLISH_SECONDS / 10)
            while self._deadlines and (self._deadlines[0][1].done() or self._deadlines[0][0] < loop.time()):
                confirmed = self._deadlines.popleft()[1]
                if not confirmed.done():
                    # Nothing more is sent on that channel: a server that is out of memory or disk reads it later, and
                    # would get every event as often as it was tried meanwhile.
                    self._overdue = True
                    confirmed.set_exception(PublishFailed("RabbitMQ: no confirmation in time"))


async def _write(channel: aiormq.Channel, frame: ChannelFrame) -> None:
    """Hands it to the connection. Waits for room, but not for ever: nobody makes any once the connection has ended."""
    try:
        channel.write_queue.put_nowait(frame)
    except asyncio.QueueFull:
        async with asyncio.timeout(PUBLISH_SECONDS):
            await channel.write_queue.put(frame)


def _ended(channel: aiormq.Channel, _: "asyncio.Future[object]") -> None:
    """What has not been confirmed by then never will be."""
    for confirmed in channel.confirmations.values():
        if not confirmed.done():
            confirmed.set_exception(PublishFailed("RabbitMQ: the channel ended before the confirmation"))
