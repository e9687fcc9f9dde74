"""Given recorded answers, when a request or its reading changes, then one counts only where it must be the same."""

import contextlib
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain.errors import ActionFailed
from tests.simulation.house import Hooks, last_turn, only, slow, told
from tests.support.engine import (
    ADA,
    SINK,
    House,
    JsonDict,
    hook,
    identity,
    messages,
    open_house,
    parse,
    quick,
    uri,
)

NO = messages(("#/", 7, "no"))
BUSY = Reply(503, b"")


async def signed_in(house: House, hooks: Hooks, **options: Any) -> Any:
    """Somebody signs in; what the login would come to under these hooks."""
    await house.register()
    with contextlib.suppress(ActionFailed):
        await house.sign_in()
    return await last_turn(house, hooks, **options)


# ------------------------------------------------------------------------------------------------- another request


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"url": SINK + "/elsewhere"}, "url"),
        ({"headers": {"X-Tenant": "two"}}, "headers"),
        ({"auth": {"type": "api_key", "config": {"name": "X-Key", "value": "secret", "in": "header"}}}, "headers"),
        ({"method": "PUT"}, "method"),
    ],
)
async def test_another_target_was_never_asked(config: JsonDict, place: str) -> None:
    async with open_house({"login.after": [hook("/risk", id="risk")]}) as house:
        turn = await signed_in(house, {"login.after": [hook("/risk", **{"id": "risk", **config})]})
        assert (turn.end, turn.differs) == ("unknown", True)
        one = only(turn)
        assert (one.request, one.changed, one.verdict) == ("differs", (place,), "unknown")
        assert "secret" not in repr(one.body(in_clear=True))


async def test_the_case_of_a_header_s_name_is_nothing() -> None:
    async with open_house({"login.after": [parse("/risk", id="risk", headers={"X-Tenant": "one"})]}) as house:
        turn = await signed_in(house, {"login.after": [parse("/risk", id="risk", headers={"x-tenant": "one"})]})
        assert (only(turn).request, only(turn).verdict) == ("same", "continue")


ANSWERS = {
    "continue": Reply(200, b"{}"),
    "interrupt": NO,
    "modify": identity(metadata_public={"number": 7}),
    "fail": Reply(404, b"gone"),
}
ENDS = {"continue": "completed", "interrupt": "interrupted", "modify": "completed", "fail": "released"}


@pytest.mark.parametrize("verdict", ANSWERS)
async def test_another_template_that_gives_the_same_bytes_gets_the_recorded_answer(verdict: str) -> None:
    one, other = uri("function(ctx) {kind: 'signup'}"), uri("local kind = 'signup'; function(ctx) {kind: kind}")
    async with open_house({"registration.after": [parse("/risk", id="risk", body=one)]}) as house:
        house.sink.script("/risk", ANSWERS[verdict])
        try:
            await house.register()
        except ActionFailed:
            assert verdict == "fail"
        turn = await last_turn(
            house, {"registration.after": [parse("/risk", id="risk", body=other)]}, kind="registration"
        )
        assert (turn.end, turn.differs, turn.unknown) == (ENDS[verdict], False, False)
        assert told(turn) == {"risk": ("same", verdict)}


async def test_the_times_in_a_body_are_those_of_its_own_action() -> None:
    times = uri("function(ctx) {at: ctx.flow.updated_at}")
    hooks = {"login.after": [parse("/slow"), parse("/risk", id="risk", body=times)]}
    async with open_house(hooks) as house:
        house.sink.script("/slow", slow(house, 2, Reply(204)))
        other = parse("/risk", id="risk", body=uri("local at(ctx) = ctx.flow.updated_at; function(ctx) {at: at(ctx)}"))
        turn = await signed_in(house, {"login.after": [parse("/slow"), other]})
        assert told(turn)["risk"] == ("same", "continue")
        assert not (turn.differs)
        assert not (turn.unknown)


SHORT, LONG = uri("function(ctx) {n: 1}"), uri("function(ctx) {n: 12}")


