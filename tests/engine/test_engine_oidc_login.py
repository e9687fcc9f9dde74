"""Signing in through a provider."""

import json
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain.errors import RequestRefused
from tests.support.engine import ADA, House, JsonDict, hook, ignore, messages, parse, shown, uri
from tests.support.provider import CALLBACK, abroad, buttons, methods_of, query

SLOTS: dict[str, list[JsonDict]] = {
    f"{flow}.{place}": [parse(f"/{flow}/parse"), hook(f"/{flow}/plain"), ignore(f"/{flow}/ignore")]
    for flow in ("login", "registration")
    for place in ("after.oidc",)
} | {f"{flow}.before": [hook(f"/{flow}/before")] for flow in ("login", "registration")}


def called(house: House, since: int = 0) -> list[str]:
    """What was called, the deliveries left out: they come when they come."""
    return [path for path in house.called()[since:] if not path.endswith("/ignore")]


async def test_whoever_has_an_account_signs_in() -> None:
    async with abroad(SLOTS) as there:
        registered, since = await there.register(), len(there.house.sink.received)
        flow, url = await there.leave("login", values={"provider": "idp", "transient_payload": {"ref": "y1"}})
        outcome = await there.back(flow, await there.visit(url))
        assert (outcome.completed, methods_of(outcome)) == (True, [("oidc", "idp")])
        assert outcome.identity is not None
        assert registered.identity is not None
        assert outcome.identity.id == registered.identity.id
        assert await there.house.engine.session(outcome.session_token) is not None
        assert called(there.house, since) == ["/login/before", "/login/parse", "/login/plain"]
        ctx = there.house.sent("/login/parse")
        assert (ctx["request_method"], ctx["request_url"].partition("?")[0]) == ("GET", f"{CALLBACK}/idp")
        assert (ctx["flow"]["active"], ctx["flow"]["transient_payload"]) == ("oidc", {"ref": "y1"})
        assert [one["provider"] for one in ctx["session"]["authentication_methods"]] == ["idp"]


async def test_the_form_shows_a_button_for_each_provider_before_everything_else() -> None:
    async with abroad() as there:
        flow = await there.house.start("login")
        assert buttons(flow) == [("provider", "idp", 1010002), ("provider", "other", 1010002)]
        nodes = [(node.group, node.attributes.name) for node in flow.ui.nodes]
        assert nodes[:3] == [("oidc", "provider"), ("oidc", "provider"), ("default", "csrf_token")]
        assert flow.ui.nodes[0].meta.label.context.plain() == {"provider": "Example IdP", "provider_id": "idp"}
        assert flow.ui.nodes[1].meta.label.context.plain() == {"provider": "other", "provider_id": "other"}


async def test_a_login_of_somebody_unknown_becomes_a_registration_with_its_actions_alone() -> None:
    async with abroad(SLOTS) as there:
        flow, url = await there.leave("login", return_to="http://127.0.0.1:4455/after")
        outcome = await there.back(flow, await there.visit(url))
        assert (outcome.completed, outcome.flow.kind, methods_of(outcome)) == (True, "registration", [("oidc", "idp")])
        listed = ["/login/before", "/registration/before", "/registration/parse", "/registration/plain"]
        assert called(there.house) == listed
        assert (outcome.flow.id != flow.id, outcome.flow.return_to) == (True, flow.return_to)
        assert outcome.flow.request_url == flow.request_url, "what was asked for is still what it is about"
        left = there.house.log("FlowTurned")[0]
        assert (left.stream, left.body()["data"]["into"]) == (flow.id, str(outcome.flow.id))
        assert (await there.house.engine.flow(flow.id)).state == "turned"


async def test_no_registration_no_account() -> None:
    async with abroad(flows={"registration": {"enabled": False}}) as there:
        outcome = await there.go("login")
        assert (outcome.state, shown(outcome)) == ("choose_method", {None: [4000037]})


async def test_an_unknown_provider_is_told_and_nothing_is_appended() -> None:
    async with abroad() as there:
        flow = await there.house.start("login")
        size = there.house.size
        with pytest.raises(RequestRefused) as told:
            await there.house.engine.submit(flow.id, method="oidc", values={"provider": "nobody"})
        assert (told.value.id, there.house.size) == ("oidc_provider_not_found", size)


async def test_what_the_provider_refuses_is_told_on_the_flow_which_goes_on() -> None:
    async with abroad() as there:
        there.idp.error = "access_denied"
        flow, url = await there.leave("login")
        refused = await there.back(flow, await there.visit(url))
        assert (refused.state, shown(refused), refused.flow.id) == ("choose_method", {None: [4000001]}, flow.id)
        assert (await there.go("login", flow=flow)).completed


async def test_whoever_confirms_that_it_is_them_is_asked_at_the_provider_too_and_keeps_the_session() -> None:
    async with abroad() as there:
        first = await there.register()
        token = first.session_token
        flow = await there.house.start("login", refresh=True, session_token=token)
        assert buttons(flow) == [("provider", "idp", 1010002)], "those that are not theirs are no use"
        values = {"provider": "idp", "upstream_parameters": {"prompt": "none"}}
        again = await there.go("login", flow=flow, session_token=token, values=values)
        assert query(there.visited[-1])["prompt"] == "login"
        assert first.session is not None
        assert again.session is not None
        assert (again.session.id, again.session_token) == (first.session.id, token)
        assert methods_of(again) == [("oidc", "idp")] * 2


@pytest.mark.parametrize(("pkce", "sent"), [("auto", True), ("never", False), ("force", True)])
async def test_a_code_counts_for_who_asked_for_it(pkce: str, sent: bool) -> None:
    async with abroad(provider={"pkce": pkce}) as there:
        assert (await there.go("login")).completed
        asked = query(there.visited[-1])
        assert (asked.get("code_challenge_method") == "S256", "nonce" in asked) == (sent, True)


