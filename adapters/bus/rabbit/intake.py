"""Taking in from RabbitMQ, through a FastStream broker.

A group has a queue with a single active consumer and one message under way: only so does a stream's order hold when a
consumer is killed. It is a quorum queue, for that alone counts how often it has brought a message. Dead letters lie in
a classic queue: a quorum queue that gets many messages back at once mixes them up (measured on 3.10).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import aiormq
from aio_pika.abc import AbstractExchange, AbstractQueue
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.schemas import QueueType
from faststream.rabbit.subscriber.usecase import RabbitSubscriber

from limen.adapters.bus import names
from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.headers import attributes_of, headers_of
from limen.adapters.bus.intake import Incoming, Intake, Receive, Terms
from limen.adapters.bus.rabbit.channels import NO_LIMIT, Lock, channel_of, failing_as, put
from limen.adapters.bus.rabbit.roster import RabbitRoster
from limen.domain.errors import BusUnusable, GroupDiffers

PARK_SECONDS: Final = 5.0
"""How long a dead letter may take to be kept, before it is tried again."""

START_SECONDS: Final = 10.0
"""How long others that start wait for one whose consumer does not begin to work."""

_PAUSE: Final = 1.0
"""Seconds before a message comes again that was not even parked."""


class RabbitIntake(Intake):
    """A member of a group on RabbitMQ."""

    broker: RabbitBroker

    def __init__(self, broker: RabbitBroker, terms: Terms, receive: Receive) -> None:
        super().__init__(broker, terms, receive)
        self._name = f"{terms.topic}.{terms.group}"
        self._dead = names.dead(terms.topic, terms.group)
        self._queue = RabbitQueue(
            self._name,
            QueueType.QUORUM,
            arguments={"x-single-active-consumer": True, "x-delivery-limit": NO_LIMIT},
        )
        self._channel = Channel(prefetch_count=1)
        self._subscriber: RabbitSubscriber | None = None
        self._starting: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._reading = asyncio.Lock()

    async def prepare(self, roster: str) -> None:
        with failing_as(BusUnusable):
            lock = Lock(self.broker, f"{self._name}.lock")
            await lock.take()
            try:
                await self._agree(roster)
            except BaseException:
                await lock.release()
                raise
        if self._subscriber is None:
            self._subscriber = self._subscribe()
        self._starting = asyncio.create_task(_started(self._subscriber, lock), name=f"limen-rabbit-{self._name}")

    # -- what a group agrees upon

    async def _agree(self, handlers: str) -> None:
        """Binds the queue to what is wanted, and to nothing else, unless others are at work who want something else."""
        exchange, queue = await self._declared()
        kept_in, wanted = f"{self._name}.roster", frozenset(self.terms.subjects())
        async with channel_of(self.broker) as channel:
            kept = await RabbitRoster.read(channel, kept_in) or RabbitRoster("", frozenset())
            if kept.handlers != handlers:
                if kept.handlers and await self._at_work(channel):
                    raise GroupDiffers(self.terms.group, handlers, kept.handlers)
                await RabbitRoster(handlers, kept.subjects | wanted).write(channel, kept_in)
            for subject in sorted(wanted):
                await queue.bind(exchange, subject)
            for subject in sorted(kept.subjects - wanted):
                await queue.unbind(exchange, subject)
            if kept.subjects != wanted:
                await RabbitRoster(handlers, wanted).write(channel, kept_in)

    async def _declared(self) -> tuple[AbstractExchange, AbstractQueue]:
        """The exchange and the queue, by the channel that will consume: it declares them again when it comes back."""
        exchange = RabbitExchange(self.terms.topic, ExchangeType.TOPIC, durable=True)
        declarer = self.broker.config.declarer
        try:
            return (
                await declarer.declare_exchange(exchange, channel=self._channel),
                await declarer.declare_queue(self._queue, channel=self._channel),
            )
        except aiormq.ChannelPreconditionFailed:
            raise BusUnusable(
                f"RabbitMQ: exchange '{self.terms.topic}' or queue '{self._name}' is there with other settings than "
                "limen's; delete it, or take another name"
            ) from None

    async def _at_work(self, channel: aiormq.Channel) -> bool:
        """Whether somebody consumes. One who has just gone is counted for a moment more, so it is looked at again."""
        for _ in range(10):
            if not (await channel.queue_declare(self._name, passive=True)).consumer_count:
                return False
            await asyncio.sleep(0.1)
        return True

    # -- messages

    def _subscribe(self) -> RabbitSubscriber:
        subscriber = self.broker.subscriber(
            self._queue,
            channel=self._channel,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_as_it_is,
            title=f"limen:{self.terms.group}",
        )
        subscriber(self._take)
        return subscriber

    async def _take(self, message: RabbitMessage) -> None:
        raw = message.raw_message
        before = max(_count(raw.headers.get("x-delivery-count")), int(raw.redelivered or False))
        async with self._turn:  # a handler may outlive its connection, and its message has come again by then
            try:
                await self.receive(Incoming(attributes_of(raw.headers), raw.body, before + 1))
            except Exception:
                await asyncio.sleep(_PAUSE)
                await message.reject(requeue=True)
                raise
            await message.ack()

    # -- dead letters

    async def park(self, letter: DeadLetter) -> None:
        headers = headers_of(letter.headers)
        del headers["content-type"]
        with failing_as(BusUnusable):
            async with asyncio.timeout(PARK_SECONDS), channel_of(self.broker) as channel:
                await self._declare_dead(channel)
                await put(channel, self._dead, letter.data, headers, letter.id or None)

    async def dead(self) -> AsyncIterator[DeadLetter]:
        letters: list[DeadLetter] = []
        with failing_as(BusUnusable):
            async with self._reading, Lock(self.broker, f"{self._dead}.lock"), channel_of(self.broker) as channel:
                await self._declare_dead(channel)
                while (found := await self._next(channel)) is not None:
                    letters.append(found[1])
        for letter in letters:
            yield letter

    async def remove(self, letter: DeadLetter) -> None:
        with failing_as(BusUnusable):
            async with self._reading, Lock(self.broker, f"{self._dead}.lock"), channel_of(self.broker) as channel:
                await self._declare_dead(channel)
                while (found := await self._next(channel)) is not None:
                    if found[1].place == letter.place:
                        await channel.basic_ack(found[0])
                        return

    async def _declare_dead(self, channel: aiormq.Channel) -> None:
        await channel.queue_declare(self._dead, durable=True, arguments={"x-queue-type": "classic"})

    async def _next(self, channel: aiormq.Channel) -> tuple[int, DeadLetter] | None:
        """The next dead letter, with the number to acknowledge it by. All go back when the channel closes."""
        found = await channel.basic_get(self._dead)
        if not found.delivery_tag:
            return None
        kept = attributes_of(found.header.properties.headers)
        letter = DeadLetter.of(kept, found.body, (kept.get("id"), kept.get("limen-handler"), kept.get("limen-parked")))
        return found.delivery_tag, letter


async def _started(subscriber: RabbitSubscriber, lock: Lock) -> None:
    """Holds the lock until the consumer is at work: only then do others see that somebody is."""
    loop = asyncio.get_running_loop()
    end = loop.time() + START_SECONDS
    while not (subscriber.running or lock.lost or loop.time() > end):  # noqa: ASYNC110 - FastStream tells nobody
        await asyncio.sleep(0.02)
    await lock.release()


async def _as_it_is(message: Any) -> Any:
    """The body is read by the router: as bytes it saves a pass through JSON, and a thread."""
    return message.body


def _count(header: object) -> int:
    """Of earlier deliveries, as a quorum queue gives it; a message that comes for the first time has none."""
    return header if isinstance(header, int) else 0