@pytest.mark.parametrize(("bodies", "places"), [((SHORT, SHORT), ("url",)), ((SHORT, LONG), ("url", "/n"))])
async def test_the_answer_to_another_action_s_request_does_not_make_a_request_the_same(
    bodies: tuple[str, str], places: tuple[str, ...]
) -> None:
    one, two = bodies
    async with open_house({"login.after": [parse("/1", id="a", body=one), parse("/2", id="b", body=two)]}) as house:
        turned = {"login.after": [parse("/2", id="a", body=two), parse("/1", id="b", body=one)]}
        turn = await signed_in(house, turned)
        assert told(turn) == {"a": ("differs", "continue"), "b": ("differs", "continue")}
        assert [action.changed for action in turn.actions] == [places, places]
        assert (turn.end, turn.differs, turn.unknown) == ("completed", True, False)


async def test_an_answer_that_another_one_to_the_same_request_contradicts_counts_in_its_order_only() -> None:
    first, second, third = (parse("/risk", id=name, body=SHORT) for name in ("first", "second", "third"))
    async with open_house({"login.after": [first, second]}) as house:
        house.sink.script("/risk", [Reply(204), NO])
        turn = await signed_in(house, {"login.after": [first, third]})
        assert told(turn) == {"first": ("same", "continue"), "third": ("new", "interrupt")}
        turn = await last_turn(house, {"login.after": [second]})
        assert told(turn) == {"second": ("same", "unknown")}
        assert turn.end == "unknown"


async def test_another_body_is_shown_by_the_places_that_differ() -> None:
    one = uri("function(ctx) {who: ctx.identity.traits.email, 'a/b': [1, {c: 2}], gone: 1}")
    other = uri("function(ctx) {who: ctx.identity.traits.email + '!', 'a/b': [1, {c: 3}], new: 1}")
    async with open_house({"login.after": [hook("/risk", id="risk", body=one)]}) as house:
        turn = await signed_in(house, {"login.after": [hook("/risk", id="risk", body=other)]})
        action = only(turn)
        assert (action.request, action.verdict, turn.end) == ("differs", "unknown", "unknown")
        assert set(action.changed) == {"/who", "/a~1b/1/c", "/gone", "/new"}
        assert ADA not in repr(action.body())
        assert ADA not in repr(action)
        assert action.body(in_clear=True)["bodies"]["simulated"]["who"] == ADA + "!"


async def test_a_name_in_a_body_that_is_personal_is_not_shown() -> None:
    one = uri("function(ctx) {[ctx.identity.traits.email]: 1, kind: 1}")
    other = uri("function(ctx) {[ctx.identity.traits.email]: 2, kind: 2}")
    async with open_house({"login.after": [hook("/risk", id="risk", body=one)]}) as house:
        action = only(await signed_in(house, {"login.after": [hook("/risk", id="risk", body=other)]}))
        assert "/kind" in action.changed
        assert ADA not in repr(action.body())


async def test_a_template_that_cancels_or_breaks_is_decided_here() -> None:
    async with open_house({"login.after": [parse("/risk", id="risk")]}) as house:
        await house.register()
        await house.sign_in()
        for body, verdict, end in (
            ("error 'cancel'", "cancel", "completed"),
            ("ctx.nothing.there", "fail", "released"),
        ):
            hooks = {"login.after": [parse("/risk", id="risk", body=uri(f"function(ctx) {body}"))]}
            turn = await last_turn(house, hooks)
            assert (turn.end, turn.differs, turn.unknown) == (end, True, False)
            assert told(turn) == {"risk": ("none", verdict)}


async def test_a_template_that_cancelled_and_does_no_more_asks_what_nobody_answered() -> None:
    canceling = uri("function(ctx) error 'cancel'")
    async with open_house({"login.after": [parse("/risk", id="risk", body=canceling)]}) as house:
        turn = await signed_in(house, {"login.after": [parse("/risk", id="risk")]})
        assert told(turn) == {"risk": ("new", "unknown")}


