"""Given deliveries on record, when what is sent after the commit changes, then bodies are compared; outcomes stand."""

import contextlib
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain.errors import ActionFailed
from tests.simulation.house import Hooks, last_turn, only, told
from tests.support.engine import SINK, House, hook, identity, ignore, messages, open_house, parse, quick, uri

KIND = uri("function(ctx) {kind: ctx.flow.type}")
NO = messages(("#/", 7, "no"))


async def registered(house: House, hooks: Hooks, **options: Any) -> Any:
    """Somebody registers; what that would come to under these hooks."""
    with contextlib.suppress(ActionFailed):
        await house.register()
    return await last_turn(house, hooks, kind="registration", **options)


@pytest.mark.parametrize("make", [hook, ignore])
async def test_the_same_delivery(make: Any) -> None:
    hooks = {"registration.after": [make("/crm", id="crm")]}
    async with open_house(hooks) as house:
        turn = await registered(house, hooks)
        assert not (turn.differs)
        assert not (turn.unknown)
        assert [one.timing for one in turn.actions] == ["after_commit" if make is hook else "delivery"]


@pytest.mark.parametrize("make", [hook, ignore])
async def test_another_delivery_does_not_change_what_becomes_of_the_flow(make: Any) -> None:
    async with open_house({"registration.after": [make("/crm", id="crm", body=KIND)]}) as house:
        for config, changed in (
            ({"url": SINK + "/elsewhere", "body": KIND}, ("url",)),
            ({"body": uri("function(ctx) {kind: 'x'}")}, ("/kind",)),
            ({"headers": {"X-A": "b"}, "body": KIND}, ("headers",)),
        ):
            turn = await registered(house, {"registration.after": [make("/crm", **{"id": "crm", **config})]})
            if turn.recorded != "completed":
                continue  # the address is taken from the second one on
            assert (turn.end, turn.differs, turn.unknown) == ("completed", True, True)
            one = only(turn)
            assert (one.request, one.changed, one.verdict) == ("differs", changed, "unknown")


async def test_a_delivery_of_the_same_bytes_from_another_template_is_the_same() -> None:
    async with open_house(
        {"registration.after": [ignore("/crm", id="crm", body=uri("function(ctx) {a: 1}"))]}
    ) as house:
        await house.register()
        turn = await last_turn(
            house,
            {"registration.after": [ignore("/crm", id="crm", body=uri("function(ctx) {a: 2 - 1}"))]},
            kind="registration",
        )
        assert not (turn.differs)
        assert not (turn.unknown)
        assert (only(turn).verdict, only(turn).by) == ("delivered", "recorded")


async def test_a_new_delivery_a_removed_one_and_one_that_its_template_cancels() -> None:
    async with open_house({"registration.after": [hook("/crm", id="crm"), ignore("/told", id="told")]}) as house:
        cancels = hook("/crm", id="crm", body=uri("function(ctx) error 'cancel'"))
        turn = await registered(house, {"registration.after": [cancels, hook("/new", id="new")]})
        assert (turn.end, turn.differs) == ("completed", True)
        assert told(turn) == {"crm": ("none", "cancel"), "new": ("new", "unknown")}
        assert [one.id for one in turn.removed] == ["told"]


async def test_one_that_was_cancelled_and_is_not_any_more_is_new() -> None:
    cancels = hook("/crm", id="crm", body=uri("function(ctx) error 'cancel'"))
    async with open_house({"registration.after": [cancels]}) as house:
        turn = await registered(house, {"registration.after": [cancels]})
        assert not (turn.differs)
        assert not (turn.unknown)
        turn = await last_turn(house, {"registration.after": [hook("/crm", id="crm")]}, kind="registration")
        assert (only(turn).request, only(turn).recorded) == ("new", "cancel")


async def test_a_delivery_of_a_flow_that_did_not_get_so_far_is_not_known() -> None:
    hooks = {"registration.after": [parse("/risk", id="risk"), hook("/crm", id="crm")]}
    async with open_house(hooks) as house:
        house.sink.script("/risk", NO)
        turn = await registered(house, {"registration.after": [hook("/crm", id="crm")]})
        assert (turn.recorded, turn.end) == ("interrupted", "completed")
        assert told(turn) == {"crm": ("unknown", "unknown")}


async def test_more_tries_may_deliver_what_was_given_up() -> None:
    hooks = {"registration.after": [hook("/crm", id="crm")]}
    once, more = ({"actions": {"crm": {"retry": {"attempts": count}}}} for count in (1, 3))
    async with open_house(hooks, settings=once) as house:
        house.sink.script("/crm", Reply(503))
        changed = {"registration.after": [hook("/crm", id="crm"), hook("/new", id="new")]}
        turn = await registered(house, changed, settings=once)
        assert told(turn)["crm"] == ("same", "dead")
        turn = await last_turn(house, changed, kind="registration", settings=more)
        assert told(turn)["crm"] == ("same", "unknown")
        turn = await last_turn(house, hooks, kind="registration", settings=more)
        assert (turn.end, turn.unknown) == ("completed", True)


async def test_fewer_tries_may_not_deliver_what_took_many() -> None:
    hooks = {"registration.after": [hook("/crm", id="crm")]}
    async with open_house(hooks, settings=quick("crm")) as house:
        house.sink.script("/crm", [Reply(503), Reply(200)])
        turn = await registered(house, hooks, settings=quick("crm"))
        assert not (turn.differs)
        assert not (turn.unknown)
        turn = await last_turn(house, hooks, kind="registration", settings=quick("crm", retry={"attempts": 1}))
        assert told(turn)["crm"] == ("same", "unknown")


async def test_an_action_that_was_awaited_and_is_a_delivery_now_did_run_then() -> None:
    async with open_house({"registration.after": [parse("/crm", id="crm", body=KIND)]}) as house:
        turn = await registered(house, {"registration.after": [ignore("/crm", id="crm", body=KIND)]})
        assert (turn.end, turn.ran) == ("completed", ("crm",))
        assert (only(turn).recorded, only(turn).verdict) == ("continue", "unknown")
        assert only(turn).request == "unknown", "what a delivery would have been given is not on record"


async def test_a_delivery_that_is_awaited_now_did_run_then() -> None:
    async with open_house({"registration.after": [ignore("/crm", id="crm", body=KIND)]}) as house:
        await house.register()
        turn = await last_turn(house, {"registration.after": [parse("/crm", id="crm", body=KIND)]}, kind="registration")
        assert turn.end == "unknown"
        assert (only(turn).recorded, only(turn).verdict) == ("delivered", "unknown")


async def test_nothing_follows_an_account_that_was_inactive_from_the_start() -> None:
    after = [parse("/parse", id="check"), hook("/plain", id="plain"), ignore("/ignore", id="ignore")]
    async with open_house({"registration.after": after}) as house:
        house.sink.script("/parse", identity(state="inactive"))
        await house.register()
        for hooks in (after, [after[0], hook("/other", id="plain"), after[2]]):
            turn = await last_turn(house, {"registration.after": hooks}, kind="registration")
            assert (turn.outcome, turn.differs, turn.unknown) == ("same", False, False)
            assert told(turn) == {"check": ("same", "modify")}
