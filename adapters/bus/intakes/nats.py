"""Taking in from NATS JetStream, through a FastStream broker.

A durable push consumer with one message under way (`max_ack_pending=1`): only so does a stream's order hold when a
consumer is killed, for else later messages overtake the one that comes again. Members of a group share it as a queue.
"""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy as NatsAckPolicy
from nats.js.api import ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

from limen.adapters.bus import jetstream, names
from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.headers import attributes_of, headers_of
from limen.adapters.bus.intakes.intake import Incoming, Intake, Receive, Terms
from limen.domain.errors import GroupDiffers

_ROSTER = "handlers: "
"""How a consumer's description begins; then the group's handlers, or a digest where they are too many for it."""

_DESCRIPTION_CHARACTERS = 4000


class NatsIntake(Intake):
    """A member of a group on JetStream."""

    broker: NatsBroker

    def __init__(self, broker: NatsBroker, terms: Terms, receive: Receive) -> None:
        super().__init__(broker, terms, receive)
        self._registered = False

    async def prepare(self, roster: str) -> None:
        js = await jetstream.declare(await self._client(), self.terms.topic)
        config = self._config(roster)
        try:
            there = await js.consumer_info(self.terms.topic, self.terms.group)
        except NotFoundError:
            await js.add_consumer(self.terms.topic, config)
        else:
            await self._agree(js, there, config)
        if not self._registered:
            self._registered = True
            self._subscribe(config)

    async def _agree(self, js: JetStreamContext, there: ConsumerInfo, config: ConsumerConfig) -> None:
        """The consumer is there: of the same handlers, or of others whose routers have all gone."""
        theirs = (there.config.description or "").removeprefix(_ROSTER)
        ours = (config.description or "").removeprefix(_ROSTER)
        if theirs == ours:
            return
        if there.push_bound:
            raise GroupDiffers(self.terms.group, ours, theirs)
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

    def _subscribe(self, config: ConsumerConfig) -> None:
        subscriber = self.broker.subscriber(
            config.filter_subject or "",
            queue=self.terms.group,
            stream=JStream(self.terms.topic, declare=False),
            config=config,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_as_it_is,
            title=f"limen:{self.terms.group}",
        )
        subscriber(self._take)

    async def _take(self, message: NatsMessage) -> None:
        raw = message.raw_message
        assert not isinstance(raw, list)
        incoming = Incoming(attributes_of(raw.headers), raw.data, raw.metadata.num_delivered or 1, raw.in_progress)
        await self.receive(incoming)
        await message.ack()

    # -- dead letters

    async def park(self, letter: DeadLetter) -> None:
        headers = headers_of(letter.headers)
        headers["Nats-Msg-Id"] = f"{letter.group}:{letter.handler}:{letter.id}:{letter.attempts}"
        js = (await self._client()).jetstream()
        subject = names.dead(self.terms.topic, self.terms.group)
        await js.publish(subject, letter.data, headers=headers, timeout=5.0, stream=jetstream.dead_stream(self.terms.topic))

    async def dead(self) -> AsyncIterator[DeadLetter]:
        js = await jetstream.declare(await self._client(), self.terms.topic)
        stream, subject = jetstream.dead_stream(self.terms.topic), names.dead(self.terms.topic, self.terms.group)
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
        await js.delete_msg(jetstream.dead_stream(self.terms.topic), letter.place)

    async def _client(self) -> Client:
        return await self.broker.connect()


async def _as_it_is(message: Any) -> Any:
    """The body is read by the router: as bytes it saves a pass through JSON, and a thread."""
    return message.body


def _pattern(subjects: Any, topic: str) -> str:
    """The narrowest single pattern over these subjects; servers before 2.10 take no more than one."""
    parts = [subject.split(".") for subject in subjects]
    if not parts:
        return names.every_subject(topic)
    first = parts[0]
    return ".".join(
        first[place] if all(one[place] == first[place] for one in parts) else "*" for place in range(len(first))
    )
