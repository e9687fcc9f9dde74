"""Pipelines keep each stream's order and lose nothing, however a bus fails.

The buses here fail as real ones do, and more often: an event gets lost on its way, or its confirmation does, or the
connection. Real servers that are killed are in tests/contracts and tests/engine_robust.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limen.adapters.bus import pipelines
from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.pipelines import pipeline_for
from limen.adapters.bus.publisher import Order, PublishFailed

Fate = Literal["well", "lost", "unconfirmed", "raised"]

fates = st.lists(st.sampled_from(["well", "well", "well", "lost", "unconfirmed", "raised"]), max_size=40)
"""What happens to one try after the other; after the last one all is well."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limen.adapters.bus.pipelines.pipeline.PAUSE", 0.0)
    monkeypatch.setattr("limen.adapters.bus.pipelines.pipeline.LONGEST_PAUSE", 0.0)


class FailingBus:
    """A bus that keeps what reaches it. With `log` it refuses what does not follow its newest, as JetStream does."""

    def __init__(self, order: Order, fates: Sequence[Fate]) -> None:
        self.order: Order = order
        self.limit = 1000
        self.newest: str | None = None
        self.kept: list[Envelope] = []
        self._fates = list(fates)
        self._last: str | None = None

    async def open(self) -> None:
        self.newest = self._last = self.kept[-1].id if self.kept else None

    async def close(self) -> None:
        """There is nothing to close."""

    async def send(self, envelope: Envelope) -> "asyncio.Future[bool]":
        fate = self._fates.pop(0) if self._fates else "well"
        if fate == "raised":
            raise PublishFailed("no connection")
        expected, self._last = self._last, envelope.id
        confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        there = self.order == "log" and envelope.id in {one.id for one in self.kept}  # looked at first, by the server
        fits = there or self.order != "log" or expected == (self.kept[-1].id if self.kept else None)
        if fate != "lost" and fits and not there:
            self.kept.append(envelope)
        error = None if fate == "well" and fits else PublishFailed(fate)
        asyncio.get_running_loop().call_soon(_end, confirmed, error, there)
        return confirmed

    async def send_all(self, envelopes: Sequence[Envelope]) -> None:
        fate = self._fates.pop(0) if self._fates else "well"
        if fate in ("well", "unconfirmed"):
            newest = self.kept[-1].position if self.kept else 0
            self.kept += [one for one in envelopes if one.position > newest]
        if fate != "well":
            raise PublishFailed(fate)


def _end(confirmed: "asyncio.Future[bool]", error: Exception | None, there: bool) -> None:
    if error is None:
        confirmed.set_result(there)
    else:
        confirmed.set_exception(error)


def log_of(streams: Sequence[int]) -> list[Envelope]:
    """A log in which these streams append by turns."""
    versions: dict[int, int] = defaultdict(int)
    log = []
    for position, stream in enumerate(streams, 1):
        versions[stream] += 1
        name = str(UUID(int=stream))
        log.append(Envelope(position, name, "t", {"id": f"{name}:{versions[stream]}"}, b"{}"))
    return log


async def relayed(bus: FailingBus, log: Sequence[Envelope], window: int) -> int:
    pipeline = pipeline_for(bus, confirmed=lambda _: None, troubled=lambda _: None)
    pipeline._window = window
    await bus.open()
    async with pipeline:
        for envelope in log:
            await pipeline.put(envelope)
            pipeline.skip(envelope.position)
            assert pipeline.low < envelope.position or not pipeline._open
        async with asyncio.timeout(20):
            await pipeline.drained()
        return pipeline.low


@pytest.mark.parametrize("order", ["stream", "log", "batch"])
@settings(max_examples=150)
@given(streams=st.lists(st.integers(0, 3), min_size=1, max_size=30), fates=fates, window=st.integers(1, 8))
def test_everything_arrives_in_order_whatever_fails(
    order: Order, streams: list[int], fates: list[Fate], window: int
) -> None:
    bus, log = FailingBus(order, fates), log_of(streams)
    assert asyncio.run(relayed(bus, log, window)) == len(log)
    arrived: dict[str, list[str]] = defaultdict(list)
    for envelope in bus.kept:
        if envelope.id not in arrived[envelope.stream]:  # a consumer knows an id it has had
            arrived[envelope.stream].append(envelope.id)
    for stream in {envelope.stream for envelope in log}:
        assert arrived[stream] == [envelope.id for envelope in log if envelope.stream == stream]
    if order != "stream":
        assert [envelope.id for envelope in bus.kept] == [envelope.id for envelope in log]


async def test_the_window_holds_the_reader_back() -> None:
    class Silent(FailingBus):
        async def send(self, envelope: Envelope) -> "asyncio.Future[bool]":
            self.kept.append(envelope)
            return asyncio.get_running_loop().create_future()

    bus, log = Silent("stream", ()), log_of(range(pipelines.WINDOW + 10))
    pipeline = pipeline_for(bus, confirmed=lambda _: None, troubled=lambda _: None)

    async def put_all() -> None:
        for envelope in log:
            await pipeline.put(envelope)

    async with pipeline:
        putting = asyncio.create_task(put_all())
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(bus.kept) == pipelines.WINDOW
        assert not putting.done()
        assert pipeline.low == 0
        putting.cancel()
