"""Simulation: very many flows decided again under the same configuration, and what rendering costs.

Each run is a process of its own (`python -m tests.benchmarks.simulating FILE CONFIG`), which prints JSON.
"""

import asyncio
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

from limen.adapters import open_engine, open_simulation
from limen.adapters.simulation.histories import FLOW_EVENTS
from limen.adapters.sink import Sink
from limen.adapters.store import open_store
from limen.adapters.store.replay import history
from limen.domain.flow import Flow
from limen.domain.simulation.tally import Tally
from tests.benchmarks.many import resident_mb
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.million import multiply
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import Person, all_at_once, configuration, events_in, login, register

ROUNDS = 3
EVENTS = 16
"""Of a login here, those of its session, its identity and its deliveries among them."""


async def simulating(scale: Scale, folder: Path) -> list[Measure]:
    """Logins with an action before, one after whose answer is read, and a delivery."""
    small, large = folder / "small.db", folder / "large.db"
    same, other = folder / "same.json", folder / "other.json"
    async with Sink() as sink:
        same.write_text(json.dumps(hooked(sink.url, "function(ctx) {flow: ctx.flow.id}")))
        other.write_text(json.dumps(hooked(sink.url, "function(ctx) {flow: ctx['flow']['id']}")))
        await fill(small, json.loads(same.read_text()), min(scale.flows, 1000))
    large.write_bytes(small.read_bytes())
    events = events_in(small)
    multiply(large, -(-scale.flows * EVENTS // events) * events)  # whole copies: an append is never there in part
    rounds = min(scale.repetitions, ROUNDS)
    unchanged = [_child(large, same) for _ in range(rounds)]
    rendered = [_child(small, other) for _ in range(rounds)]
    return [*_deciding(unchanged), *_rendering(rendered)]


def _deciding(runs: Sequence[dict[str, float]]) -> list[Measure]:
    flows = f"{runs[0]['flows']:,.0f}"
    return [
        Measure(
            "simulate",
            f"{flows} flows under the same configuration, against reading, decoding and folding them",
            "x",
            [one["bare"] / one["simulating"] for one in runs],
            f"{runs[0]['flows'] / median(one['simulating'] for one in runs):,.0f} flows/s",
            f"{runs[0]['flows'] / median(one['bare'] for one in runs):,.0f} flows/s",
            Bound("at least", 0.2),
        ),
        Measure(
            "simulate",
            f"of {flows} flows, those that differ",
            "",
            [one["differing"] for one in runs],
            "",
            "",
            Bound("at most", 0),
        ),
        Measure(
            "simulate",
            "growth of its resident memory",
            "MB",
            [one["most_mb"] - one["warm_mb"] for one in runs],
            f"{max(one['most_mb'] for one in runs):,.0f} MB at most",
            f"{median(one['warm_mb'] for one in runs):,.0f} MB after a twentieth of the way",
            Bound("at most", 30),
        ),
    ]


def _rendering(runs: Sequence[dict[str, float]]) -> list[Measure]:
    return [
        Measure(
            "simulate",
            "a flow with three bodies rendered again, which come out the same",
            "µs",
            [one["simulating"] / one["flows"] * 1e6 for one in runs],
            f"{runs[0]['flows']:,.0f} flows, {max(one['differing'] for one in runs):,.0f} differ",
        )
    ]


def hooked(url: str, template: str) -> dict[str, Any]:
    """The configuration of the benchmarks with three actions around a login."""
    config = configuration()
    body = "base64://" + b64encode(template.encode()).decode()

    def hook(path: str, **response: bool) -> dict[str, Any]:
        asked = {"id": path, "url": f"{url}/{path}", "method": "POST", "body": body, "response": response}
        return {"hook": "web_hook", "config": asked}

    before, after = [hook("gate")], [hook("check", parse=True), hook("told", ignore=True)]
    config["selfservice"]["flows"]["login"] = {"before": {"hooks": before}, "after": {"password": {"hooks": after}}}
    return config


async def fill(path: Path, config: dict[str, Any], flows: int) -> None:
    """So many logins, their deliveries sent."""
    people = [Person(number) for number in range(20)]
    async with open_engine(config, f"sqlite:///{path}") as engine:
        for person in people:
            await register(engine, person)
        await all_at_once(engine, people, max(flows // len(people), 1), login)
        while await engine.streams.store.next_due() is not None:  # noqa: ASYNC110  the worker tells nobody
            await asyncio.sleep(0.05)


async def job(path: Path, config: str) -> dict[str, float]:
    """Folds the flows, then decides them again: the seconds of both, and MB of this process meanwhile."""
    bare = folding(path)
    tally, seen = Tally(), [(0, resident_mb())]
    async with open_simulation(config, f"sqlite:///{path}", settings={}) as simulation:
        began = perf_counter()
        async for flow in simulation.flows(progress=lambda position, _: seen.append((position, resident_mb()))):
            tally.add(flow)
        spent = perf_counter() - began
    whole = tally.whole
    warm = next(size for position, size in seen if position >= seen[-1][0] / 20)
    return {
        "bare": bare,
        "simulating": spent,
        "flows": whole.flows,
        "differing": whole.differing + whole.unknown,
        "warm_mb": warm,
        "most_mb": max(size for _, size in seen),
    }


def folding(path: Path) -> float:
    """Seconds to read and decode the events of all flows, and to fold each flow; one that has ended is let go."""
    store = open_store(f"sqlite:///{path}")
    began = perf_counter()
    flows: dict[UUID, Flow] = {}
    for _, event in history(store, types=FLOW_EVENTS):
        flow = flows.get(event.originator_id)
        if flow is None:
            flow = flows[event.originator_id] = Flow(event.originator_id)
        flow.fold(event)
        if flow.ended:
            del flows[flow.id]
    spent = perf_counter() - began
    store.close()
    return spent


def _child(path: Path, config: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.simulating", str(path), str(config)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


if __name__ == "__main__":
    print(json.dumps(asyncio.run(job(Path(sys.argv[1]), sys.argv[2]))))
