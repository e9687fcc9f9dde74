"""Links that must not count: used, replaced, of another flow, too late, guessed; and what becomes of those that do."""

import asyncio
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowBusy, FlowFinished, FlowNotFound, Outcome, RequestRefused
from limen.domain.request import Request
from tests.support.engine import ADA, UI, House, hook, messages, open_house, parse, shown
from tests.support.links import LINKS, ask_link, flow_of, follow, link_of, token_of

BOTH = ["recovery", "verification"]
INVALID = {"recovery": 4060004, "verification": 4070001}
LATE = {"recovery": 4060005, "verification": 4070005}
EVIL = "https://evil.example/"


def assert_replaced(house: House, outcome: Outcome, link: str, message: int) -> None:
    """Answered by a new flow in a browser that says why; nobody was recovered or verified, no `before` action ran."""
    kind = outcome.flow.kind
    assert str(outcome.flow.id) != flow_of(link)
    assert (outcome.state, outcome.flow.type, outcome.session) == ("choose_method", "browser", None)
    assert shown(outcome) == {None: [message]}
    assert outcome.continue_with == (
        {
            "action": f"show_{kind}_ui",
            "flow": {"id": str(outcome.flow.id), "url": f"{UI}/{kind}?flow={outcome.flow.id}"},
        },
    )
    (initiated,) = house.log("FlowInitiated", outcome.flow)
    assert str(initiated.data["replaces"]) == flow_of(link)
    assert house.called().count("/before") == 1, "for the flow that the link is of"


def before(kind: str) -> dict[str, Any]:
    return {f"{kind}.before": [hook("/before")]}


@pytest.mark.parametrize("kind", BOTH)
async def test_a_link_counts_once(kind: str) -> None:
    async with open_house(before(kind), **LINKS) as house:
        await house.register()
        await ask_link(house, kind)
        link = link_of(house)
        first = await follow(house, link)
        events = house.types(first.flow)
        for token in (None, first.session_token):
            assert_replaced(house, await follow(house, link, session_token=token), link, INVALID[kind])
        assert house.types(first.flow) == events, "the flow that is over learns nothing"
        assert len(house.log("SessionIssued")) == (kind == "recovery")
        with pytest.raises(FlowFinished):
            await house.engine.submit(first.flow.id, method="link", values={"email": ADA})


@pytest.mark.parametrize("kind", BOTH)
async def test_a_newer_link_replaces_the_one_before(kind: str) -> None:
    async with open_house(before(kind), **LINKS) as house:
        await house.register()
        flow = await ask_link(house, kind)
        earlier = link_of(house)
        await ask_link(house, kind, flow=flow)
        assert_replaced(house, await follow(house, earlier), earlier, INVALID[kind])
        assert (await follow(house, link_of(house))).completed


@pytest.mark.parametrize("kind", BOTH)
async def test_a_token_of_another_flow_or_address_is_wrong(kind: str) -> None:
    async with open_house(before(kind), **LINKS) as house:
        await house.register()
        await house.register("eve@example.org")
        await ask_link(house, kind, "eve@example.org")
        eves = token_of(link_of(house))
        house.sink.received.clear()
        adas = await ask_link(house, kind)
        link = link_of(house)
        wrong = link.replace(token_of(link), eves)
        assert_replaced(house, await follow(house, wrong), link, INVALID[kind])
        assert (await house.engine.flow(adas.id)).state == "sent_email"
        assert (await follow(house, link)).completed


@pytest.mark.parametrize("kind", BOTH)
async def test_a_link_is_too_late_after_its_lifespan(kind: str) -> None:
    links = {"enabled": True, "config": {"lifespan": "5m"}}
    async with open_house(before(kind), selfservice={**LINKS["selfservice"], "methods": {"link": links}}) as house:
        await house.register()
        await ask_link(house, kind)
        link = link_of(house)
        house.clock.advance(5 * 60 - 1)
        assert_replaced(house, await follow(house, link + "x"), link, INVALID[kind])
        house.clock.advance(1)
        outcome = await follow(house, link)
        assert_replaced(house, outcome, link, LATE[kind])
        assert outcome.flow.ui.messages[0].context.expired_at == "2026-03-02T12:05:00Z"


@pytest.mark.parametrize("kind", BOTH)
async def test_a_link_is_too_late_when_its_flow_is_over(kind: str) -> None:
    links = {"enabled": True, "config": {"lifespan": "24h"}}
    async with open_house(before(kind), selfservice={**LINKS["selfservice"], "methods": {"link": links}}) as house:
        await house.register()
        await ask_link(house, kind)
        link = link_of(house)
        house.clock.advance(3600)
        for _ in range(2):
            assert_replaced(house, await follow(house, link), link, LATE[kind])


@pytest.mark.parametrize("kind", BOTH)
async def test_the_sixth_wrong_token_ends_the_flow(kind: str) -> None:
    async with open_house(before(kind), **LINKS) as house:
        await house.register()
        flow = await ask_link(house, kind)
        right = link_of(house)
        for number in range(6):
            assert (await house.engine.flow(flow.id)).state == "sent_email"
            assert_replaced(house, await follow(house, f"{right[:-1]}{number}~"), right, INVALID[kind])
        assert (await house.engine.flow(flow.id)).state == "failed"
        assert_replaced(house, await follow(house, right), right, INVALID[kind])


