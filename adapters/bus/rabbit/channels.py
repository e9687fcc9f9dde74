"""RabbitMQ as its publisher and its intake use it: channels of the client below FastStream, and a lock.

FastStream holds the connection, which is dialled again whenever it ends. Its channels come back by themselves, with all
that was declared on them: what wants to know that a channel has ended takes one from here.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, cast

import aiormq
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from faststream.rabbit import RabbitBroker

from limen.adapters.bus.envelope import CONTENT_TYPE
from limen.domain.errors import BusUnusable

RECONNECT_SECONDS: Final = 1.0
"""How long a connection that ended is left alone before it is dialled again."""

LOCK_SECONDS: Final = 30.0
"""How long a lock is waited for."""

PERSISTENT: Final = 2
"""The delivery mode of a message that outlives the server's process."""

NO_LIMIT: Final = 2**31 - 1
"""Of deliveries, of one message: more than there will ever be. Without a limit a quorum queue puts a message that is
given back behind all others (measured on 3.10), and from RabbitMQ 4 on drops it after the twentieth time."""

_LOCK_PAUSE = 0.05


@contextmanager
def failing_as(kind: type[Exception]) -> Iterator[None]:
    """What the client raises, as `kind`, with the class alone: a text may hold an address or data.

    A channel that ends also cancels what waits for it. That is a failure, unless the task itself was to be cancelled.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise kind("RabbitMQ: the channel has ended") from error
    except CONNECTION_EXCEPTIONS as error:
        raise kind(f"RabbitMQ: {type(error).__name__}") from error


async def open_channel(broker: RabbitBroker) -> aiormq.Channel:
    """A channel that confirms, on the connection as it is now; waits while there is none."""
    connection = await broker.connect()
    await connection.ready()
    transport = connection.transport
    if transport is None:
        raise ConnectionError("the connection has just ended")
    return cast("aiormq.Channel", await transport.connection.channel())


@asynccontextmanager
async def channel_of(broker: RabbitBroker) -> AsyncIterator[aiormq.Channel]:
    """A channel for a few commands. When it closes, what was fetched and not acknowledged goes back to its place."""
    channel = await open_channel(broker)
    try:
        yield channel
    finally:
        await channel.close()


async def declare_exchange(channel: aiormq.Channel, topic: str) -> None:
    """The exchange of a topic; nothing happens where it is there."""
    await channel.exchange_declare(topic, exchange_type="topic", durable=True)


async def put(
    channel: aiormq.Channel, queue: str, body: bytes, headers: Mapping[str, str], id: str | None = None
) -> None:
    """Puts a message into a queue; it is there for good when this returns. Raises when there is no such queue."""
    properties = aiormq.spec.Basic.Properties(
        content_type=CONTENT_TYPE, headers={**headers}, delivery_mode=PERSISTENT, message_id=id
    )
    await channel.basic_publish(body, routing_key=queue, mandatory=True, properties=properties)


class Lock:
    """A lock among connections: an exclusive queue. It is free again when its holder's connection ends, however.

    Within one connection it locks nobody out.
    """

    def __init__(self, broker: RabbitBroker, name: str) -> None:
        self._broker = broker
        self._name = name
        self._channel: aiormq.Channel | None = None

    @property
    def lost(self) -> bool:
        """Whether it was not taken, was released, or has ended with the connection."""
        return self._channel is None or self._channel.is_closed

    async def take(self) -> None:
        """Waits for the lock. Raises `BusUnusable` when it does not come."""
        end = asyncio.get_running_loop().time() + LOCK_SECONDS
        while not await self._taken():
            if asyncio.get_running_loop().time() > end:
                raise BusUnusable(f"RabbitMQ: '{self._name}' is held by another connection: end that, and start again")
            await asyncio.sleep(_LOCK_PAUSE)

    async def release(self) -> None:
        """Lets the next one have it. Harmless when repeated."""
        channel, self._channel = self._channel, None
        if channel is None or channel.is_closed:
            return
        with suppress(BusUnusable), failing_as(BusUnusable):
            await channel.queue_delete(self._name)
            await channel.close()

    async def __aenter__(self) -> None:
        await self.take()

    async def __aexit__(self, *_: object) -> None:
        await self.release()

    async def _taken(self) -> bool:
        channel = await open_channel(self._broker)
        try:
            await channel.queue_declare(self._name, exclusive=True, arguments={"x-queue-type": "classic"})
        except aiormq.ChannelLockedResource:
            return False
        self._channel = channel
        return True
