"""Taking over an account through a provider: by the id of an app's flow, by an address, by one factor of two."""

from typing import Any

from limen.adapters.sink import Reply
from limen.domain import Outcome
from tests.support.engine import ADA, PASSWORD, House, messages, parse
from tests.support.factors import FACTORS, link_totp
from tests.support.provider import AFTER, abroad, methods_of, query

APP: dict[str, Any] = {"return_to": AFTER, "query": {"return_session_token_exchange_code": "true"}}


async def take(house: House, flow: Any, **values: Any) -> Outcome:
    """Submits what a provider has said in a flow."""
    return await house.engine.submit(flow.id, method="oidc", values=values)


async def test_what_a_provider_said_is_for_the_app_whose_browser_came_back() -> None:
    """Whoever began the flow knows its id; only who went to the provider was given the code."""
    async with abroad({"login.after.oidc": [parse("/gate")]}) as there:
        await there.register()
        flow, url = await there.leave("login", **APP)
        there.house.sink.script("/gate", [messages(("#/", 77, "not yet")), Reply(204)])
        stopped = await there.back(flow, await there.visit(url))
        brought = query(stopped.redirect_browser_to or "")
        assert (stopped.session_token, brought["error"]) == (None, "77")
        for wrong in ({}, {"code": ""}, {"code": brought["code"][:-1] + "A"}):
            refused = await take(there.house, flow, **wrong)
            assert (refused.state, refused.session_token) == ("choose_method", None)
        assert (await take(there.house, flow, code=brought["code"])).completed


async def test_nobody_fills_in_an_address_of_their_own_for_somebody_else_s_account() -> None:
    async with abroad() as there:
        there.idp.visitor = "s-fay"
        flow, url = await there.leave("registration", **APP)
        asked = await there.back(flow, await there.visit(url))
        assert "Fay" not in str((await there.house.engine.flow(flow.id)).body.plain()), "what was said is not shown"
        mine = {"provider": "idp", "traits": {"email": "eve@example.org"}}
        assert (await take(there.house, flow, **mine)).error == "browser_location_change_required", (
            "a trip of their own"
        )
        assert asked.session_token is None


async def test_one_factor_links_no_provider_to_an_account_that_has_two() -> None:
    async with abroad(methods=FACTORS) as there:
        house = there.house
        await house.register()
        await link_totp(house, (await house.sign_in()).session_token)
        there.idp.visitor, there.idp.lies = "s-bob", {"email": ADA, "email_verified": False}
        asked = await there.go("registration")
        values = {"identifier": ADA, "password": PASSWORD}
        proven = await house.engine.submit(asked.flow.id, method="password", values=values)
        assert (proven.state, proven.session_token) == ("choose_method", None)
        assert [message.id for message in proven.flow.messages] == [4000001]
        assert (await house.sign_in()).completed, "in a login of its own"
        there.idp.lies = {}
        assert (await there.go("login")).flow.kind == "registration", "nothing was linked"


async def test_the_word_of_a_provider_links_nothing_to_an_account_that_has_two_factors() -> None:
    async with abroad(methods=FACTORS, provider={"account_linking_mode": "automatic"}) as there:
        house = there.house
        await house.register()
        await house.verify()
        await link_totp(house, (await house.sign_in()).session_token)
        asked = await there.go("registration")
        assert (asked.flow.kind, asked.state, asked.session_token) == ("login", "choose_method", None)


async def test_the_word_of_a_provider_counts_for_who_has_the_address_when_the_login_has_begun() -> None:
    hooks = {"login.before": [parse("/before")]}
    async with abroad(hooks, provider={"account_linking_mode": "automatic"}) as there:
        house = there.house
        await house.register()
        await house.verify()
        linked = await there.go("registration")
        assert (linked.completed, methods_of(linked)) == (True, [("oidc", "idp")])


async def test_a_native_id_token_answers_the_app_that_asked() -> None:
    async with abroad() as there:
        await there.register()
        told = there.idp.claims("s-ada", None)
        flow = await there.house.start("login")
        values = {"provider": "idp", "id_token": there.idp.sign(told)}
        refused = await there.house.engine.submit(flow.id, method="oidc", values=values)
        assert (refused.state, refused.session_token) == ("choose_method", None)
        values["id_token"] = there.idp.sign({**told, "nonce_supported": False})
        assert (await there.house.engine.submit(flow.id, method="oidc", values=values)).completed


async def test_an_old_id_token_refreshes_no_session() -> None:
    async with abroad() as there:
        await there.register()
        token = there.idp.sign(there.idp.claims("s-ada", "n-1") | {"exp": 2_000_000_000})
        values = {"provider": "idp", "id_token": token, "id_token_nonce": "n-1"}
        flow = await there.house.start("login")
        session = (await there.house.engine.submit(flow.id, method="oidc", values=values)).session_token
        there.house.clock.advance(1800)
        again = await there.house.start("login", refresh=True, session_token=session)
        submit = there.house.engine.submit
        refused = await submit(again.id, method="oidc", values=values, session_token=session)
        assert refused.state == "choose_method"
