"""Two change one person at once, in one process and in two: neither undoes unseen what the other did."""

from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_engine
from limen.domain.engine import Engine
from limen.domain.testing import MemoryCourier
from tests.engine_robust.audit import audit
from tests.engine_robust.meeting import login, overtake, peers, reader, states, who
from tests.engine_robust.peer import Call, Result, at_once, together
from tests.support.addresses import NEW, own_backup
from tests.support.engine import ADA, configuration, open_house


async def test_settings_and_logins_of_one_identity_at_once_lose_nothing(url: str, tmp_path: Path) -> None:
    """A change that is said to be made is made, whole; whoever would have undone it unseen submits it again."""
    config = configuration({"registration.after": [{"hook": "session"}]}, identity=own_backup())
    wanted: list[dict[str, Any]] = [
        {"age": 20 + n} if n % 2 else {"backup": f"backup{n}@example.org", "age": 20 + n} for n in range(6)
    ]
    async with peers(2, config, url, tmp_path) as both, reader(config, url) as engine:
        (ada,) = await both[0].tell([("register", who("ada"))], 0)
        mine = {"session_token": ada["token"]}
        changes = [changed(mine, **traits) for traits in wanted]
        logins = [("sign_in", login("ada"))] * 6
        results = await at_once(both, [*changes[:3], *logins], [*changes[3:], *logins])
        assert states(results[3:9] + results[12:]) == ["completed"] * 12, "no login waits for a change"
        told = [states([one])[0] for one in results[:3] + results[9:12]]
        made = [traits for traits, state in zip(wanted, told, strict=True) if state == "completed"]
        again = [traits for traits, state in zip(wanted, told, strict=True) if state == "FlowOvertaken"]
        assert (len(made) + len(again), bool(made)) == (6, True), told
        log = await audit(engine)
        assert (len(log.of("TraitsChanged")), len(log.of("SessionOpened"))) == (len(made), 13)
        assert await traits_of(engine, ada) in [{"email": ADA, **traits} for traits in made]
        for traits in again:
            assert states(await both[1].tell([changed(mine, **traits)], 0)) == ["completed"]
            assert await traits_of(engine, ada) == {"email": ADA, **traits}
        password = ("settings", {**mine, "method": "password", "values": {"password": "another horse battery"}})
        results = await at_once(both, [password], [changed(mine, age=50)])
        assert states(results) == ["completed"] * 2, "one is not in the other's way"
        assert await traits_of(engine, ada) == {"email": ADA, "age": 50}
        values = {"identifier": ADA, "password": "another horse battery"}
        assert states(await both[1].tell([("sign_in", values)], 0)) == ["completed"]
        await audit(engine)


@pytest.mark.parametrize(("first", "second"), [("email", "age"), ("age", "email"), ("age", "newsletter")])
async def test_of_two_changes_of_traits_in_two_processes_the_later_is_submitted_again(
    first: str, second: str, url: str
) -> None:
    """Else the traits would be those of one, and the addresses those of the other."""
    parts: dict[str, dict[str, Any]] = {"email": {"email": NEW}, "age": {"age": 36}, "newsletter": {"newsletter": True}}
    config = configuration({"registration.after": [{"hook": "session"}]})
    async with reader(config, url) as engine, reader(config, url) as other:
        (ada,) = await together(engine, [("register", who("ada"))])
        mine = {"session_token": ada["token"]}
        flow = {"flow_id": str((await engine.start("settings", **mine)).id)}
        overtake(engine, other, changed(mine, **parts[first]))
        assert states(await together(engine, [changed({**mine, **flow}, **parts[second])])) == ["FlowOvertaken"]
        now = {"email": ADA, **parts[first]}
        assert await traits_of(engine, ada) == now
        await audit(engine)
        both = {**now, **parts[second]}
        assert states(await together(engine, [changed({**mine, **flow}, **both)])) == ["completed"]
        assert await traits_of(engine, ada) == both
        await audit(engine)


def changed(mine: dict[str, Any], **traits: Any) -> Call:
    """A change of one's profile, in the settings that `mine` names or in new ones."""
    name = "submit" if "flow_id" in mine else "settings"
    return (name, {**mine, "method": "profile", "values": {"traits": {"email": ADA, **traits}}})


async def traits_of(engine: Engine, person: Result) -> dict[str, Any]:
    """The traits of who was registered, as they are now."""
    session = await engine.session(person["token"])
    assert session is not None
    return {name: value for name, value in session.identity.traits.plain().items() if value != {}}


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
        assert states(await together(engine, [submit])) == ["FlowOvertaken"]
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
