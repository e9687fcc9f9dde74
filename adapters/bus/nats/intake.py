"""Taking in from NATS JetStream, over the connection of a FastStream broker.

A durable push consumer with one message under way (`max_ack_pending=1`): only so does a stream's order hold when a
consumer is killed, for else later messages overtake the one that comes again. Members of a group share it as a
queue.

It subscribes by the client itself: FastStream's subscriber takes longer for a message than all else on its way from the
append to the handler (docs/adr/0018).
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy as NatsAckPolicy
from nats.js.api import ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

from limen.adapters.bus import names
from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.headers import attributes_of, headers_of
from limen.adapters.bus.intake import GRACE, Incoming, Intake, Receive, Terms, before_stop
from limen.adapters.bus.nats import streams
from limen.domain.errors import GroupDiffers

KNOWN_DONE: Final = 1024
"""Messages this member knows it is done with."""

log = logging.getLogger("limen.bus")

_ROSTER: Final = "handlers: "
"""How a consumer's description begins; then the group's handlers, or a digest where they are too many for it."""

_DESCRIPTION_CHARACTERS: Final = 4000


class NatsIntake(Intake):
    """A member of a group on JetStream."""

    broker: NatsBroker

    def __init__(self, broker: NatsBroker, terms: Terms, receive: Receive) -> None:
        super().__init__(broker, terms, receive)
        self._subscription: JetStreamContext.PushSubscription | None = None
        self._wanted: frozenset[str] = frozenset()
        self._done: dict[int, None] = {}
        self._watching: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        before_stop(broker, self._leave)

    async def prepare(self, roster: str) -> None:
        js = await streams.declare(await self._client(), self.terms.topic)
        config, self._wanted = self._config(roster), frozenset(self.terms.subjects())
        try:
            there = await js.consumer_info(self.terms.topic, self.terms.group)
        except NotFoundError:
            await js.add_consumer(self.terms.topic, config)
        else:
            await self._agree(js, there, config)
        if self._subscription is None:
            self._subscription = await js.subscribe(
                config.filter_subject or "",
                queue=self.terms.group,
                stream=self.terms.topic,
                config=config,
                cb=self._take,
                manual_ack=True,
            )
            await self._stand_by_it(js, config)
            self._watching = asyncio.create_task(self._watch(config), name=f"limen-nats-{self.terms.group}")

    async def _agree(self, js: JetStreamContext, there: ConsumerInfo, config: ConsumerConfig) -> None:
        """The consumer is there: of the same handlers, or of others whose routers have all gone."""
        theirs, ours = _roster_of(there.config), _roster_of(config)
        if theirs != ours and there.push_bound:
            raise GroupDiffers(self.terms.group, ours, theirs)
        if theirs == ours and there.config.ack_wait == config.ack_wait:
            return
        config.deliver_subject = there.config.deliver_subject
        config.deliver_policy = there.config.deliver_policy
        await js.add_consumer(self.terms.topic, config)

    def _config(self, roster: str) -> ConsumerConfig:
        if len(roster) > _DESCRIPTION_CHARACTERS:
            roster = hashlib.sha256(roster.encode()).hexdigest()
        return ConsumerConfig(
            durable_name=self.terms.group,
            description=_ROSTER + roster,
            deliver_subject=f"_limen.{self.terms.topic}.{self.terms.group}",
            deliver_group=self.terms.group,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=NatsAckPolicy.EXPLICIT,
            ack_wait=self.terms.patience,
            max_ack_pending=1,
            filter_subject=_pattern(self.terms.subjects(), self.terms.topic),
        )

    async def _stand_by_it(self, js: JetStreamContext, config: ConsumerConfig) -> None:
        """Two that start at once both find nobody at work, and the last to write decides: the other one goes."""
        there = await js.consumer_info(self.terms.topic, self.terms.group)
        theirs, ours = _roster_of(there.config), _roster_of(config)
        if theirs != ours:
            await self._leave()
            raise GroupDiffers(self.terms.group, ours, theirs)

    async def _watch(self, config: ConsumerConfig) -> None:
        """Looks now and then whether the group's consumer is still there: who lost it would hear nothing for ever."""
        while True:
            await asyncio.sleep(max(self.terms.patience / 2, 1.0))
            try:
                js = (await self._client()).jetstream()
                await js.consumer_info(self.terms.topic, self.terms.group)
            except NotFoundError:
                log.warning("the consumer of group %s was deleted; it begins anew", self.terms.group)
                with suppress(NatsError, OSError, TimeoutError):
                    again = await streams.declare(await self._client(), self.terms.topic)
                    self._done.clear()
                    await again.add_consumer(self.terms.topic, config)
            except (NatsError, OSError, TimeoutError):
                continue  # the server is away: the client looks for it

    async def _leave(self) -> None:
        """Ends what `prepare` began: the message under way is finished within the grace, or comes again."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(GRACE):
                await subscription.drain()  # type: ignore[no-untyped-call]  # the client leaves it without types
                await self._idle.wait()

    async def _take(self, message: Msg) -> None:
        self._idle.clear()
        try:
            if message.subject not in self._wanted:
                await message.ack()
                return
            delivered, place = message.metadata.num_delivered or 1, message.metadata.sequence.stream
            if delivered > 1 and place in self._done:
                await message.ack()  # a copy that came while this process was held up
                return
            await self.receive(Incoming(attributes_of(message.headers), message.data, delivered, message.in_progress))
            await message.ack()
            self._done[place] = None
            if len(self._done) > KNOWN_DONE:
                self._done.pop(next(iter(self._done)))
        finally:
            self._idle.set()

    # -- dead letters

    async def park(self, letter: DeadLetter) -> None:
        headers = headers_of(letter.headers)
        headers["Nats-Msg-Id"] = f"{letter.group}:{letter.handler}:{letter.id}:{letter.attempts}"
        js = (await self._client()).jetstream()
        subject = names.dead(self.terms.topic, self.terms.group)
        await js.publish(
            subject, letter.data, headers=headers, timeout=5.0, stream=streams.dead_stream(self.terms.topic)
        )

    async def dead(self) -> AsyncIterator[DeadLetter]:
        js = (await self._client()).jetstream()  # nothing is declared to look at what is not there
        stream, subject = streams.dead_stream(self.terms.topic), names.dead(self.terms.topic, self.terms.group)
        sequence = 1
        while True:
            try:
                found = await js.get_msg(stream, seq=sequence, subject=subject, next=True)
            except NotFoundError:
                return
            assert found.seq is not None
            sequence = found.seq + 1
            yield DeadLetter.of(attributes_of(found.headers), found.data or b"", found.seq)

    async def remove(self, letter: DeadLetter) -> None:
        js = (await self._client()).jetstream()
        await js.delete_msg(streams.dead_stream(self.terms.topic), letter.place)

    async def _client(self) -> Client:
        return await self.broker.connect()


def _roster_of(config: ConsumerConfig) -> str:
    return (config.description or "").removeprefix(_ROSTER)


def _pattern(subjects: Sequence[str], topic: str) -> str:
    """The narrowest single pattern over these subjects; servers before 2.10 take no more than one."""
    parts = [subject.split(".") for subject in subjects]
    if not parts:
        return names.every_subject(topic)
    first = parts[0]
    return ".".join(
        first[place] if all(one[place] == first[place] for one in parts) else "*" for place in range(len(first))
    )
