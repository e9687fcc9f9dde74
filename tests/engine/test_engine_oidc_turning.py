"""What becomes of a flow that turned: it is followed, and what a provider said is lost by nothing that comes after."""

import asyncio
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import Outcome
from limen.domain.errors import ActionFailed, FlowFinished, FlowRejected
from tests.support.engine import ADA, PASSWORD, hook, messages, parse
from tests.support.factors import FACTORS, link_totp
from tests.support.provider import AFTER, Abroad, abroad, methods_of, query

NO = messages(("#/", 77, "no"))
APP: dict[str, Any] = {"return_to": AFTER, "query": {"return_session_token_exchange_code": "true"}}
THEN_LOGIN = {"oidc": {"login_actions_after_registration": True}}
AUTOMATIC = {"account_linking_mode": "automatic"}


def asked(there: Abroad) -> int:
    """How often a code was exchanged."""
    return len(there.idp.sink.of("/token"))


@pytest.mark.parametrize(("kind", "into", "known"), [("registration", "login", True), ("login", "registration", False)])
@pytest.mark.parametrize("stops", [Reply(500), NO])
async def test_an_action_of_the_flow_it_became_costs_no_second_trip(
    kind: str, into: str, known: bool, stops: Reply
) -> None:
    async with abroad({"login.after.oidc": [parse("/after")], "registration.after.oidc": [parse("/after")]}) as there:
        if known:
            await there.register()
        there.house.sink.script("/after", stops)
        flow, url = await there.leave(kind)
        back, before = await there.visit(url), asked(there)
        if stops.status == 500:
            with pytest.raises(ActionFailed):
                await there.back(flow, back)
        else:
            assert (await there.back(flow, back)).state == "choose_method"
        there.house.sink.script("/after", Reply())
        done = await there.back(flow, back)
        assert (done.completed, done.flow.kind, asked(there) - before) == (True, into, 1)


async def test_a_flow_that_is_over_names_the_one_that_it_became() -> None:
    async with abroad() as there:
        await there.house.register(ADA)
        flow, url = await there.leave("registration")
        back = await there.visit(url)
        became = (await there.back(flow, back)).flow
        for again in (there.back(flow, back), there.house.engine.submit(flow.id, method="oidc", values={})):
            with pytest.raises(FlowFinished, match=str(became.id)) as told:
                await again
            assert (told.value.state, told.value.into) == ("turned", became.id)


async def test_a_call_that_is_cut_off_in_the_flow_it_became_frees_that_flow() -> None:
    async with abroad({"login.after": [parse("/after")]}) as there:
        await there.register()
        there.house.sink.script("/after", Reply(fault="hang"))
        calls = len(there.house.sink.received)
        flow, url = await there.leave("registration")
        back = await there.visit(url)
        cut_off = asyncio.ensure_future(there.back(flow, back))
        await there.house.sink.wait(calls + 1)
        cut_off.cancel()
        await asyncio.gather(cut_off, return_exceptions=True)
        there.house.sink.script("/after", Reply())
        assert (await there.back(flow, back)).completed


@pytest.mark.parametrize("hooks", [{}, {"registration.after": [parse("/asked-before-it-turned")]}])
async def test_a_flow_that_may_not_become_another_is_its_user_s_again(hooks: dict[str, Any]) -> None:
    """Whether its own actions had begun or not; the code is not exchanged again."""
    async with abroad({"login.before": [parse("/before")], **hooks}) as there:
        await there.house.register(ADA)
        there.house.sink.script("/before", NO)
        flow, url = await there.leave("registration")
        back = await there.visit(url)
        for _ in range(2):
            with pytest.raises(FlowRejected):
                await there.back(flow, back)
            assert (await there.house.engine.flow(flow.id)).state == "choose_method"
        there.house.sink.script("/before", Reply(204))
        turned = await there.back(flow, back)
        assert (turned.flow.kind, asked(there)) == ("login", 1)
        values = {"identifier": ADA, "password": PASSWORD}
        proven = await there.house.engine.submit(turned.flow.id, method="password", values=values)
        assert methods_of(proven) == [("password", None), ("oidc", "idp")]


# -- an address that does as a proof


async def verified(there: Abroad) -> None:
    await there.house.register()
    await there.house.verify()


@pytest.mark.parametrize("stops", [Reply(500), NO])
async def test_an_account_that_is_linked_by_its_address_costs_no_second_trip(stops: Reply) -> None:
    async with abroad({"login.after.oidc": [parse("/after")]}, provider=AUTOMATIC) as there:
        await verified(there)
        there.house.sink.script("/after", stops)
        flow, url = await there.leave("registration")
        back = await there.visit(url)
        (came,) = await asyncio.gather(there.back(flow, back), return_exceptions=True)
        assert not isinstance(came, Outcome) or came.state == "choose_method"
        there.house.sink.script("/after", Reply())
        done = await there.back(flow, back)
        assert (done.completed, methods_of(done), asked(there)) == (True, [("oidc", "idp")], 1)
        assert (await there.go("login")).flow.kind == "login", "it is linked"


async def test_another_account_that_comes_to_that_login_is_not_linked() -> None:
    async with abroad({"login.after.oidc": [parse("/after")]}, provider=AUTOMATIC) as there:
        await verified(there)
        there.house.sink.script("/after", NO)
        stopped = await there.go("registration")
        there.house.sink.script("/after", Reply())
        there.idp.visitor = "s-bob"
        other = await there.go("login", flow=stopped.flow)
        assert other.identity is not None
        assert (other.flow.kind, other.identity.traits.email) == ("registration", "bob@example.org")


