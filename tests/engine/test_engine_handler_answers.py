"""What Python handlers answer, when they run, and what is recorded of one that fails."""

from typing import Any, cast

import pytest

from limen.domain import ActionContext, ActionFailed, FlowRejected, Interrupt, Message, Modify
from tests.support.engine import ADA, House, open_house, shown


async def answering(house: House, answer: Any) -> None:
    @house.engine.after("registration", id="it")
    async def it(context: ActionContext) -> Any:
        return answer


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (Interrupt.field("#/traits/email", "use a lasting address", id=4001), {"traits.email": [4001]}),
        (Interrupt.flow("closed today", id=4002, type="info", context={"until": 9}), {None: [4002]}),
        (Interrupt([Message(1, "a", node="traits.age"), Message(2, "b")]), {None: [2], "traits.age": [1]}),
        (Interrupt(messages=[Message(3, "c", "info", {"x": 1}, "traits.unknown")]), {"traits.unknown": [3]}),
    ],
)
async def test_an_interrupt_stands_where_it_says(answer: Interrupt, seen: dict[str | None, list[int]]) -> None:
    async with open_house() as house:
        await answering(house, answer)
        outcome = await house.register()
        assert shown(outcome) == seen
        assert not house.log("IdentityRegistered")


async def test_an_interrupt_of_a_before_handler_rejects_the_flow() -> None:
    async with open_house() as house:

        @house.engine.before("login", id="office_hours")
        async def office_hours(context: ActionContext) -> Interrupt:
            return Interrupt.flow("come back tomorrow", id=4003)

        with pytest.raises(FlowRejected) as rejected:
            await house.start("login")
        assert (rejected.value.action, [one["id"] for one in rejected.value.messages]) == ("office_hours", [4003])


async def test_what_a_handler_modified_is_validated() -> None:
    async with open_house() as house:
        await answering(house, Modify(traits={"email": ADA, "age": 5}))
        assert shown(await house.register()) == {"traits.age": [4000018]}


async def test_modify_knows_only_the_parts_of_an_identity() -> None:
    with pytest.raises(TypeError, match="id"):
        Modify(id="00000000-0000-4000-8000-000000000000")
    with pytest.raises(ValueError, match="message"):
        Interrupt([])


IMPOSSIBLE: dict[str, Any] = {
    "neither": True,
    "a web hook's answer": {"identity": {}},
    "traits that are no object": Modify(traits=5),
    "no JSON": Modify(metadata_public=object()),
    "not a number": Modify(metadata_admin={"x": float("nan")}),
    "addresses that are no list": Modify(verifiable_addresses="all"),
    "no state": Modify(state="asleep"),
    "no external id": Modify(external_id=5),
    "no Unicode": Modify(traits={"email": "\ud800"}),
    "a context that is no JSON": Interrupt.flow("x", id=1, context={"x": object()}),
    "a text that cannot be kept": Interrupt.flow("\x00", id=1),
    "no message": Interrupt([cast("Any", "no message")]),
}


@pytest.mark.parametrize("answer", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
async def test_an_answer_that_cannot_be_is_a_failure_and_the_flow_is_still_usable(answer: Any) -> None:
    async with open_house() as house:
        await answering(house, answer)
        flow = await house.start("registration")
        values = {"traits": {"email": ADA}, "password": "correct horse battery"}
        with pytest.raises(ActionFailed) as failed:
            await house.engine.submit(flow.id, method="password", values=values)
        assert (failed.value.action, failed.value.reason) == ("it", "handler")
        assert (await house.engine.flow(flow.id)).state == "choose_method"
        assert not house.log("IdentityRegistered")


@pytest.mark.parametrize("kind", ["login", "recovery", "verification"])
async def test_modify_outside_registration_and_settings_raises(kind: str) -> None:
    async with open_house() as house:

        @house.engine.after(kind, id="it")
        async def it(context: ActionContext) -> Modify:
            return Modify(metadata_public={"x": 1})

        await house.register()
        with pytest.raises(ActionFailed) as failed:
            await (house.sign_in() if kind == "login" else house.give_code(await house.ask_code(kind)))
        assert (failed.value.reason, failed.value.detail) == ("handler", "TypeError")


async def test_an_exception_is_recorded_by_its_class_never_its_text() -> None:
    async with open_house() as house:

        @house.engine.after("registration", id="it")
        async def it(context: ActionContext) -> None:
            raise LookupError(f"no account for {context.identity.traits['email']}")

        with pytest.raises(ActionFailed) as failed:
            await house.register()
        (entry,) = house.log("ActionFailed")
        assert (entry.data["reason"], entry.data["detail"], entry.data["final"]) == ("handler", "LookupError", True)
        assert ADA not in str(failed.value) + str(entry.body())


# --------------------------------------------------------------------------------------------------------------- when


async def test_when_before_commit_after_commit_and_delivery() -> None:
    seen: dict[str, int] = {}
    async with open_house() as house:
        stored = house.log

        @house.engine.after("registration", when="before_commit", id="1")
        async def before_commit(context: ActionContext) -> None:
            seen["before_commit"] = len(stored("IdentityRegistered"))

        @house.engine.after("registration", when="after_commit", id="2")
        async def after_commit(context: ActionContext) -> None:
            seen["after_commit"] = len(stored("IdentityRegistered"))

        @house.engine.after("registration", when="delivery", id="3")
        async def delivery(context: ActionContext) -> None:
            seen["delivery"] = len(stored("IdentityRegistered"))

        outcome = await house.register()
        assert outcome.completed
        await house.until("DeliveryDelivered", 3)  # the mail with the code is the third
        assert seen == {"before_commit": 0, "after_commit": 1, "delivery": 1}


async def test_a_failure_after_the_commit_is_told_once_and_the_identity_stands() -> None:
    calls = []
    async with open_house() as house:

        @house.engine.after("registration", when="after_commit", id="it")
        async def it(context: ActionContext) -> None:
            calls.append(1)
            raise OSError

        with pytest.raises(ActionFailed) as failed:
            await house.register()
        assert (failed.value.stands, failed.value.outcome.state) == (True, "completed")
        assert calls == [1]
        assert (await house.sign_in()).completed


async def test_a_delivery_that_fails_is_tried_again_until_it_works() -> None:
    calls: list[str] = []
    settings = {"worker": {"retry": {"attempts": 5, "initial": "5s", "maximum": "10s"}}}
    async with open_house(settings=settings) as house:

        @house.engine.after("login", when="delivery", id="it")
        def it(context: ActionContext) -> None:
            calls.append(context.identity.traits["email"])
            if len(calls) == 1:
                raise ConnectionError

        await house.register()
        await house.sign_in()
        await house.until("DeliveryAttempted")
        house.clock.advance(11)
        await house.until("DeliveryDelivered", 2)
        assert calls == [ADA, ADA]


async def test_a_delivery_finds_the_handler_of_its_own_slot() -> None:
    ran: list[str] = []
    async with open_house() as house:

        @house.engine.after("registration", when="delivery", id="notify")
        async def registered(context: ActionContext) -> None:
            ran.append("registration")

        @house.engine.after("login", when="delivery", id="notify")
        async def signed_in(context: ActionContext) -> None:
            ran.append("login")

        await house.register()
        await house.sign_in()
        await house.until("DeliveryDelivered", 3)
        assert sorted(ran) == ["login", "registration"]
