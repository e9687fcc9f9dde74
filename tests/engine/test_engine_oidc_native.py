"""Native apps: a browser is away for them, and they exchange two codes for the session; or they bring an ID token."""

import re
from typing import Any

import pytest

from limen.domain import FlowView, Outcome
from limen.domain.errors import RequestRefused
from tests.support.engine import ADA, PASSWORD, UI, JsonDict, messages, parse, shown
from tests.support.provider import AFTER, Abroad, abroad, methods_of, query

ASKED = {"query": {"return_session_token_exchange_code": "true"}, "return_to": AFTER}


async def begin(there: Abroad, kind: str = "login") -> tuple[FlowView, str]:
    """A flow of an app, and its first code."""
    flow = await there.house.start(kind, **ASKED)
    return flow, str(flow.body.session_token_exchange_code)


def without_code(outcome: Outcome) -> str:
    """Where the app is sent, but for the code, which is another each time."""
    return re.sub(r"&code=[\w-]{64}", "", outcome.redirect_browser_to or "")


@pytest.mark.parametrize(("kind", "known"), [("registration", False), ("login", True), ("login", False)])
async def test_two_codes_are_exchanged_for_the_session(kind: str, known: bool) -> None:
    async with abroad() as there:
        if known:
            await there.register()
        flow, code = await begin(there, kind)
        assert "session_token_exchange_code" not in (await there.house.engine.flow(flow.id)).body
        outcome = await there.go(kind, flow=flow)
        assert (outcome.completed, outcome.session_token) == (True, None)
        assert outcome.redirect_browser_to == f"{AFTER}?code={outcome.return_code}"
        got = await there.house.engine.exchange(code, query(outcome.redirect_browser_to)["code"])
        assert outcome.session is not None
        assert got.session.id == outcome.session.id
        session = await there.house.engine.session(got.session_token)
        assert session is not None
        assert [one.provider for one in session.authentication_methods] == ["idp"]


async def test_an_app_that_confirms_who_it_is_exchanges_codes_as_well() -> None:
    async with abroad() as there:
        token = (await there.register()).session_token
        flow = await there.house.start("login", session_token=token, refresh=True, **ASKED)
        away = await there.house.engine.submit(flow.id, method="oidc", values={"provider": "idp"}, session_token=token)
        outcome = await there.back(flow, await there.visit(away.redirect_browser_to or ""))
        got = await there.house.engine.exchange(flow.body.session_token_exchange_code, outcome.return_code)
        assert await there.house.engine.session(got.session_token) is not None


@pytest.mark.parametrize(
    ("type_", "entered", "beside"),
    [("browser", {}, {"name": {}}), ("api", {}, {}), ("api", {"traits": {"age": 36}}, {"name": {}, "age": 36})],
)
async def test_what_an_app_did_not_fill_in_is_not_there(type_: str, entered: JsonDict, beside: JsonDict) -> None:
    """Kratos adds empty objects to what a form sends, and to nothing that a provider says to an app."""
    async with abroad() as there:
        there.idp.people["s-kim"] = {"email": "kim@example.org"}
        there.idp.visitor = "s-kim"
        outcome = await there.go("registration", type=type_, values={"provider": "idp", **entered})
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == {"email": "kim@example.org", **beside}
        again = await there.go("login", type=type_)
        assert again.identity is not None
        assert again.identity.traits == outcome.identity.traits


async def test_the_codes_count_once_and_only_together() -> None:
    async with abroad() as there:
        flow, code = await begin(there, "registration")
        outcome = await there.go("registration", flow=flow)
        (_, other), back = await begin(there), outcome.return_code
        for first, second in ((code, "wrong"), ("wrong", back), (other, back), (code, code), (back, code)):
            await refused(there, first, second, "token_exchange_not_found")
        for first, second in ((None, back), (code, None), ("", "")):
            await refused(there, first, second, "token_exchange_codes_missing")
        assert (await there.house.engine.exchange(code, back)).session_token
        await refused(there, code, back, "token_exchange_not_found")
        assert len(there.house.log("SessionHandedOver")) == 1


async def test_the_codes_do_not_last() -> None:
    async with abroad() as there:
        flow, code = await begin(there, "registration")
        outcome = await there.go("registration", flow=flow)
        there.house.clock.advance(601)
        await refused(there, code, outcome.return_code, "token_exchange_not_found")


async def test_a_session_that_is_over_is_not_handed_over() -> None:
    async with abroad() as there:
        flow, code = await begin(there, "registration")
        outcome = await there.go("registration", flow=flow)
        assert outcome.identity is not None
        await there.house.engine.erase(outcome.identity.id)
        await refused(there, code, outcome.return_code, "token_exchange_not_found")


async def refused(there: Abroad, first: str | None, second: str | None, id_: str) -> None:
    with pytest.raises(RequestRefused) as told:
        await there.house.engine.exchange(first, second)
    assert told.value.id == id_


