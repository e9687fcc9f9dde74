"""Publishing to Kafka.

The key is the stream, so a stream is in one partition, in its order. The producer is aiokafka's, which FastStream uses
too: but its broker loses one that could not connect, and cannot put another in the place of one that has failed.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from aiokafka.errors import KafkaError, KafkaTimeoutError  # type: ignore[import-untyped]  # it comes without types

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.headers import written
from limen.adapters.bus.kafka.clients import declare, end, settings_of, started
from limen.adapters.bus.publisher import PUBLISH_SECONDS, Order, PublishFailed

REQUEST_BYTES: Final = 1024 * 1024
"""The most that is sent at once: what a server takes unless it is told otherwise."""

HEADERS_BYTES: Final = 16 * 1024
"""Kept free for key and headers, which count too."""

BATCH_BYTES: Final = 256 * 1024
"""The most of one partition that goes together."""

OPEN_SECONDS: Final = 2 * PUBLISH_SECONDS
"""How long connecting may take: one server of several may be away."""


class KafkaPublisher:
    """Implements `Publisher`, on all replicas that are in sync.

    What was not confirmed in time is still with the producer, which goes on trying: sent again, the event waits for the
    same confirmation, or finds that it has come. So an outage, however long, makes no copies, and none comes late.
    """

    def __init__(self, address: BusAddress, topic: str, stamp: str = "") -> None:  # noqa: ARG002 - it tells of no newest
        self.order: Order = "stream"
        self.newest: str | None = None
        self.limit = REQUEST_BYTES - HEADERS_BYTES
        self._settings = settings_of(address)
        self._topic = topic
        self._producer: Any = None
        self._spoilt = False
        self._under_way: dict[str, asyncio.Future[Any]] = {}
        self._deadlines: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Makes the topic where there is none, and a producer where there is none of use."""
        try:
            if self._spoilt:
                await self._end()
            async with asyncio.timeout(OPEN_SECONDS):
                await declare(self._settings, self._topic)
                if self._producer is None:
                    self._producer = await started(
                        self._settings, max_request_size=REQUEST_BYTES, max_batch_size=BATCH_BYTES
                    )
                await self._producer.partitions_for(self._topic)
        except (KafkaError, OSError, TimeoutError) as error:
            raise PublishFailed(f"Kafka: {type(error).__name__}") from error
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep(), name="limen-kafka-deadlines")

    async def send(self, envelope: Envelope) -> "asyncio.Future[Any]":
        under_way = self._under_way.get(envelope.id)
        if under_way is None:
            under_way = await self._hand_over(envelope)
        loop = asyncio.get_running_loop()
        confirmed: asyncio.Future[None] = loop.create_future()
        under_way.add_done_callback(partial(self._tell, envelope.id, confirmed))
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
        for _, confirmed in self._deadlines:
            confirmed.cancel()
        self._deadlines.clear()
        await self._end()

    # -- the producer

    async def _hand_over(self, envelope: Envelope) -> "asyncio.Future[Any]":
        producer = self._producer
        if producer is None:
            raise PublishFailed("Kafka: not connected")
        headers = [(name, value.encode()) for name, value in written(envelope, "ce_").items()]
        try:
            under_way: asyncio.Future[Any] = await producer.send(
                self._topic, envelope.data, key=envelope.stream.encode(), headers=headers
            )
        except KafkaError as error:
            self._look_at(error)
            raise PublishFailed(f"Kafka: {type(error).__name__}") from error
        self._under_way[envelope.id] = under_way
        under_way.add_done_callback(partial(self._ended, envelope.id))
        return under_way

    def _ended(self, id: str, under_way: "asyncio.Future[Any]") -> None:
        """The producer is done with an event. What has arrived is remembered until somebody asks."""
        error = None if under_way.cancelled() else under_way.exception()
        if under_way.cancelled() or error is not None:
            self._under_way.pop(id, None)
        if error is not None:
            self._look_at(error)

    def _tell(self, id: str, confirmed: "asyncio.Future[None]", under_way: "asyncio.Future[Any]") -> None:
        """Passes the server's word on to whoever still waits for it."""
        if confirmed.done():
            return
        if under_way.cancelled():
            confirmed.set_exception(PublishFailed("Kafka: given up with its producer"))
        elif (error := under_way.exception()) is not None:
            confirmed.set_exception(PublishFailed(f"Kafka: {type(error).__name__}"))
        else:
            self._under_way.pop(id, None)
            confirmed.set_result(None)

    def _look_at(self, error: BaseException) -> None:
        """After an error that trying again does not mend, the server may take no more from this producer."""
        passing = isinstance(error, KafkaTimeoutError) or getattr(error, "retriable", False)
        self._spoilt = self._spoilt or not passing

    async def _end(self) -> None:
        producer, self._producer, self._spoilt = self._producer, None, False
        if producer is not None:
            await end(producer)
        for under_way in list(self._under_way.values()):
            under_way.cancel()
        self._under_way.clear()

    async def _sweep(self) -> None:
        """Gives up what has waited too long: one look now and then is cheaper than a timer for each event."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PUBLISH_SECONDS / 10)
            while self._deadlines and (self._deadlines[0][1].done() or self._deadlines[0][0] < loop.time()):
                confirmed = self._deadlines.popleft()[1]
                if not confirmed.done():
                    confirmed.set_exception(PublishFailed("Kafka: no confirmation in time"))
