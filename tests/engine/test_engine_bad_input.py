"""Bad input: a clear error, and nothing appended that did not happen."""

from typing import Any

import pytest

from limen.domain import FlowView, LimenError, Request, SubmissionInvalid
from tests.support.engine import ADA, PASSWORD, House, hook, open_house, shown


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"x": value}
    return value


BAD = {
    "no object": [1, 2],
    "text": "identifier=x",
    "nothing": None,
    "10 MB": {"password": "x" * 10 * 2**20},
    "many keys": {f"k{n}": n for n in range(200_000)},
    "deep": {"traits": deep(200)},
    "very deep": deep(100_000),
    "deep list": {"traits": [[[[deep(40)]]]]},
    "NUL": {"traits": {"email": "a\x00@example.org"}},
    "NUL in a key": {"a\x00": 1},
    "half a surrogate pair": {"identifier": "\ud800"},
    "half a surrogate pair in a key": {"\udfff": 1},
    "bytes": {"password": b"x"},
    "a set": {"traits": {1, 2}},
    "an object of its own": {"traits": object()},
    "NaN": {"traits": {"age": float("nan")}},
    "infinity": {"traits": {"age": float("inf")}},
    "a number as key": {1: 2},
    "a number without end": {"traits": {"age": 10**400}},
}


@pytest.mark.parametrize("values", BAD.values(), ids=BAD)
@pytest.mark.parametrize("kind", ["login", "registration"])
async def test_values_that_cannot_be_read_are_refused_and_nothing_is_appended(kind: str, values: Any) -> None:
    async with open_house({f"{kind}.after": [hook("/after")]}) as house:
        flow = await house.start(kind)
        before = house.size
        payloads: list[dict[str, Any]] = [{"values": values}, {"values": {}, "transient_payload": values or [1]}]
        for payload in payloads:
            with pytest.raises(SubmissionInvalid) as refused:
                await house.engine.submit(flow.id, method="password", **payload)
            assert len(str(refused.value)) < 500
        assert house.size == before
        assert house.called() == []
        await usable(house, flow)


async def usable(house: House, flow: FlowView) -> None:
    values = {"identifier": ADA, "traits": {"email": ADA}, "password": PASSWORD}
    outcome = await house.engine.submit(flow.id, method="password", values=values)
    assert outcome.completed or shown(outcome) == {None: [4000006]}


WRONG_TYPES: list[dict[str, Any]] = [
    {"identifier": 5, "password": 7, "traits": 5},
    {"identifier": {}, "password": [], "traits": []},
    {"identifier": ["a"], "password": {"x": 1}, "traits": "email"},
    {"identifier": True, "password": True, "traits": {"email": {"x": 1}}},
    {"identifier": None, "password": None, "traits": None},
    {"identifier": "x" * 100_000, "password": "x" * 100_000, "traits": {"email": "x" * 100_000}},
    {"identifier": "a@b", "password": "​", "traits": {"email": ADA, "unknown": 1}},
    {"code": 5, "email": 5, "resend": 5, "traits": {"email": ADA, "age": 1e308, "newsletter": 1}},
    {"code": {"x": 1}, "email": ["x"], "resend": {}, "traits": {"email": ADA, "age": -1e308}},
]


@pytest.mark.parametrize("method", ["password", "code"])
@pytest.mark.parametrize("kind", ["login", "registration", "recovery", "verification", "settings"])
async def test_wrong_types_are_answered_on_the_form(kind: str, method: str) -> None:
    async with open_house({f"{kind}.after": [hook("/after")]}) as house:
        token = None
        if kind == "settings":
            await house.register()
            token = (await house.sign_in()).session_token
        for values in WRONG_TYPES:
            flow = await house.start(kind, session_token=token)
            outcome = await house.engine.submit(flow.id, method=method, values=values, session_token=token)
            assert not outcome.completed, values
            assert outcome.flow.messages, values
            await house.engine.flow(flow.id)
        assert house.called() == []


@pytest.mark.parametrize("kind", ["login", "registration", "recovery", "verification"])
async def test_wrong_types_while_a_code_is_awaited(kind: str) -> None:
    async with open_house() as house:
        if kind != "registration":
            await house.register()
        for values in WRONG_TYPES:
            flow = await house.ask_code(kind, ADA)
            outcome = await house.engine.submit(flow.id, method="code", values=values)
            assert not outcome.completed, values
            assert outcome.flow.messages, values
        flow = await house.ask_code(kind, ADA)
        assert (await house.give_code(flow)).completed


@pytest.mark.parametrize("method", [5, 1.5, [], ["password"], {"password": 1}, "\ud800", "x" * 10**6, b"password"])
async def test_a_method_that_is_no_name_is_no_method(method: Any) -> None:
    async with open_house() as house:
        flow = await house.start("login")
        assert shown(await house.engine.submit(flow.id, method=method, values={})) == {None: [4010002]}
        await usable(house, flow)


REQUESTS = {
    "NUL in the URL": Request(url="http://127.0.0.1/\x00"),
    "half a surrogate pair in the URL": Request(url="http://127.0.0.1/\ud800"),
    "no URL at all": Request(url="http://[broken"),
    "half a surrogate pair in a header": Request(headers=[("User-Agent", "\udc80")]),
    "half a surrogate pair in a cookie": Request(cookies={"a": "\udc80"}),
    "10 MB of headers": Request(headers=[("User-Agent", "x" * 10 * 2**20)]),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_a_request_that_cannot_be_recorded_is_refused(request_: Request) -> None:
    async with open_house({"login.before": [hook("/before")]}) as house:
        flow = await house.start("login")
        before = house.size
        with pytest.raises(SubmissionInvalid, match="/request"):
            await house.engine.start("login", request=request_)
        with pytest.raises(SubmissionInvalid, match="/request"):
            await house.engine.submit(flow.id, method="password", values={}, request=request_)
        assert house.size == before


@pytest.mark.parametrize(
    "token", ["", "x", "ory_st_", "ory_st_" + "A" * 54, "ory_st_" + "é" * 54, "\ud800", 5, b"x", None]
)
async def test_a_session_token_that_is_none_is_nobodys(token: Any) -> None:
    async with open_house() as house:
        assert await house.engine.session(token) is None
        assert await house.engine.logout(token) is False
        with pytest.raises(LimenError):
            await house.engine.start("settings", session_token=token)


@pytest.mark.parametrize("payload", [[1], "x", 5, {"a": "\ud800"}, {"a": float("nan")}])
async def test_a_transient_payload_of_the_start_is_an_object_too(payload: Any) -> None:
    async with open_house() as house:
        await house.start("login")
        before = house.size
        with pytest.raises(SubmissionInvalid, match="/transient_payload"):
            await house.engine.start("login", transient_payload=payload)
        assert house.size == before


async def test_a_number_without_end_in_a_form_is_answered_on_its_field() -> None:
    async with open_house() as house:
        flow = await house.start("registration")
        values = {"traits.email": ADA, "traits.age": "9" * 400, "password": PASSWORD}
        outcome = await house.engine.submit(flow.id, method="password", values=values)
        assert shown(outcome) == {"traits.age": [4000026]}


async def test_refusals_keep_no_password() -> None:
    async with open_house() as house:
        flow = await house.start("registration")
        values = {"traits": {"email": "no address"}, "password": "hush hush hush", "unknown": "secret"}
        outcome = await house.engine.submit(flow.id, method="password", values=values)
        assert "hush" not in str(outcome.flow.body.plain())
        fields = {node.attributes.name: node.attributes.value for node in outcome.flow.ui.nodes}
        assert fields["traits.email"] == "no address"
        assert fields["password"] is None
