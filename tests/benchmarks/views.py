"""Views: rebuilding all of them against reading and decoding the log; one flow, and some, found among very many.

The rebuild runs in a process of its own (`python -m tests.benchmarks.views FILE`), which prints JSON.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID

from limen.adapters.log import open_log
from limen.adapters.search import Terms, search
from limen.adapters.store import open_store
from limen.adapters.store.replay import history
from limen.adapters.told import tell
from limen.adapters.views import Views, open_views
from limen.domain.configuration import FlowKind
from limen.domain.handler import Actions
from limen.domain.request import Request
from limen.projections import FLOWS
from tests.benchmarks.many import resident_mb
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.million import multiply
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import all_at_once, change_profile, engine_on, events_in, login, refused_login, seed

ROUNDS = 3
LISTED = 101
"""Rows that `limen flow list` asks for."""

RARE, ELSEWHERE = 3, Request(client_ip="192.0.2.1")
"""So many logins, refused ones, come from there."""


async def views(scale: Scale, folder: Path) -> list[Measure]:
    """One log of a million events, and a thousandth of it."""
    small, large = folder / "small.db", folder / "large.db"
    await fill(small, replace(scale, people=min(scale.people, 8)), min(1000, scale.million))
    shutil.copy(small, large)
    multiply(large, scale.million)
    for path in (small, large):
        async with engine_on(path) as engine:
            for _ in range(RARE):
                await refused_login(engine, ELSEWHERE)
    rounds = min(scale.repetitions, ROUNDS)
    rebuilt = [_child(large) for _ in range(rounds)]
    looked = [(look(small, scale.few), look(large, scale.few)) for _ in range(rounds)]
    return [*_rebuilding(rebuilt, events_in(large)), *_looking(looked, events_in(large), events_in(small))]


def _rebuilding(rebuilt: Sequence[dict[str, float]], events: int) -> list[Measure]:
    return [
        Measure(
            "rebuild",
            f"all views rebuilt from {events:,} events, against reading and decoding them",
            "x",
            [one["bare"] / one["rebuilding"] for one in rebuilt],
            f"{events / median(one['rebuilding'] for one in rebuilt):,.0f} events/s",
            f"{events / median(one['bare'] for one in rebuilt):,.0f} events/s",
            Bound("at least", 0.25),
        ),
        Measure(
            "rebuild",
            "growth of its resident memory",
            "MB",
            [one["most_mb"] - one["warm_mb"] for one in rebuilt],
            f"{max(one['most_mb'] for one in rebuilt):,.0f} MB at most",
            f"{median(one['warm_mb'] for one in rebuilt):,.0f} MB after a twentieth of the way",
            Bound("at most", 30),
        ),
    ]


def _looking(looked: Sequence[tuple[dict[str, float], dict[str, float]]], many: int, few: int) -> list[Measure]:
    return [
        Measure(
            f"flow {name}",
            f"with {many:,} events in the store, against {few:,}",
            "x",
            [large[name] / small[name] for small, large in looked],
            f"{median(large[name] for _, large in looked) * 1e6:,.0f} µs",
            f"{median(small[name] for small, _ in looked) * 1e6:,.0f} µs",
            Bound("at most", 1.5),
        )
        for name in ("show", "list")
    ] + [
        Measure(
            f"search, {name}",
            f"{said}, with {many:,} events in the store, against {few:,}",
            "x",
            [large[name] / small[name] for small, large in looked],
            f"{median(large[name] for _, large in looked) * 1e6:,.0f} µs",
            f"{median(small[name] for small, _ in looked) * 1e6:,.0f} µs",
        )
        for name, said in SEARCHED.items()
    ]


SEARCHED = {
    "rare": f"{RARE} flows by network, outcome and kind",
    "often": f"the newest {RARE} of most flows by action, verdict and kind",
}
"""The searches, and what is searched for."""


async def fill(path: Path, scale: Scale, events: int) -> None:
    """Settings and logins in turn, with an action that the flow waits for and one after the commit."""
    actions = Actions()
    actions.after("login", id="seen", pure=True)(lambda context: None)
    actions.after("settings", id="told", when="after_commit")(lambda context: None)
    people = await seed(path, scale.people)
    async with engine_on(path, actions) as engine:
        while events_in(path) < events:
            await all_at_once(engine, people, 1, change_profile)
            await all_at_once(engine, people, 1, login)


def look(path: Path, times: int) -> dict[str, float]:
    """Seconds to list the newest flows, the view being up to date, and to tell one of the listed flows in full."""
    with open_views(f"sqlite:///{path}") as opened, open_log(f"sqlite:///{path}") as log:
        ids = [UUID(str(row["id"])) for row in opened.rows(FLOWS, limit=LISTED)]
        rare, often = _terms(opened)
        return {
            "rare": timed(times, lambda _: len(list(search(opened, rare, limit=RARE)))),
            "often": timed(times, lambda _: len(list(search(opened, often, limit=RARE)))),
            "list": timed(times, lambda _: len(list(opened.rows(FLOWS, limit=LISTED)))),
            "show": timed(times, lambda turn: len(tell(log, ids[turn % len(ids)]).body())),
        }


def _terms(opened: Views) -> tuple[Terms, Terms]:
    """Refused logins from the network that few came from, and of whom an action let pass, which most are."""
    refused = next(opened.rows(FLOWS, {"refused": 1}, limit=1))
    rare = Terms(network=UUID(str(refused["network"])), outcome="refused", flow=FlowKind.LOGIN)
    return rare, Terms(action="seen", outcome="continue", flow=FlowKind.LOGIN)


def timed(times: int, call: Callable[[int], int]) -> float:
    """The median of so many calls, in seconds."""
    spent = []
    for turn in range(times):
        began = perf_counter()
        assert call(turn)
        spent.append(perf_counter() - began)
    return median(spent)


def job(path: Path) -> dict[str, float]:
    """Reads and decodes the log, then rebuilds all views: the seconds of both, and MB of this process meanwhile."""
    store = open_store(f"sqlite:///{path}")
    began = perf_counter()
    events = sum(1 for _ in history(store))
    bare = perf_counter() - began
    store.close()
    seen: list[tuple[int, float]] = []
    with open_views(f"sqlite:///{path}") as opened:
        began = perf_counter()
        reached = opened.rebuild_all(progress=lambda position, _: seen.append((position, resident_mb())))
        spent = perf_counter() - began
    assert set(reached.values()) == {events}
    warm = next(size for position, size in seen if position >= events / 20)
    return {"bare": bare, "rebuilding": spent, "warm_mb": warm, "most_mb": max(size for _, size in seen)}


def _child(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.views", str(path)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


if __name__ == "__main__":
    print(json.dumps(job(Path(sys.argv[1]))))
