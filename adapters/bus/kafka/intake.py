"""Taking in from Kafka, through a FastStream broker.

A stream is in one partition, which one member of the group has at a time; each member works on one message after the
other, and commits when it is done with it. Partitions go to another member only between two messages.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from aiokafka import ConsumerRebalanceListener, TopicPartition  # type: ignore[import-untyped]  # it comes without types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # it comes without types
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage, Topic

from limen.adapters.bus import names
from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.headers import attributes_of
from limen.adapters.bus.intake import Incoming, Intake, Receive, Terms
from limen.adapters.bus.kafka.clients import declare, settings_in
from limen.adapters.bus.kafka.dead_letters import KafkaDeadLetters
from limen.adapters.bus.kafka.roster import KafkaRoster
from limen.domain.errors import GroupDiffers

SKIPPED: Final = 500
"""Messages that nobody here wants before it is noted that they have been passed."""

AGAIN_SECONDS: Final = 1.0
"""How long a message waits that could neither be handled nor parked."""

HANDLING_SECONDS: Final = 3600
"""How long one message may be worked on before this member is taken for one that has stopped."""

HANDOVER_SECONDS: Final = 300
"""How long the group waits for a member to finish its message, before others get its partitions nevertheless."""

log = logging.getLogger("limen.bus")


class KafkaIntake(Intake):
    """A member of the Kafka group `<topic>.<group>`: groups of one name are apart where their topics are.

    A member that has been silent for the patience of the terms is out; servers take no less than 6 s, unless they are
    told to. A group that has had no member for `offsets.retention.minutes` (a week) begins at the beginning again.
    Kafka does not count how often it brings a message: each time is the first.
    """

    broker: KafkaBroker

    def __init__(self, broker: KafkaBroker, terms: Terms, receive: Receive) -> None:
        super().__init__(broker, terms, receive)
        self._roster = KafkaRoster(terms.group)
        self._dead = KafkaDeadLetters(names.dead(terms.topic, terms.group))
        self._types: frozenset[str] = frozenset()
        self._registered = False
        self._turn = asyncio.Lock()
        self._handing_over = False
        self._skipped = 0
        self._agree_after(broker)

    def _agree_after(self, broker: Any) -> None:
        """Whether the group has the same handlers is known when it has been joined: so `start` is led through here."""
        start = broker.start

        async def agreed() -> None:
            try:
                await start()
                if not self._roster.agreed:
                    raise GroupDiffers(self.terms.group, self._roster.ours, self._roster.ruling)
            except BaseException:
                with suppress(Exception):
                    await broker.stop()
                raise

        broker.start = agreed

    async def prepare(self, roster: str) -> None:
        await declare(settings_in(await self.broker.connect()), self.terms.topic)
        subjects, events = self.terms.subjects(), names.every_subject(self.terms.topic).removesuffix(">")
        self._types = frozenset(f"{names.TOPIC}.{one.removeprefix(events)}" for one in subjects)
        self._turn, self._handing_over, self._skipped = asyncio.Lock(), False, 0
        self._roster.begin(roster)
        if not self._registered:
            self._registered = True
            self._subscribe()

    def _subscribe(self) -> None:
        silent = int(self.terms.patience * 1000)
        assignors: Any = [self._roster]  # by its type it takes classes; what aiokafka asks of one, this can
        subscriber = self.broker.subscriber(
            Topic(self.terms.topic, declare=False),
            group_id=f"{self.terms.topic}.{self.terms.group}",
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            partition_assignment_strategy=assignors,
            listener=_Handover(self),
            session_timeout_ms=silent,
            heartbeat_interval_ms=min(3000, silent // 6),
            max_poll_interval_ms=HANDLING_SECONDS * 1000,
            rebalance_timeout_ms=HANDOVER_SECONDS * 1000,
            no_reply=True,
            parser=_without_headers,
            decoder=_as_it_is,
            title=f"limen:{self.terms.group}",
        )
        subscriber(self._take)

    # -- one message

    async def _take(self, message: KafkaMessage) -> None:
        record: Any = message.raw_message
        async with self._turn:
            if not await self._is_ours(message.consumer, record):
                return
            attributes = attributes_of(record.headers)
            if self._wants(attributes):
                try:
                    await self.receive(Incoming(attributes, record.value or b""))
                except Exception as error:
                    log.error("a message comes again: %s", type(error).__name__)
                    await asyncio.sleep(AGAIN_SECONDS)
                    with suppress(KafkaError):
                        await message.nack()
                    return
            else:
                self._skipped += 1
                if self._skipped < SKIPPED:
                    return
            await self._commit(message.consumer)

    def _wants(self, attributes: Mapping[str, str]) -> bool:
        if attributes.get("type") not in self._types:
            return False
        position = attributes.get("position", "")
        return not (self.terms.since and position.isdecimal() and int(position) <= self.terms.since)

    async def _is_ours(self, consumer: Any, record: Any) -> bool:
        """Whether nobody else can get this message: it may have been on its way while the group shared out anew."""
        place = TopicPartition(record.topic, record.partition)
        try:
            ours: bool = await consumer.position(place) == record.offset + 1
            if ours and self._handing_over:
                consumer.seek(place, record.offset)
        except KafkaError:
            return False
        return ours and not self._handing_over

    async def _commit(self, consumer: Any) -> None:
        """Notes how far this member has come. Where that fails, a later time does, or the messages come again."""
        with suppress(KafkaError):
            await consumer.commit()
            self._skipped = 0

    async def revoked(self) -> None:
        """The group is about to share out anew: waits for the message under way, and begins no other."""
        async with self._turn:
            self._handing_over = True

    def assigned(self) -> None:
        """The group has shared out."""
        self._handing_over = False

    # -- dead letters

    async def park(self, letter: DeadLetter) -> None:
        await self._dead.keep(await self.broker.connect(), letter)

    async def dead(self) -> AsyncIterator[DeadLetter]:
        for letter in await self._dead.all(await self.broker.connect()):
            yield letter

    async def remove(self, letter: DeadLetter) -> None:
        await self._dead.remove(await self.broker.connect(), letter)


class _Handover(ConsumerRebalanceListener):  # type: ignore[misc]  # it comes without types
    """Listens for aiokafka, which takes plain methods and these; it is always all of a member's partitions."""

    def __init__(self, intake: KafkaIntake) -> None:
        self._intake = intake

    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]  # as it says above
        self,
        revoked: object,  # noqa: ARG002 - as it says above
    ) -> None:
        await self._intake.revoked()

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]  # as it says above
        self,
        assigned: object,  # noqa: ARG002 - as it says above
    ) -> None:
        self._intake.assigned()


async def _without_headers(record: Any, original: Any) -> Any:
    """They are read here: FastStream fails on those that are no text, and then passes the message over."""
    message = await original(replace(record, headers=()))
    message.raw_message = record
    return message


async def _as_it_is(message: Any) -> Any:
    """The body is read by the router: as bytes it saves a pass through JSON, and a thread."""
    return message.body
