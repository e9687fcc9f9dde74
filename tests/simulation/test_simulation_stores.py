"""Given the same history in each store, then it is simulated alike: all of it, from a time on, of a kind, by sample."""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_simulation
from limen.adapters.simulation import histories
from limen.domain.errors import FlowExpired, StoreUnusable
from tests.simulation.house import foresee
from tests.support.engine import (
    ADA,
    NOON,
    PASSWORD,
    House,
    JsonDict,
    configuration,
    hook,
    ignore,
    messages,
    open_house,
    parse,
    towards,
)
from tests.support.postgres import fresh_database

HOOKS = {
    "login.before": [parse("/early", id="early")],
    "login.after": [parse("/risk", id="risk"), hook("/crm", id="crm")],
    "registration.after": [parse("/known", id="known"), hook("/later", id="later"), ignore("/told", id="told")],
}
OTHER = {
    "login.after": [hook("/crm", id="crm"), hook("/new", id="new")],
    "registration.after": [hook("/later", id="later")],
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            yield f"sqlite:///{tmp_path}/limen.db"
        else:
            yield stack.enter_context(fresh_database())


@contextlib.asynccontextmanager
async def lived(url: str) -> AsyncIterator[House]:
    """Three people register and sign in, an hour apart; one is interrupted; many flows are left open."""
    async with open_house(HOOKS, store=url, worker=False) as house:
        for number in range(3):
            await house.register(f"person{number}@example.org")
            house.sink.script("/risk", messages(("#/", 7, "no")))
            await house.sign_in(f"person{number}@example.org")
            for _ in range(5):
                await house.start("login")
            house.clock.advance(3600)
        yield house


async def told(house: House, url: str, **choice: Any) -> list[tuple[Any, ...]]:
    """What is foreseen of each flow, without what differs from store to store."""
    config = towards(configuration(OTHER), house.sink.url)
    async with open_simulation(config, url, settings={}) as simulation:
        return [
            (
                flow.flow,
                flow.started,
                flow.outcome,
                flow.differs,
                flow.unknown,
                [(turn.recorded, turn.end, [one.body() for one in turn.actions]) for turn in flow.turns],
                [[one.id for one in turn.removed] for turn in flow.turns],
            )
            async for flow in simulation.flows(**choice)
        ]


async def ids(house: House, url: str, **choice: Any) -> list[Any]:
    config = towards(configuration(OTHER), house.sink.url)
    async with open_simulation(config, url, settings={}) as simulation:
        return [flow.id async for flow in simulation.flows(**choice)]


async def test_every_store_gives_what_memory_gives(url: str) -> None:
    async with lived(url) as house:
        found = await told(house, url)
    async with lived("memory:") as house:
        store: Any = house.engine.streams.store
        assert found == await told(house, store)
    assert len(found) == 3 * (1 + 1 + 1 + 5), "registrations, their verifications, logins, and those left open"
    assert {one[2] for one in found} >= {"same", "unknown"}


async def test_from_a_time_on(url: str) -> None:
    async with lived(url) as house:
        for hours, people in ((0, 3), (0.5, 2), (1, 2), (2.5, 0)):
            found = await told(house, url, since=NOON + timedelta(hours=hours))
            assert len(found) == people * 8
            assert all(one[1] >= NOON + timedelta(hours=hours) for one in found)


async def test_of_one_kind(url: str) -> None:
    async with lived(url) as house:
        assert [one[0] for one in await told(house, url, kind="registration")] == ["registration"] * 3
        assert await told(house, url, kind="recovery") == []


async def test_a_sample_is_the_same_one_each_time_and_part_of_a_larger_one(url: str) -> None:
    async with lived(url) as house:
        few, many, whole = [await ids(house, url, sample=count) for count in (3, 10, 1000)]
        assert few == await ids(house, url, sample=3)
        assert (len(few), len(many), len(set(few) - set(many))) == (3, 10, 0)
        assert set(whole) == set(await ids(house, url))
        logins = await ids(house, url, sample=4, kind="login", since=NOON + timedelta(hours=1))
        assert len(logins) == 4
        assert set(logins) <= set(await ids(house, url, kind="login"))


async def test_what_came_too_late_is_heard_however_late_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "PAGE_EVENTS", 2)
    flows: JsonDict = {"login": {"lifespan": "10s"}, "verification": {"enabled": False}}
    async with open_house(selfservice={"flows": flows}) as house:
        await house.register()
        late = await house.start("login")
        house.clock.advance(2 * 3600)
        await house.sign_in()
        with pytest.raises(FlowExpired):
            await house.engine.submit(late.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        found = await foresee(house, selfservice={"flows": flows | {"login": {"lifespan": "3h"}}})
        assert [flow.outcome for flow in found if flow.id == late.id] == ["unknown"]


async def test_one_that_has_long_to_wait_does_not_keep_the_others_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "PAGE_EVENTS", 2)
    shorter: JsonDict = {"flows": {"login": {"lifespan": "10s"}}}
    async with open_house(selfservice=shorter) as house:
        await house.register()
        left = await house.start("login")
        house.clock.advance(3700)
        outcomes = [await house.sign_in() for _ in range(2)]
        found = [flow.id for flow in await foresee(house, selfservice=shorter)]
        assert found.index(left.id) < found.index(outcomes[-1].flow.id)


async def test_what_is_recorded_meanwhile_is_left_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "PAGE_EVENTS", 5)
    async with lived(url) as house:
        begun = len(house.log("FlowInitiated"))
        positions: list[tuple[int, int]] = []
        found = []
        async with open_simulation(towards(configuration(OTHER), house.sink.url), url, settings={}) as simulation:
            async for flow in simulation.flows(progress=lambda *both: positions.append(both)):
                found.append(flow.id)
                await house.start("login")
        assert len(found) == len(set(found)) == begun
        assert all(position <= head for position, head in positions)


def digests(folder: Path) -> dict[str, str]:
    """Of every file that holds anything: SQLite leaves an empty log of writes behind, and an index to it."""
    files = [one for one in folder.iterdir() if one.suffix != ".db-shm" and one.stat().st_size]
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


async def test_nothing_of_a_file_is_changed_by_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/limen.db"
    async with lived(url) as house:
        pass
    before = digests(tmp_path)
    assert await told(house, url)
    assert digests(tmp_path) == before


async def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable):
        async with open_simulation(configuration(), f"sqlite:///{tmp_path}/none.db", settings={}):
            pass
    assert digests(tmp_path) == {}