async def test_what_is_asked_of_the_provider() -> None:
    wanted = {"userinfo": {"email": {"essential": True}}}
    async with abroad(provider={"requested_claims": wanted, "scope": ["email", "profile"]}) as there:
        passed = {"login_hint": ADA, "hd": "example.org", "foo": "bar", "state": "mine", "auth_type": 7}
        flow, url = await there.leave("login", values={"provider": "idp", "upstream_parameters": passed})
        asked = query(url)
        assert url.startswith(f"{there.idp.issuer}/authorize?")
        assert asked["redirect_uri"] == f"{CALLBACK}/idp"
        assert (asked["scope"], asked["response_type"]) == ("openid email profile", "code")
        assert (asked["login_hint"], asked["hd"]) == (ADA, "example.org")
        assert json.loads(asked["claims"]) == wanted
        assert asked["state"].startswith(flow.id.hex)
        assert not {"foo", "auth_type"} & set(asked)


async def test_claims_may_come_from_userinfo_if_they_are_of_the_same_person() -> None:
    async with abroad(provider={"claims_source": "userinfo"}) as there:
        there.idp.told_instead = {"given_name": "Augusta"}
        outcome = await there.register()
        assert outcome.identity is not None
        assert outcome.identity.traits.name.first == "Augusta"
        there.idp.told_instead = {"sub": "s-bob"}
        assert shown(await there.go("login")) == {None: [4000001]}


@pytest.mark.parametrize(("mode", "name"), [("never", "Ada"), ("automatic", "Augusta")])
async def test_what_the_provider_says_anew_is_taken_over_where_that_is_wanted(mode: str, name: str) -> None:
    async with abroad(provider={"update_identity_on_login": mode}) as there:
        await there.register()
        there.idp.people["s-ada"] = {**there.idp.people["s-ada"], "given_name": "Augusta"}
        outcome = await there.go("login")
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == {"email": ADA, "name": {"first": name}}
        assert outcome.identity.verifiable_addresses[0].verified


async def test_an_update_never_moves_an_address() -> None:
    async with abroad(provider={"update_identity_on_login": "automatic"}) as there:
        await there.register()
        there.idp.people["s-ada"] = {**there.idp.people["s-ada"], "email": "bob@example.org"}
        outcome = await there.go("login")
        assert outcome.identity is not None
        assert (outcome.completed, outcome.identity.traits.email) == (True, ADA)


@pytest.mark.parametrize(
    "mapper",
    ["std.extVar('claims').nothing", "{}", "{ identity: { traits: 7 } }", "error 'no'", "local f(x) = f(x); f(1)"],
)
async def test_a_mapper_that_makes_nothing_of_it_is_a_refusal(mapper: str) -> None:
    async with abroad(provider={"mapper_url": uri(mapper)}) as there:
        refused = await there.go("login")
        assert (refused.state, shown(refused)) == ("choose_method", {None: [4000001]})


async def test_a_mapper_is_given_the_claims_and_no_token() -> None:
    said = "local c = std.extVar('claims'); { identity: { traits: { email: c.email }, metadata_admin: c } }"
    async with abroad(SLOTS, provider={"mapper_url": uri(said)}) as there:
        await there.register()
        told: Any = there.house.sent("/registration/parse")["identity"]["metadata_admin"]
        assert (told["sub"], told["iss"], told["raw_claims"]["email"]) == ("s-ada", there.idp.issuer, ADA)
        assert not {"nonce", "access_token", "id_token"} & set(told)


async def test_a_provider_that_is_not_there_is_told_on_the_flow() -> None:
    async with abroad() as there:
        flow = await there.house.start("login")
        await there.idp.sink.__aexit__()
        refused = await there.house.engine.submit(flow.id, method=None, values={"provider": "idp"})
        assert (refused.state, shown(refused)) == ("choose_method", {None: [4000001]})


async def test_a_provider_on_a_private_address_is_not_called_where_that_is_refused() -> None:
    async with abroad(clients={"http": {"disallow_private_ip_ranges": True}}) as there:
        flow = await there.house.start("login")
        refused = await there.house.engine.submit(flow.id, method=None, values={"provider": "idp"})
        assert (shown(refused), there.idp.sink.received) == ({None: [4000001]}, [])


async def test_an_action_that_refuses_spends_nothing() -> None:
    """The same answer counts once the action lets it; pressing the button again is another trip."""
    async with abroad(SLOTS) as there:
        await there.register()
        there.house.sink.script("/login/parse", [messages(("#/", 77, "no")), messages(("#/", 77, "no")), Reply()])
        flow, url = await there.leave("login")
        back = await there.visit(url)
        for _ in range(2):
            refused = await there.back(flow, back)
            assert (refused.state, shown(refused), refused.session_token) == ("choose_method", {None: [77]}, None)
        exchanged = len(there.idp.sink.of("/token"))
        assert (await there.back(flow, back)).completed
        assert len(there.idp.sink.of("/token")) == exchanged, "a code is exchanged once"


async def test_after_a_refusing_action_another_account_may_be_chosen_at_the_provider() -> None:
    async with abroad(SLOTS) as there:
        await there.register("s-bob")
        await there.register("s-ada")
        there.house.sink.script("/login/parse", [messages(("#/", 77, "no")), Reply()])
        flow, url = await there.leave("login")
        assert shown(await there.back(flow, await there.visit(url))) == {None: [77]}
        there.idp.visitor = "s-bob"
        outcome = await there.go("login", flow=flow)
        assert outcome.identity is not None
        assert outcome.identity.traits.email == "bob@example.org"
