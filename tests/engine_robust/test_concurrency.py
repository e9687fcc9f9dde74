"""At the same instant, in one process and in two: nothing is done twice, and nothing is lost.

Nobody is turned away but who would undo what another has done in that instant; they are told, and submit again.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_engine
from limen.adapters.sink import Reply, Sink
from limen.domain.testing import MemoryCourier
from tests.engine_robust.audit import audit
from tests.engine_robust.meeting import login, peers, reader, states, who
from tests.engine_robust.peer import at_once, together
from tests.support.engine import configuration, hook, ignore, parse


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with Sink() as sink:
        yield sink


TURNED_AWAY = ("FlowBusy", "FlowFinished")


def hooked(sink: Sink) -> dict[str, Any]:
    """Every way an action can run, on both sides: blocking before, blocking after, awaited after, delivered."""
    session = {"hook": "session"}
    return configuration(
        {
            "login.before": [hook("/login/before", url=f"{sink.url}/login/before")],
            "login.after": [
                parse("", id="check", url=f"{sink.url}/login/check"),
                ignore("", id="tell", url=f"{sink.url}/login/tell"),
            ],
            "registration.after": [
                parse("", id="admit", url=f"{sink.url}/registration/admit"),
                hook("", id="greet", url=f"{sink.url}/registration/greet"),
                ignore("", id="count", url=f"{sink.url}/registration/count"),
                session,
            ],
        }
    )


async def test_one_flow_submitted_many_times_at_once_goes_on_once(sink: Sink, url: str) -> None:
    sink.script("/login/check", Reply(204, delay=0.2))
    async with open_engine(hooked(sink), url, settings={}, courier=MemoryCourier()) as engine:
        await together(engine, [("register", who("ada"))])
        flow = await engine.start("login")
        call = ("submit", {"flow_id": str(flow.id), "method": "password", "values": login("ada")})
        done, *others = states(await together(engine, [call] * 10))[::-1]
        assert (done, set(others)) == ("completed", {"FlowBusy"})
        await until(lambda: sink.of("/login/tell"))
        counted = {path: len(sink.of(f"/login/{path}")) for path in ("before", "check", "tell")}
        assert counted == {"before": 1, "check": 1, "tell": 1}
        await audit(engine)


async def test_one_flow_submitted_by_two_processes_at_once_goes_on_once(sink: Sink, url: str, tmp_path: Path) -> None:
    sink.script("/login/check", Reply(204, delay=0.1))
    async with peers(2, hooked(sink), url, tmp_path) as both, reader(hooked(sink), url) as engine:
        await both[0].tell([("register", who("ada"))], 0)
        for _ in range(6):
            flow = await engine.start("login")
            call = ("submit", {"flow_id": str(flow.id), "method": "password", "values": login("ada")})
            before = len(sink.of("/login/check"))
            done, other = states(await at_once(both, [call], [call]))[::-1]
            assert done == "completed"
            assert other in TURNED_AWAY
            assert len(sink.of("/login/check")) == before + 1
        await until(lambda: len(sink.of("/login/tell")) == 6)
        await audit(engine)


async def test_registrations_of_one_address_at_once_make_one_identity(sink: Sink, url: str, tmp_path: Path) -> None:
    async with peers(2, hooked(sink), url, tmp_path) as both, reader(hooked(sink), url) as engine:
        for name in ("ada", "bob"):
            call = ("register", who(name))
            results = await at_once(both, [call] * 6, [call] * 6)
            assert states(results) == ["choose_method"] * 11 + ["completed"]
            assert {tuple(one["messages"]) for one in results if one["state"] != "completed"} == {(4000007,)}
        await until(lambda: len(sink.of("/registration/count")) == 2)
        assert len(sink.of("/registration/greet")) == 2
        log = await audit(engine)
        assert len(log.of("IdentityRegistered")) == len(log.of("IdentifierReserved")) == 2


async def test_64_registrations_at_once_on_sqlite_none_failed(tmp_path: Path) -> None:
    config = configuration({"registration.after": [{"hook": "session"}]})
    async with open_engine(config, f"sqlite:///{tmp_path / 'limen.db'}", settings={}) as engine:
        results = await together(engine, [("register", who(f"person{n}")) for n in range(64)])
        assert states(results) == ["completed"] * 64
        assert len((await audit(engine)).of("SessionIssued")) == 64


async def test_64_logins_of_one_identity_at_once_all_succeed(tmp_path: Path) -> None:
    async with open_engine(configuration(), f"sqlite:///{tmp_path / 'limen.db'}", settings={}) as engine:
        await together(engine, [("register", who("ada"))])
        results = await together(engine, [("sign_in", login("ada"))] * 64)
        assert states(results) == ["completed"] * 64
        assert len({result["token"] for result in results}) == 64
        for result in results:
            assert await engine.session(result["token"]) is not None
        ends = await asyncio.gather(*(engine.logout(result["token"]) for result in results))
        assert ends == [True] * 64, "a logout that answers False has ended nothing"
        assert [await engine.session(result["token"]) for result in results] == [None] * 64
        await audit(engine)


async def test_logins_of_one_identity_in_two_processes_all_succeed(url: str, tmp_path: Path) -> None:
    config = configuration()
    async with peers(2, config, url, tmp_path) as both, reader(config, url) as engine:
        await both[0].tell([("register", who("ada"))], 0)
        results = await at_once(both, [("sign_in", login("ada"))] * 20, [("sign_in", login("ada"))] * 20)
        assert states(results) == ["completed"] * 40
        ends = await at_once(
            both,
            [("logout", {"token": result["token"]}) for result in results[::2]],
            [("logout", {"token": result["token"]}) for result in results[1::2]],
        )
        assert ends == [{"answer": "True"}] * 40
        await audit(engine)


async def test_workers_of_two_processes_send_each_delivery_once(sink: Sink, url: str, tmp_path: Path) -> None:
    config = hooked(sink)
    async with open_engine(config, url, settings={}, worker=False, courier=MemoryCourier()) as engine:
        results = await together(engine, [("register", who(f"person{n}")) for n in range(20)])
        assert states(results) == ["completed"] * 20
    assert sink.of("/registration/count") == []
    async with peers(2, config, url, tmp_path), reader(config, url) as engine:
        await until(lambda: len(sink.of("/registration/count")) >= 20)
        await asyncio.sleep(0.3)
        triggers = [request.header("Ory-Webhook-Trigger-ID") for request in sink.of("/registration/count")]
        assert len(triggers) == len(set(triggers)) == 20
        log = await audit(engine)
        assert len(log.of("DeliveryStarted")) == len(log.of("DeliveryDelivered")) == len(log.of("DeliveryScheduled"))


async def until(happened: Any) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - what happens, happens in another process
            await asyncio.sleep(0.01)