async def test_a_body_without_a_template_is_the_same_whenever_it_was_sent() -> None:
    bare: JsonDict = {"hook": "web_hook", "config": {"url": SINK + "/risk", "method": "POST", "id": "risk"}}
    elsewhere = {**bare, "config": {**bare["config"], "url": SINK + "/elsewhere"}}
    async with open_house({"login.after": [parse("/slow"), bare]}) as house:
        house.sink.script("/slow", slow(house, 2, Reply(200, b"")))
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [bare]})
        assert told(turn) == {"risk": ("same", "continue")}
        turn = await last_turn(house, {"login.after": [parse("/slow"), elsewhere]})
        assert turn.actions[1].changed == ("url",)


# --------------------------------------------------------------------------------------------------- read otherwise


async def test_an_interruption_that_is_not_read_any_more_is_a_failure() -> None:
    async with open_house({"login.after": [parse("/risk", id="risk")]}) as house:
        house.sink.script("/risk", NO)
        turn = await signed_in(house, {"login.after": [hook("/risk", id="risk")]})
        assert (turn.recorded, turn.end) == ("interrupted", "released")
        assert only(turn).verdict == "fail"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_interruption_by_a_status_that_would_be_tried_again_is_not_foreseen_unread(status: int) -> None:
    async with open_house({"login.after": [parse("/risk", id="risk")]}) as house:
        house.sink.script("/risk", messages(("#/", 7, "no"), status=status))
        turn = await signed_in(house, {"login.after": [hook("/risk", id="risk")]})
        assert (turn.recorded, turn.end, only(turn).verdict) == ("interrupted", "unknown", "unknown")


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (Reply(200, b""), "continue"),
        (Reply(204, b""), "continue"),
        (Reply(201, b"not JSON"), "continue"),
        (Reply(200, b"{}"), "unknown"),
        (Reply(404, b""), "fail"),
        (Reply(404, b"{}"), "unknown"),
    ],
)
async def test_an_answer_that_went_unread_is_foreseen_only_where_there_was_nothing_to_read(
    reply: Reply, verdict: str
) -> None:
    async with open_house({"login.after": [hook("/risk", id="risk")]}) as house:
        house.sink.script("/risk", reply)
        turn = await signed_in(house, {"login.after": [parse("/risk", id="risk")]})
        assert told(turn) == {"risk": ("same", verdict)}


async def test_answers_that_were_tried_again_unread_may_have_interrupted() -> None:
    async with open_house({"login.after": [hook("/risk", id="risk")]}, settings=quick("risk")) as house:
        house.sink.script("/risk", [messages(("#/", 7, "no"), status=503), Reply(204, b"")])
        turn = await signed_in(house, {"login.after": [parse("/risk", id="risk")]}, settings=quick("risk"))
        assert (turn.recorded, turn.end, only(turn).verdict) == ("completed", "unknown", "unknown")


async def test_a_modification_that_is_not_read_any_more_leaves_an_identity_nobody_saw() -> None:
    async with open_house({"registration.after": [parse("/risk", id="risk")]}) as house:
        house.sink.script("/risk", identity(metadata_public={"number": 7}))
        await house.register()
        hooks = {"registration.after": [hook("/risk", id="risk")]}
        turn = await last_turn(house, hooks, kind="registration")
        assert turn.end in ("unknown", "completed")
        assert turn.differs or turn.unknown


# -------------------------------------------------------------------------------------------------------- patience


async def tried(replies: list[Reply], before: JsonDict, now: JsonDict, **config: Any) -> Any:
    """A login whose action is answered so, under these settings of it; what it would come to under others."""
    hooks = {"login.after": [parse("/risk", id="risk", **config)]}
    async with open_house(hooks, settings=settings_of(before)) as house:
        house.sink.script("/risk", replies)
        return await signed_in(house, hooks, settings=settings_of(now))


def settings_of(retry: JsonDict) -> JsonDict:
    timeout = {"timeout": retry["timeout"]} if "timeout" in retry else {}
    kept = {name: value for name, value in retry.items() if name != "timeout"}
    return {"actions": {"risk": {"retry": {"initial": "5ms", "maximum": "20ms", **kept}, **timeout}}}


async def test_fewer_tries_than_it_took_are_a_failure() -> None:
    turn = await tried([BUSY, BUSY, Reply(204)], {"attempts": 3}, {"attempts": 2})
    assert (turn.recorded, turn.end, only(turn).verdict) == ("completed", "released", "fail")