@pytest.mark.parametrize("token", ["", " ", "0", "x" * 10_000, 7, ["a"], {"a": 1}, True])
async def test_no_nonsense_counts(token: Any) -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        for flow in (await house.start("recovery"), await ask_link(house, "recovery")):
            await house.engine.submit(flow.id, method="link", values={"token": token})
            await house.engine.resume(flow.id, values={"token": token})
        assert not house.log("SessionIssued")
        assert (await follow(house, link_of(house))).completed


@pytest.mark.parametrize("kind", BOTH)
async def test_a_link_counts_no_more_when_its_address_was_given_up(kind: str) -> None:
    async with open_house({"registration.after": [{"hook": "session"}], **before(kind)}, **LINKS) as house:
        token = (await house.register()).session_token
        await ask_link(house, kind)
        link = link_of(house)
        flow, values = await house.start("settings", session_token=token), {"traits": {"email": "ada@new.example"}}
        await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        await house.register("ada@example.org")
        assert_replaced(house, await follow(house, link), link, INVALID[kind])


async def test_an_action_that_refuses_leaves_the_link_as_good_as_it_was() -> None:
    async with open_house({"recovery.after": [parse("/parse")]}, **LINKS) as house:
        await house.register()
        house.sink.script("/parse", [messages(("#/", 77, "not yet")), Reply(204)])
        flow = await ask_link(house, "recovery")
        refused = await follow(house, link_of(house))
        assert (refused.flow.id, refused.state, refused.session) == (flow.id, "sent_email", None)
        assert shown(refused) == {None: [77]}
        assert (await follow(house, link_of(house))).completed


async def test_two_who_follow_it_at_once_are_not_both_let_in() -> None:
    async with open_house({"recovery.after": [parse("/parse")]}, **LINKS) as house:
        await house.register()
        await ask_link(house, "recovery")
        done = await asyncio.gather(*(follow(house, link_of(house)) for _ in range(5)), return_exceptions=True)
        assert [type(one) for one in done if isinstance(one, BaseException)] == [FlowBusy] * 4
        assert len(house.log("SessionIssued")) == 1


async def test_no_action_and_no_record_sees_a_token() -> None:
    """Kratos shows it to the parsing action, whose target could use it first."""
    hooks = {"recovery.after": [parse("/parse"), hook("/plain")], "settings.before": [hook("/settings")]}
    async with open_house(hooks, **LINKS) as house:
        await house.register()
        await ask_link(house, "recovery")
        link = link_of(house)
        outcome = await follow(house, link)
        again = await follow(house, link)
        settings = await house.engine.flow(outcome.continue_with[-1]["flow"]["id"])
        urls = [house.sent(path)["request_url"] for path in ("/parse", "/plain", "/settings")]
        for url in (*urls, settings.body.request_url, again.flow.body.request_url):
            assert url == link.partition("&token=")[0]
        assert not any(token_of(link).encode() in request.body for request in house.sink.received)


async def test_a_link_followed_by_somebody_signed_in_gives_a_session_of_its_own() -> None:
    """Session fixation: whoever asked for the link, or was signed in, the session is new and its finder's alone."""
    async with open_house({"registration.after": [{"hook": "session"}]}, **LINKS) as house:
        await house.register()
        eve = (await house.register("eve@example.org")).session_token
        flow = await ask_link(house, "recovery")
        outcome = await follow(house, link_of(house), session_token=eve)
        assert outcome.session is not None
        assert outcome.session.identity.traits.email == ADA
        assert outcome.session_token != eve
        still = await house.engine.session(eve)
        assert still is not None
        assert still.identity.traits.email == "eve@example.org"
        assert str(outcome.session_token) not in repr((await house.engine.flow(flow.id)).body.plain())


async def test_a_link_leads_nowhere_that_was_not_allowed() -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        for kind in BOTH:
            with pytest.raises(RequestRefused, match="return_to"):
                await house.start(kind, return_to=EVIL)
            await ask_link(house, kind, type="browser")
            link = link_of(house)
            outcome = await follow(house, f"{link}&return_to={EVIL}")
            again = await follow(house, f"{link}&return_to={EVIL}")
            for one in (outcome, again):
                shown_to_people = repr((one.flow.ui.plain(), one.flow.body.get("return_to"), one.continue_with))
                assert EVIL not in shown_to_people
            if kind == "recovery":
                settings = await house.engine.flow(outcome.continue_with[-1]["flow"]["id"])
                assert settings.body.get("return_to") is None


async def test_nobody_switched_off_or_erased_is_let_in() -> None:
    async with open_house({"registration.after": [parse("/off")]}, **LINKS) as house:
        house.sink.script("/off", [Reply(200, b'{"identity": {"state": "inactive"}}'), Reply(204)])
        await house.register()
        await ask_link(house, "recovery")
        outcome = await follow(house, link_of(house))
        assert (outcome.state, outcome.error, outcome.session) == ("sent_email", "identity_disabled", None)
        erased = await house.register("bob@example.org")
        await ask_link(house, "recovery", "bob@example.org")
        await house.engine.erase(str(erased.flow.identity_id))
        with pytest.raises(FlowNotFound):
            await follow(house, link_of(house))


@pytest.mark.parametrize("kind", BOTH)
async def test_a_link_without_its_token_is_no_link(kind: str) -> None:
    async with open_house(**LINKS) as house:
        await house.register()
        flow = await ask_link(house, kind)
        bare = link_of(house).partition("&token=")[0]
        outcome = await house.engine.resume(flow.id, request=Request(method="GET", url=bare))
        assert (outcome.flow.id, house.types(flow)[-1]) == (flow.id, "SubmissionDismissed")
        assert (await follow(house, link_of(house))).completed
