"""What is said in OCSF is valid there, and says who signed in, who did not, and why."""

import asyncio
import io
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import pytest

from limen.adapters.export import export
from limen.adapters.export.authentication import CLASS_UID, LEFT_OUT, METHODS, ROWS
from limen.adapters.log import open_log
from limen.adapters.sink import Reply
from limen.domain.errors import ActionFailed, FlowRejected
from limen.domain.events import EVENT_TYPES
from tests.adapters.test_export import ADDRESS, AGENT, BROWSER, NAME, WORDS, disclose, live
from tests.engine_robust.life import found
from tests.support.cli import ROOT
from tests.support.engine import ADA, PASSWORD, messages, open_house, parse, quick

SCHEMA = json.loads(Path(__file__).with_name("ocsf_authentication.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)


def told(url: str) -> list[dict[str, Any]]:
    """The export of a store, each line valid."""
    stream = io.BytesIO()
    export(url, stream, format="ocsf")
    return checked(stream)


def checked(stream: io.BytesIO) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    for event in events:
        VALIDATOR.validate(event)
        assert event["type_uid"] == CLASS_UID * 100 + event["activity_id"]
    return events


def gist(event: dict[str, Any]) -> tuple[str, str, str | None, str]:
    return event["activity_name"], event["status"], event.get("status_detail"), event["unmapped"].get("flow", "")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'limen.db'}"


def test_the_fixture_finds_what_is_not_ocsf() -> None:
    assert not VALIDATOR.is_valid({})
    assert SCHEMA["properties"]["class_uid"] == {"const": CLASS_UID}


def test_every_event_is_told_or_left_out_on_purpose() -> None:
    own = {
        name: kind
        for name, kind in EVENT_TYPES.items()
        if kind.__module__.startswith("limen.domain.") and not kind.__subclasses__()
    }
    types = [row.type for row in ROWS]
    assert len(types) == len(set(types))
    assert set(types) | LEFT_OUT.keys() == set(own)
    assert not set(types) & LEFT_OUT.keys()
    assert all(LEFT_OUT.values())


def test_factors_and_protocols_are_those_of_the_schema() -> None:
    protocols = SCHEMA["properties"]["auth_protocol_id"]["enum"]
    factors = SCHEMA["properties"]["auth_factors"]["items"]["properties"]["factor_type_id"]["enum"]
    assert {one.protocol for one in METHODS.values()} <= set(protocols)
    assert {one.factor for one in METHODS.values()} <= set(factors)


async def test_a_life_is_told_as_authentications(url: str) -> None:
    person = str(await live(url))
    events = told(url)
    assert [gist(event) for event in events] == [
        ("Logon", "Success", None, "registration"),
        ("Logon", "Failure", "credentials", "login"),
        ("Logon", "Success", None, "login"),
        ("Preauth", "Unknown", None, "recovery"),
        ("Logon", "Success", None, "recovery"),
        ("Logoff", "Success", "logout", ""),
    ]
    registered, refused, signed, asked, recovered, ended = events
    assert registered["user"] == signed["user"] == recovered["user"] == ended["user"] == {"uid": person, "type_id": 1}
    assert refused["user"] == asked["user"] == {"uid": person, "type_id": 1}, "the account that was meant"
    assert ended["session"]["uid"] == signed["session"]["uid"] != registered["session"]["uid"]
    assert signed["auth_factors"] == [{"factor_type_id": 11, "factor_type": "Password"}]
    assert (recovered["auth_protocol_id"], recovered["auth_protocol"]) == (99, "code_recovery")
    assert signed["is_mfa"] is False
    assert found(json.dumps(events).encode(), WORDS) == []


async def test_each_names_the_event_it_is_of(url: str) -> None:
    await live(url)
    with open_log(url) as log:
        known = {f"{entry.stream}:{entry.version}": entry for entry in log.events()}
    events = told(url)
    for event in events:
        entry = known[event["metadata"]["uid"]]
        assert (event["metadata"]["sequence"], event["metadata"]["event_code"]) == (entry.position, entry.type)
        at = datetime.fromisoformat(event["metadata"]["original_time"])
        assert at == entry.time
        assert datetime.fromtimestamp(event["time"] / 1000, UTC) == at.replace(
            microsecond=at.microsecond // 1000 * 1000
        )
    assert told(url) == events, "again, the same"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {event["metadata"]["product"]["version"] for event in events} == {version}


async def test_personal_data_is_told_with_the_keys_alone(url: str) -> None:
    person = str(await live(url))
    stream = io.BytesIO()
    await asyncio.to_thread(disclose, url, stream, format="ocsf")
    registered, refused, signed, asked, recovered, ended = checked(stream)
    ada = {"uid": person, "type_id": 1, "name": ADA, "email_addr": ADA, "full_name": NAME}
    for event in (registered, signed, recovered, ended):
        assert event["user"] == event["actor"]["user"] == ada
    assert refused["user"] == asked["user"] == ada, "the account that was meant"
    assert "actor" not in refused | asked, "nobody knows who tried"
    for event in (registered, refused, signed, asked, recovered):
        assert event["src_endpoint"] == {"ip": ADDRESS}
        assert event["http_request"] == {"user_agent": AGENT}
    assert "src_endpoint" not in ended


async def test_where_an_export_begins_does_not_change_what_it_says(url: str) -> None:
    await live(url)
    whole = io.BytesIO()
    await asyncio.to_thread(disclose, url, whole, format="ocsf")
    lines = whole.getvalue().splitlines(keepends=True)
    for count, line in enumerate(lines[:-1], 1):
        rest = io.BytesIO()
        position = json.loads(line)["metadata"]["sequence"]
        await asyncio.to_thread(disclose, url, rest, format="ocsf", after=position)
        assert rest.getvalue() == b"".join(lines[count:])


async def test_actions_that_say_no_are_failures(url: str) -> None:
    hooks = {"login.before": [parse("/before")], "login.after": [parse("/after", id="risk")]}
    async with open_house(hooks, store=url, settings=quick("risk")) as house:
        registered = await house.register()
        person = str(registered.flow.identity_id)
        house.sink.script("/after", [messages(("#/", 1, "no")), *[Reply(500)] * 3, Reply(204)])
        assert (await house.sign_in()).state == "choose_method"
        with pytest.raises(ActionFailed):
            await house.sign_in()
        house.sink.script("/before", [messages(("#/", 1, "no")), Reply(204)])
        with pytest.raises(FlowRejected):
            await house.start("login")
        flow = await house.ask_code("recovery")
        for _ in range(6):
            await house.give_code(flow, "000000")
        signed = await house.sign_in()
        again = await house.start("login", refresh=True, session_token=signed.session_token)
        for password in ("not the pass phrase", PASSWORD):
            values = {"identifier": ADA, "password": password}
            await house.engine.submit(
                again.id, method="password", values=values, session_token=signed.session_token, request=BROWSER
            )
        await house.engine.erase(UUID(person))
    events = told(url)
    seen = [gist(event)[:3] for event in events]
    assert seen == [
        ("Logon", "Failure", "interrupted"),
        ("Logon", "Failure", "action_failed"),
        ("Logon", "Failure", "rejected"),
        ("Preauth", "Unknown", None),
        *[("Logon", "Failure", "wrong_code")] * 5,
        ("Logon", "Failure", "too_many_codes"),
        ("Logon", "Success", None),
        ("Logon", "Failure", "credentials"),
        ("Logon", "Success", "refresh"),
        ("Logoff", "Success", "erased"),
    ]
    interrupted, released, rejected, *_, wrong, refreshed, _ = events
    assert (interrupted["unmapped"]["action"], interrupted["user"]["uid"]) == ("risk", person)
    assert released["user"]["uid"] == person
    assert rejected["user"] == {"name": "Unknown", "type_id": 0}
    assert rejected["auth_protocol_id"] == 0
    assert wrong["user"]["uid"] == refreshed["user"]["uid"] == person, "it is known who was to authenticate again"
    assert next(one for one in events if one.get("status_detail") == "too_many_codes")["severity"] == "Medium"


async def test_a_refusal_is_not_told_of_who_was_accepted_before(url: str) -> None:
    """A flow that an action interrupted after one person's login, and in which another password is then tried."""
    hooks = {"login.after": [parse("/after")]}
    async with open_house(hooks, store=url) as house:
        await house.register()
        house.sink.script("/after", [messages(("#/", 1, "no"))])
        flow = await house.start("login")
        await house.engine.submit(flow.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        other = {"identifier": f"{uuid4()}@example.org", "password": "some words"}
        await house.engine.submit(flow.id, method="password", values=other)
    interrupted, refused = told(url)
    assert "uid" in interrupted["user"]
    assert refused["user"] == {"name": "Unknown", "type_id": 0}