async def test_fewer_tries_that_are_still_enough_change_nothing() -> None:
    turn = await tried([BUSY, Reply(204)], {"attempts": 3}, {"attempts": 2})
    assert (turn.end, turn.differs) == ("completed", False)


async def test_more_tries_than_were_in_vain_are_unknown() -> None:
    turn = await tried([BUSY], {"attempts": 2}, {"attempts": 3})
    assert (turn.recorded, turn.end, only(turn).verdict) == ("released", "unknown", "unknown")


async def test_more_tries_after_a_refusal_that_is_not_tried_again_change_nothing() -> None:
    turn = await tried([Reply(404, b"gone")], {"attempts": 1}, {"attempts": 3})
    assert (turn.recorded, turn.end, turn.unknown) == ("released", "released", False)


async def test_a_longer_time_gives_room_for_a_try_that_did_not_fit() -> None:
    later = Reply(503, b"", (("Retry-After", "20"),))
    turn = await tried([later], {"attempts": 3, "timeout": "10s"}, {"attempts": 3, "timeout": "30s"})
    assert (turn.recorded, turn.end) == ("released", "unknown")


async def test_longer_pauses_may_not_fit_any_more() -> None:
    now = {"attempts": 3, "initial": "40s", "maximum": "60s", "timeout": "10s"}
    turn = await tried([BUSY, Reply(204)], {"attempts": 3, "timeout": "10s"}, now)
    assert (turn.recorded, turn.end) == ("completed", "unknown")


@pytest.mark.parametrize("answers", [[BUSY, Reply(204)], [BUSY, BUSY], [BUSY, Reply(404, b"gone")]])
@pytest.mark.parametrize("pause", ["1ms", "200ms"])
async def test_tries_at_another_time_may_be_answered_otherwise(answers: list[Reply], pause: str) -> None:
    now = {"attempts": 2, "initial": pause, "maximum": pause}
    turn = await tried(answers, {"attempts": 2, "initial": "5ms", "maximum": "20ms"}, now)
    assert (turn.end, only(turn).request, only(turn).verdict) == ("unknown", "same", "unknown")


async def test_a_shorter_time_than_it_took_is_a_failure() -> None:
    hooks = {"login.after": [parse("/risk", id="risk")]}
    async with open_house(hooks) as house:
        house.sink.script("/risk", slow(house, 5, Reply(204, b"")))
        turn = await signed_in(house, hooks, settings={"actions": {"risk": {"timeout": "4s"}}})
        assert (turn.recorded, turn.end, only(turn).verdict) == ("completed", "released", "fail")
        turn = await last_turn(house, hooks, settings={"actions": {"risk": {"timeout": "6s"}}})
        assert (turn.end, turn.differs) == ("completed", False)


async def test_a_longer_time_may_have_brought_an_answer() -> None:
    hooks = {"login.after": [parse("/risk", id="risk")]}
    settings: JsonDict = {"actions": {"risk": {"timeout": "4s", "retry": {"attempts": 1}}}}
    async with open_house(hooks, settings=settings) as house:
        house.sink.script("/risk", slow(house, 5, Reply(fault="hang")))
        turn = await signed_in(house, hooks, settings={"actions": {"risk": {"timeout": "9s"}}})
        assert (turn.recorded, turn.end) == ("released", "unknown")


async def test_another_signing_secret_is_another_request() -> None:
    hooks = {"login.after": [parse("/risk", id="risk")]}
    first, second = ("whsec_" + letter * 43 + "=" for letter in "AB")
    async with open_house(hooks, settings={"actions": {"risk": {"signing_secrets": [first]}}}) as house:
        turn = await signed_in(house, hooks, settings={"actions": {"risk": {"signing_secrets": [first]}}})
        assert not (turn.differs)
        assert not (turn.unknown)
        for settings in ({"actions": {"risk": {"signing_secrets": [second]}}}, {}):
            turn = await last_turn(house, hooks, settings=settings)
            assert (turn.end, only(turn).request, only(turn).changed) == ("unknown", "differs", ("headers",))
