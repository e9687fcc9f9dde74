"""Buses under test: brokers by URL, made-up events, and what a group has handled."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from uuid import UUID, uuid4

from limen.adapters.bus import ActionRouter, MemoryBus
from limen.adapters.bus.about import About
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.brokers import broker_of
from limen.adapters.bus.envelope import SOURCE, Envelope, Fact, seal
from limen.adapters.bus.memory.publisher import MemoryPublisher
from limen.adapters.bus.pipelines import pipeline_for
from limen.adapters.bus.publisher import Publisher
from limen.adapters.bus.publishing import publisher_of
from limen.domain.action import Retry

QUICK = Retry(attempts=3, initial=0.01, maximum=0.02)
CONFIGURATION = UUID("0884cd65-8fd4-5fbb-9cdf-372f5bd0b2c6")
TIME = "2026-03-02T12:00:00Z"

_positions = itertools.count(1)


def new_topic() -> str:
    """A topic that nobody else has."""
    return f"t{uuid4().hex[:12]}"


@contextlib.asynccontextmanager
async def publishing(url: str, topic: str) -> AsyncIterator[Publisher]:
    """An open publisher."""
    address = BusAddress.of(url)
    publisher = MemoryPublisher(MemoryBus(url)) if address.kind == "memory" else publisher_of(address, topic)
    await publisher.open()
    try:
        yield publisher
    finally:
        if address.kind != "memory":  # there it would stop the routers of the test, too
            await publisher.close()


async def publish(publisher: Publisher, envelopes: Iterable[Envelope]) -> None:
    """Publishes as a relay does, and returns when everything is confirmed."""
    async with pipeline_for(publisher, confirmed=lambda _: None, troubled=lambda _: None) as pipeline:
        for envelope in envelopes:
            await pipeline.put(envelope)
        async with asyncio.timeout(60):
            await pipeline.drained()


def revoked(topic: str, stream: UUID, version: int) -> Envelope:
    """`SessionRevoked`: an event of few fields, as often as one likes in a stream."""
    return _sealed(topic, stream, version, "SessionRevoked", {"reason": "logout", "flow_id": None}, About())


def initiated(topic: str, flow: UUID, kind: str = "login") -> Envelope:
    """The beginning of a flow."""
    fields = {
        "kind": kind,
        "type": "api",
        "configuration": str(CONFIGURATION),
        "expires_at": "2026-03-02T13:00:00Z",
        "request": {"sealed": "c2VjcmV0", "key": str(flow)},
    }
    return _sealed(topic, flow, 1, "FlowInitiated", fields, _about(flow, kind, None, "before"))


def completed(topic: str, flow: UUID, method: str, kind: str = "login", version: int = 5) -> Envelope:
    """The completion of a flow."""
    fields = {"method": method, "identity_id": str(uuid4()), "session_id": str(uuid4())}
    return _sealed(topic, flow, version, "FlowCompleted", fields, _about(flow, kind, method, "after"))


def _about(flow: UUID, kind: str, method: str | None, phase: str) -> About:
    return About(kind=kind, method=method, phase=phase, configuration=str(CONFIGURATION), flow=str(flow))


def _sealed(topic: str, stream: UUID, version: int, type: str, fields: dict[str, Any], about: About) -> Envelope:
    fact = Fact(next(_positions), str(stream), version, type, TIME, fields)
    return seal(fact, about, topic=topic, source=SOURCE, opener=None)


class Handled:
    """What handlers were given, in order."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def of(self, stream: UUID) -> list[int]:
        """The versions of one stream, in the order they came."""
        return [int(one.partition(":")[2]) for one in self.ids if one.startswith(str(stream))]

    async def until(self, count: int, seconds: float = 30.0) -> None:
        """Waits for that many."""
        await until(lambda: len(self.ids) >= count, lambda: f"{len(self.ids)} of {count} handled", seconds)


async def until(holds: Callable[[], bool], what: Callable[[], str] = lambda: "", seconds: float = 30.0) -> None:
    """Waits until something holds, with patience for slow machines."""
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(what() or "it did not come about")


def router_of(url: str, topic: str, group: str = "crm", **options: Any) -> ActionRouter:
    """A router on a broker of its own, quick to try again."""
    return ActionRouter(broker_of(url), group, topic=topic, **{"retry": QUICK, "patience": 2.0, **options})
