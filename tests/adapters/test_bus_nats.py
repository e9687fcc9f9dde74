"""What is particular to NATS: a group outlives its consumer, and a member that was held up repeats nothing."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import nats
import pytest
from nats.js.errors import NotFoundError

from limen.adapters.bus import Message
from limen.adapters.bus.nats import streams
from limen.domain.events import SessionRevoked
from tests.support.brokers import nats_url
from tests.support.bus import Handled, new_topic, publish, publishing, revoked, router_of, until


@pytest.fixture
async def topic() -> AsyncIterator[str]:
    topic = new_topic()
    yield topic
    client = await nats.connect(nats_url())
    for stream in (topic, streams.dead_stream(topic)):
        with contextlib.suppress(NotFoundError):
            await client.jetstream().delete_stream(stream)
    await client.close()


async def test_a_group_whose_consumer_was_deleted_begins_anew(topic: str) -> None:
    handled, stream = Handled(), uuid4()
    router = router_of(nats_url(), topic)

    @router.on(SessionRevoked, id="note")
    async def note(message: Message) -> None:
        handled.ids.append(message.id)

    async with router, publishing(nats_url(), topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
        await handled.until(1)
        client = await nats.connect(nats_url())
        await client.jetstream().delete_consumer(topic, "crm")
        await client.close()
        await publish(publisher, [revoked(topic, stream, 2)])
        await until(lambda: 2 in handled.of(stream))


async def test_a_member_that_was_held_up_repeats_nothing(topic: str) -> None:
    handled, stream = Handled(), uuid4()
    router = router_of(nats_url(), topic, patience=1.0)

    @router.on(SessionRevoked, id="note")
    async def note(message: Message) -> None:
        handled.ids.append(message.id)
        if message.sequence == 1:
            time.sleep(3.5)  # noqa: ASYNC251 - it holds up the loop: that is what is tried

    async with router, publishing(nats_url(), topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
        await publish(publisher, [revoked(topic, stream, 2)])
        await until(lambda: 2 in handled.of(stream))
        await asyncio.sleep(1.5)
        assert handled.of(stream) == [1, 2]
        assert await router.dead() == []
