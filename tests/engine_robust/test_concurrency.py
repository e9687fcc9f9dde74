"""At the same instant, in one process and in two: nothing is done twice, nothing is lost, and nobody is turned away."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_engine
from limen.adapters.sink import Reply, Sink
from limen.domain.engine import Engine
from limen.domain.testing import MemoryCourier
from tests.engine_robust.audit import audit
from tests.engine_robust.peer import Call, Peer, Result, at_once, together
from tests.support.engine import PASSWORD, configuration, hook, ignore, open_house, parse
from tests.support.postgres import fresh_database


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with Sink() as sink:
        yield sink


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'limen.db'}"
        return
    with fresh_database() as url:
        yield url


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


@asynccontextmanager
async def peers(count: int, config: dict[str, Any], url: str, tmp_path: Path) -> AsyncIterator[list[Peer]]:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    async with open_engine(config, url, settings={}, worker=False) as engine:  # makes the tables before they meet
        await engine.current()
    opened = [Peer.open(path, url) for _ in range(count)]
    try:
        yield list(await asyncio.gather(*(peer.__aenter__() for peer in opened)))
    finally:
        await asyncio.gather(*(peer.__aexit__(None, None, None) for peer in opened))


def who(name: str) -> dict[str, Any]:
    return {"traits": {"email": f"{name}@example.org"}, "password": PASSWORD}


def login(name: str) -> dict[str, Any]:
    return {"identifier": f"{name}@example.org", "password": PASSWORD}


def states(results: list[Result]) -> list[str]:
    return sorted(result.get("state") or result["raised"] for result in results)


TURNED_AWAY = ("FlowBusy", "FlowFinished")


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


async def test_settings_and_logins_of_one_identity_at_once_lose_nothing(url: str, tmp_path: Path) -> None:
    config = configuration({"registration.after": [{"hook": "session"}]})
    async with peers(2, config, url, tmp_path) as both, reader(config, url) as engine:
        (ada,) = await both[0].tell([("register", who("ada"))], 0)
        profile = {"session_token": ada["token"], "method": "profile"}
        changes = [
            ("settings", {**profile, "values": {"traits": {"email": "ada@example.org", "age": 20 + n}}})
            for n in range(6)
        ]
        password = ("settings", {**profile, "method": "password", "values": {"password": "another horse battery"}})
        logins = [("sign_in", login("ada"))] * 6
        results = await at_once(both, [*changes[:3], *logins], [*changes[3:], *logins])
        assert states(results) == ["completed"] * 18
        log = await audit(engine)
        assert len(log.of("TraitsChanged")) == 6
        assert len(log.of("SessionOpened")) == 13
        results = await at_once(both, [password, changes[0]], [changes[1]])
        assert states(results) == ["completed"] * 3
        values = {"identifier": "ada@example.org", "password": "another horse battery"}
        assert states(await both[1].tell([("sign_in", values)], 0)) == ["completed"]


async def test_a_login_with_a_password_that_is_being_replaced_does_not_outlive_it(tmp_path: Path) -> None:
    """Its verdict was about the old one: it is not taken again on the new one, the user is asked again instead."""
    config = configuration(
        {
            "registration.after": [{"hook": "session"}],
            "settings.after.password": [{"hook": "revoke_active_sessions"}],
        }
    )
    url = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_engine(config, url, settings={}) as engine, reader(config, url) as other:
        (ada,) = await together(engine, [("register", who("ada"))])
        flow = await engine.start("login")
        settings = {"session_token": ada["token"], "method": "password"}
        settings["values"] = {"password": "another horse battery"}
        overtake(engine, other, ("settings", settings))
        submit = ("submit", {"flow_id": str(flow.id), "method": "password", "values": login("ada")})
        assert states(await together(engine, [submit])) == ["FlowBusy"]
        (again,) = await together(engine, [submit])
        assert (again["state"], again["messages"]) == ("choose_method", [4000006])
        assert len((await audit(engine)).of("SessionIssued")) == 1


async def test_a_change_that_is_taken_again_keeps_what_others_did_meanwhile(tmp_path: Path) -> None:
    config = configuration({"registration.after": [{"hook": "session"}]})
    url, courier = f"sqlite:///{tmp_path / 'limen.db'}", MemoryCourier()
    async with open_engine(config, url, settings={}, courier=courier) as engine, reader(config, url) as other:
        (ada,) = await together(engine, [("register", who("ada"))])
        verification = (await audit(engine)).of("FlowOpenedChallenged")[0].originator_id
        code = {"flow_id": str(verification), "method": "code", "values": {"code": courier.messages[-1].code}}
        values = {"traits": {"email": "ada@example.org", "age": 36}}
        change = {"session_token": ada["token"], "method": "profile", "values": values}
        settings = await engine.start("settings", session_token=ada["token"])
        overtake(engine, other, ("submit", code))
        assert states(await together(engine, [("submit", {"flow_id": str(settings.id), **change})])) == ["completed"]
        session = await engine.session(ada["token"])
        assert session is not None
        assert session.identity.traits["age"] == 36
        assert [address.status for address in session.identity.verifiable_addresses] == ["completed"]
        await audit(engine)


@pytest.mark.parametrize("kind", ["login", "recovery", "verification"])
async def test_a_code_counts_no_more_once_its_address_was_given_up(kind: str) -> None:
    """Whoever has got hold of the old mailbox must not get into the account by what was sent there."""
    async with open_house({"registration.after": [{"hook": "session"}]}) as house:
        ada = await house.register()
        asked = await house.ask_code(kind)
        code = house.code
        settings = await house.start("settings", session_token=ada.session_token)
        values = {"traits": {"email": "ada@elsewhere.example"}}
        await house.engine.submit(settings.id, method="profile", values=values, session_token=ada.session_token)
        assert (await house.give_code(asked, code)).state == "sent_email"
        await house.register(password="somebody else's pass phrase")
        assert (await house.give_code(asked, code)).state == "sent_email"


def overtake(engine: Engine, other: Engine, call: Call) -> None:
    """The engine's next append comes a moment late: another one has made a call before it."""
    store = engine.streams.store
    append = store.append

    async def late(step: Any) -> None:
        store.append = append  # type: ignore[method-assign]
        assert states(await together(other, [call])) == ["completed"]
        await append(step)

    store.append = late  # type: ignore[method-assign]


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


@asynccontextmanager
async def reader(config: dict[str, Any], url: str) -> AsyncIterator[Engine]:
    async with open_engine(config, url, settings={}, worker=False, courier=MemoryCourier()) as engine:
        await engine.current()
        yield engine


async def until(happened: Any) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - what happens, happens in another process
            await asyncio.sleep(0.01)
