"""Trips: from the append's return to the consumer's handler, against a bare publish and its arrival."""

import asyncio
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from nats.aio.msg import Msg

from limen.adapters import open_engine
from limen.adapters.bus import ActionRouter, Message
from limen.adapters.bus.brokers import broker_of
from limen.domain.events import FlowCompleted
from limen.domain.ports import Step
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.relaying import stream
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import Person, change_profile, configuration, register
from tests.support.brokers import nats_url


async def trips(scale: Scale, folder: Path) -> list[Measure]:
    """One flow after the other with the relay in process, and as many bare trips, by turns."""
    ours: list[list[float]] = []
    bare: list[list[float]] = []
    for repetition in range(scale.repetitions):
        ours.append(await _ours(folder / f"{repetition}.db", scale.trips))
        bare.append(await _bare(scale.trips))
    return [
        _measure("trip p50", ours, bare, 0.5, Bound("at most", 2)),
        _measure("trip p99", ours, bare, 0.99, Bound("at most", 10)),
    ]


def _measure(name: str, ours: list[list[float]], bare: list[list[float]], part: float, bound: Bound) -> Measure:
    mine, floor = [_at(one, part) for one in ours], [_at(one, part) for one in bare]
    return Measure(
        name,
        "from the append's return to the consumer's handler, relay in process, against a bare publish and its arrival",
        "x",
        [one / other for one, other in zip(mine, floor, strict=True)],
        f"{median(mine) * 1e3:.2f} ms",
        f"{median(floor) * 1e3:.2f} ms",
        bound,
    )


def _at(times: list[float], part: float) -> float:
    return quantiles(times, n=100, method="inclusive")[round(part * 100) - 1]


async def _ours(path: Path, count: int) -> list[float]:
    appended: dict[str, float] = {}
    arrived: dict[str, float] = {}
    async with stream() as (_, topic):
        router = ActionRouter(broker_of(nats_url()), "bench", topic=topic)

        came = asyncio.Event()

        @router.after("settings")
        async def note(event: FlowCompleted, message: Message) -> None:
            arrived[message.id] = perf_counter()
            came.set()

        settings = {"bus": {"url": nats_url(), "topic": topic}}
        async with open_engine(configuration(), f"sqlite:///{path}", settings=settings, worker=False) as engine, router:
            person = Person(1)
            await register(engine, person)
            _time_appends(engine.streams.store, appended)
            for _ in range(count):
                came.clear()
                await change_profile(engine, person)
                await came.wait()
    return [arrived[name] - appended[name] for name in arrived]


def _time_appends(store: Any, appended: dict[str, float]) -> None:
    append = store.append

    async def timed(step: Step) -> None:
        await append(step)
        now = perf_counter()
        for event in step.events:
            if isinstance(event, FlowCompleted):
                appended[f"{event.originator_id}:{event.originator_version}"] = now

    store.append = timed


async def _bare(count: int) -> list[float]:
    """The raw client: published to JetStream, confirmed, and brought by a push consumer, one at a time."""
    times: list[float] = []
    async with stream() as (context, topic):
        subject, body = f"{topic}.events.settings.completed", b"x" * 400
        came = asyncio.Event()

        async def take(message: Msg) -> None:
            came.set()
            await message.ack()

        await context.subscribe(subject, durable="bare", cb=take, manual_ack=True)
        for _ in range(count):
            came.clear()
            began = perf_counter()
            publishing = asyncio.create_task(context.publish(subject, body, timeout=30))
            await came.wait()
            times.append(perf_counter() - began)
            await publishing
    return times