async def test_what_goes_wrong_reaches_the_app() -> None:
    async with abroad({"login.after": [parse("/no")]}) as there:
        await there.register()
        flow, _ = await begin(there)
        there.idp.error = "access_denied"
        away = await there.go("login", flow=flow)
        assert without_code(away) == f"{AFTER}?flow={flow.id}&error=4000001"
        there.house.sink.script("/no", messages(("#/", 77, "no")))
        away = await there.go("login", flow=flow)
        assert without_code(away) == f"{AFTER}?flow={flow.id}&error=77"


@pytest.mark.parametrize(("asked", "at"), [({"query": ASKED["query"]}, f"{UI}/welcome"), ({}, None)])
async def test_an_app_that_says_nowhere_gets_its_code_where_browsers_go_by_default(
    asked: JsonDict, at: str | None
) -> None:
    async with abroad() as there:
        outcome = await there.go("registration", flow=await there.house.start("registration", **asked))
        assert outcome.completed
        assert outcome.redirect_browser_to == (at and f"{at}?code={outcome.return_code}")
        there.idp.error = "access_denied"
        flow = await there.house.start("login", **asked)
        assert without_code(await there.go("login", flow=flow)) == (f"{at}?flow={flow.id}&error=4000001" if at else "")


async def test_an_app_fills_in_what_is_left_open_and_has_its_session_at_once() -> None:
    async with abroad() as there:
        there.idp.visitor = "s-fay"
        flow, _ = await begin(there, "registration")
        open_ = await there.go("registration", flow=flow)
        brought = query(open_.redirect_browser_to or "")
        assert (open_.redirect_browser_to or "").startswith(f"{AFTER}?flow={flow.id}&code=")
        assert brought["error"] == "4000002"
        values = {"provider": "idp", "traits": {"email": "fay@example.org"}, "code": brought["code"]}
        done = await there.house.engine.submit(flow.id, method="oidc", values=values)
        assert await there.house.engine.session(done.session_token) is not None


async def test_an_app_proves_the_account_that_has_the_address() -> None:
    async with abroad() as there:
        await there.house.register(ADA)
        flow, _ = await begin(there, "registration")
        asked = await there.go("registration", flow=flow)
        assert query(asked.redirect_browser_to or "")["flow"] == str(asked.flow.id)
        values = {"identifier": ADA, "password": PASSWORD}
        done = await there.house.engine.submit(asked.flow.id, method="password", values=values)
        assert methods_of(done) == [("password", None), ("oidc", "idp")]
        assert await there.house.engine.session(done.session_token) is not None


async def test_browsers_are_shown_no_code() -> None:
    async with abroad() as there:
        flow = await there.house.start("login", type="browser", **ASKED)
        assert "session_token_exchange_code" not in flow.body
        outcome = await there.go("login", flow=flow)
        assert (outcome.return_code, bool(outcome.session_token)) == (None, True)


# -- ID tokens that an app has already


async def bring(there: Abroad, kind: str = "login", **values: Any) -> Any:
    flow = await there.house.start(kind)
    return await there.house.engine.submit(flow.id, method="oidc", values={"provider": "idp", **values})


async def test_an_app_signs_up_and_in_with_an_id_token() -> None:
    async with abroad(provider={"additional_id_token_audiences": ["app"]}) as there:
        for kind in ("registration", "login"):
            there.idp.lies = {"aud": "app", "azp": "android"}
            token = there.idp.sign(there.idp.claims("s-ada", "of-the-app"))
            outcome = await bring(there, kind, id_token=token, id_token_nonce="of-the-app")
            assert (outcome.completed, outcome.flow.kind) == (True, kind)
            assert methods_of(outcome) == [("oidc", "idp")]
        assert there.visited == []


LIES: tuple[tuple[JsonDict, str | None], ...] = (
    ({"aud": "another"}, "n"),
    ({"aud": ["cid", "another"], "azp": "another"}, "n"),
    ({"nonce": None}, "n"),
    ({}, "m"),
    ({}, None),
    ({"exp": 1}, "n"),
    ({"iss": "https://elsewhere.example"}, "n"),
)


async def test_an_id_token_that_is_not_for_the_app_counts_for_nothing() -> None:
    async with abroad() as there:
        await there.register()
        for there.idp.lies, nonce in LIES:
            token = there.idp.sign(there.idp.claims("s-ada", "n"))
            outcome = await bring(there, id_token=token, **({"id_token_nonce": nonce} if nonce else {}))
            assert (outcome.state, shown(outcome)) == ("choose_method", {None: [4000001]}), there.idp.lies


async def test_a_browser_brings_no_id_token() -> None:
    async with abroad() as there:
        await there.register()
        flow = await there.house.start("login", type="browser")
        token = there.idp.sign(there.idp.claims("s-ada", None))
        away = await there.house.engine.submit(flow.id, method="oidc", values={"provider": "idp", "id_token": token})
        assert away.error == "browser_location_change_required"
