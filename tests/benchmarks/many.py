"""A store with 100,000 flows against one with 100: starting and showing a flow, and the memory of the process.

Each is measured in a process of its own (`python -m tests.benchmarks.many FILE OPERATIONS`), which prints JSON.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from limen.domain.configuration import FlowKind
from limen.domain.flow import initiate
from limen.domain.ports import Step
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import engine_on

BATCH = 500
OLD = 10_000
"""How many of the flows that were there already are shown too: more than any cache keeps."""


async def many(scale: Scale, folder: Path) -> list[Measure]:
    """The two stores by turns."""
    small, large = folder / "small.db", folder / "large.db"
    await fill(small, scale.few)
    await fill(large, scale.flows)
    few, lots = [], []
    for _ in range(scale.repetitions):
        few.append(_child(small, scale.turns * 10))
        lots.append(_child(large, scale.turns * 10))
    ratios = [one["new"] / other["new"] for one, other in zip(lots, few, strict=True)]
    grown = [one["resident_mb"] - other["resident_mb"] for one, other in zip(lots, few, strict=True)]
    return [
        Measure(
            "many flows",
            f"starting and showing a flow with {scale.flows:,} in the store, against {scale.few}",
            "x",
            ratios,
            f"{median(one['new'] for one in lots):,.0f} µs",
            f"{median(one['new'] for one in few):,.0f} µs",
            Bound("at most", 1.2, 1.0),
        ),
        Measure(
            "memory",
            f"what the process grows by with {scale.flows:,} flows in the store, {OLD:,} of them shown",
            "MB",
            grown,
            f"{median(one['resident_mb'] for one in lots):,.0f} MB",
            f"{median(one['resident_mb'] for one in few):,.0f} MB",
            Bound("at most", 50),
        ),
    ]


async def fill(path: Path, count: int) -> None:
    """So many login flows that wait for a submission, as the engine would have written them, a few hundred a step."""
    async with engine_on(path) as engine:
        rules = (await engine.current()).rules
        keyring, store = engine.tools.keyring, engine.streams.store
        asked: dict[str, str | None] = {"method": "GET", "url": "http://127.0.0.1:4433/", "client_ip": "192.0.2.7"}
        asked |= {"user_agent": "benchmark", "return_to": None, "transient_payload": None}
        for done in range(0, count, BATCH):
            step = Step()
            for _ in range(min(BATCH, count - done)):
                flow_id, now = uuid4(), datetime.now(UTC)
                step.put.append(keyring.create(flow_id))
                flow = initiate(
                    flow_id,
                    now,
                    kind=FlowKind.LOGIN,
                    type="api",
                    configuration=rules.id,
                    expires_at=now + timedelta(hours=8),
                    request=keyring.seal(flow_id, asked),
                )
                flow.fire("open", now)
                step.events += flow.collect_events()
            await store.append(step)


async def job(path: Path, operations: int) -> dict[str, float]:
    """Starts and shows flows, shows old ones, and says what it took: µs of one of each, and MB of this process."""
    async with engine_on(path) as engine:
        old = await _old(engine.streams.store)
        times = []
        for _ in range(operations):
            began = perf_counter()
            started = await engine.start("login")
            shown = await engine.flow(started.id)
            assert shown.ui.nodes
            times.append(perf_counter() - began)
        for flow_id in old:
            assert (await engine.flow(flow_id)).ui.nodes
        return {"new": median(times) * 1e6, "resident_mb": resident_mb()}


async def _old(store: Any) -> list[UUID]:
    ids: list[UUID] = []
    after = 0
    while len(ids) < OLD and (page := await store.log(after, 200, ["FlowInitiated"])):
        ids += [event.originator_id for _, event in page]
        after = page[-1][0]
    return ids


def resident_mb() -> float:
    """Of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not say how much memory a process uses in /proc")


def _child(path: Path, operations: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.many", str(path), str(operations)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


def main(arguments: Sequence[str]) -> None:
    """One measurement in this process."""
    print(json.dumps(asyncio.run(job(Path(arguments[0]), int(arguments[1])))))


if __name__ == "__main__":
    main(sys.argv[1:])
