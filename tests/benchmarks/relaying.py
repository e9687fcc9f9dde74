"""Relaying: SQLite to JetStream against the raw client, the way of one event end to end, and a million of them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import nats
from nats.js import JetStreamContext

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.destination import Destination
from limen.adapters.bus.nats import streams as jetstream
from limen.adapters.bus.opening import open_relay
from limen.adapters.bus.pipelines import WINDOW
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import fill
from tests.support.brokers import nats_url
from tests.support.bus import new_topic

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it stands in the stream: what the floor publishes again."""

    subject: str
    headers: dict[str, str]
    data: bytes


async def relaying(scale: Scale, folder: Path) -> list[Measure]:
    """A log of real flows to JetStream, against the raw client publishing the same bytes with as many in flight."""
    path = folder / "log.db"
    await fill(path, scale.people, scale.relayed)
    ours, floors = [], []
    for _ in range(scale.repetitions):
        async with stream() as (context, topic):
            sent, seconds = await _relay(path, topic)
            messages = await read_back(context, topic, sent)
            check_order(messages)
        ours.append(sent / seconds)
        async with stream() as (context, floor):
            again = [Sent(one.subject.replace(topic, floor, 1), one.headers, one.data) for one in messages]
            floors.append(sent / await _publish_bare(context, again))
    return [
        Measure(
            "relay",
            f"{sent:,} events from SQLite to JetStream, {WINDOW} in flight, against the raw client with the same bytes",
            "x",
            [mine / floor for mine, floor in zip(ours, floors, strict=True)],
            f"{median(ours):,.0f} events/s",
            f"{median(floors):,.0f} events/s",
            Bound("at least", 0.6, 0.8),
        )
    ]


@asynccontextmanager
async def stream() -> AsyncIterator[tuple[JetStreamContext, str]]:
    """A connection, and a topic with its streams that are gone afterwards."""
    client, topic = await nats.connect(nats_url()), new_topic()
    context = await jetstream.declare(client, topic)
    try:
        yield context, topic
    finally:
        await context.delete_stream(topic)
        await context.delete_stream(jetstream.dead_stream(topic))
        await client.close()


async def _relay(path: Path, topic: str) -> tuple[int, float]:
    destination = Destination(BusAddress.of(nats_url()), topic=topic, name=topic)
    with open_relay(f"sqlite:///{path}", destination) as relay:
        began = perf_counter()
        relay.finish()
        await relay.run()
        return relay.progress.sent, perf_counter() - began


async def read_back(context: JetStreamContext, topic: str, count: int) -> list[Sent]:
    """Everything in the stream, in its order."""
    subscription = await context.subscribe(f"{topic}.events.>", ordered_consumer=True)
    messages = []
    for _ in range(count):
        message = await subscription.next_msg(timeout=30)
        messages.append(Sent(message.subject, dict(message.headers or {}), message.data))
    await subscription.unsubscribe()
    return messages


def check_order(messages: Sequence[Sent]) -> None:
    """Raises where a stream's events are not there one by one, from the first, in order."""
    seen: dict[str, int] = defaultdict(int)
    for one in messages:
        name, version = one.headers["ce-subject"], int(one.headers["ce-sequence"])
        if version != seen[name] + 1:
            raise RuntimeError(f"after {seen[name]} came {version} in {name}")
        seen[name] = version


async def _publish_bare(context: JetStreamContext, messages: Sequence[Sent]) -> float:
    """The floor: so many tasks, each with one message under way."""
    waiting = iter(messages)

    async def one_by_one() -> None:
        for one in waiting:
            await context.publish(one.subject, one.data, headers=one.headers, timeout=30)

    began = perf_counter()
    await asyncio.gather(*(one_by_one() for _ in range(WINDOW)))
    return perf_counter() - began