async def test_a_second_factor_that_is_set_up_meanwhile_has_the_account_proven() -> None:
    """The word of a provider counts for who has the address once the login's before-actions are over."""
    async with abroad({"login.before": [parse("/before")]}, provider=AUTOMATIC, methods=FACTORS) as there:
        await verified(there)
        token = (await there.house.sign_in()).session_token
        flow, url = await there.leave("registration")
        back, calls = await there.visit(url), len(there.house.sink.received)
        there.house.sink.script("/before", Reply(204, delay=1.0))
        coming = asyncio.ensure_future(there.back(flow, back))
        await there.house.sink.wait(calls + 1)
        await link_totp(there.house, token)
        outcome = await coming
        assert (outcome.state, outcome.session_token) == ("choose_method", None)
        assert [message.id for message in outcome.flow.messages] == [1010016]


# -- a login that follows a registration


async def test_the_next_steps_of_a_registration_outlast_the_login_that_follows() -> None:
    async with abroad({"registration.after.oidc": [{"hook": "show_verification_ui"}]}, settings=THEN_LOGIN) as there:
        there.idp.visitor = "s-bob"
        outcome = await there.go("registration")
        assert (outcome.completed, outcome.flow.kind) == (True, "login")
        assert [step["action"] for step in outcome.continue_with] == ["show_verification_ui"]


@pytest.mark.parametrize(
    ("place", "answer", "raised"),
    [("before", NO, FlowRejected), ("before", Reply(500), ActionFailed), ("after", Reply(500), ActionFailed)],
)
async def test_a_login_that_may_not_follow_leaves_the_account_and_says_so(
    place: str, answer: Reply, raised: type[FlowRejected] | type[ActionFailed]
) -> None:
    hooks = {"registration.after.oidc": [{"hook": "show_verification_ui"}], f"login.{place}": [parse("/login")]}
    async with abroad(hooks, settings=THEN_LOGIN) as there:
        there.house.sink.script("/login", answer)
        there.idp.visitor = "s-bob"
        flow, url = await there.leave("registration")
        with pytest.raises(raised) as told:
            await there.back(flow, await there.visit(url))
        assert told.value.stands
        assert "nothing was stored" not in str(told.value)
        came_to = told.value.outcome
        assert (came_to.state, came_to.identity.traits.email) == ("completed", "bob@example.org")
        assert [step["action"] for step in came_to.continue_with] == ["show_verification_ui"]


# -- apps


async def test_an_app_is_told_of_an_action_that_fails_and_goes_on() -> None:
    async with abroad({"login.after": [parse("/after")]}) as there:
        await there.register()
        there.house.sink.script("/after", Reply(500))
        for kind in ("login", "registration"):
            flow, url = await there.leave(kind, **APP)
            with pytest.raises(ActionFailed) as told:
                await there.back(flow, await there.visit(url))
            brought = query(told.value.redirect_browser_to or "")
            assert (brought["flow"], brought["error"]) == (str(told.value.flow_id), "action_failed")
            there.house.sink.script("/after", Reply())
            values = {"code": brought["code"]}
            done = await there.house.engine.submit(brought["flow"], method="oidc", values=values)
            assert await there.house.engine.session(done.session_token) is not None
            there.house.sink.script("/after", Reply(500))


async def test_an_app_is_told_that_its_flow_may_not_become_another() -> None:
    async with abroad({"registration.before": [parse("/before")]}) as there:
        there.house.sink.script("/before", NO)
        flow, url = await there.leave("login", **APP)
        with pytest.raises(FlowRejected) as told:
            await there.back(flow, await there.visit(url))
        brought = query(told.value.redirect_browser_to or "")
        assert (brought["flow"], brought["error"]) == (str(flow.id), "77"), "the one that is still open"
        there.house.sink.script("/before", Reply(204))
        done = await there.house.engine.submit(flow.id, method="oidc", values={"code": brought["code"]})
        assert (done.completed, bool(done.session_token), asked(there)) == (True, True, 1)


async def test_an_app_is_told_of_what_fails_after_the_commit_and_has_its_session() -> None:
    async with abroad({"registration.after.oidc": [hook("/plain")]}) as there:
        there.house.sink.script("/plain", Reply(400))
        flow = await there.house.start("registration", **APP)
        first = str(flow.body.session_token_exchange_code)
        away, url = await there.leave("registration", flow=flow)
        with pytest.raises(ActionFailed) as told:
            await there.back(away, await there.visit(url))
        brought = query(told.value.redirect_browser_to or "")
        assert (told.value.stands, brought["error"], "flow" in brought) == (True, "action_failed", False)
        assert (await there.house.engine.exchange(first, brought["code"])).session_token


async def test_an_app_is_told_of_an_account_that_is_inactive_from_the_start() -> None:
    async with abroad({"registration.after": [parse("/after")]}) as there:
        there.house.sink.script("/after", Reply(200, b'{"identity": {"state": "inactive"}}'))
        outcome = await there.go("registration", **APP)
        assert outcome.redirect_browser_to == f"{AFTER}?error=identity_disabled"
