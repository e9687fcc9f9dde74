"""An action says no: what the user sees, and that nothing of the submission has happened."""

from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import ActionFailed, FlowFinished, FlowRejected, Outcome
from tests.support.engine import ADA, PASSWORD, House, hook, identity, messages, open_house, parse, quick, shown

NO = messages(("#/traits/email", 1234, "not this one"), ("#/", 1235, "sorry"))


async def submitted(house: House, kind: str) -> Outcome:
    """A submission of this flow that is right in itself, by somebody who is registered."""
    if kind == "registration":
        return await house.register("bob@example.org")
    if kind == "login":
        return await house.sign_in()
    if kind == "settings":
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": ADA, "age": 50}}
        return await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
    return await house.give_code(await house.ask_code(kind))


async def again(house: House, outcome: Outcome, kind: str) -> Outcome:
    """The same submission to the same flow once more."""
    flow, code = outcome.flow, {"code": house.code} if house.courier.messages else {}
    if kind == "registration":
        values = {"traits": {"email": "bob@example.org"}, "password": PASSWORD}
        return await house.engine.submit(flow.id, method="password", values=values)
    if kind == "login":
        return await house.engine.submit(flow.id, method="password", values={"identifier": ADA, "password": PASSWORD})
    if kind == "settings":
        token = (await house.sign_in()).session_token
        values = {"traits": {"email": ADA, "age": 50}}
        return await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
    return await house.engine.submit(flow.id, method="code", values=code)


HAPPENED = {
    "registration": "IdentityRegistered",
    "login": "SessionIssued",
    "settings": "TraitsChanged",
    "recovery": "SessionIssued",
    "verification": "AddressVerified",
}


@pytest.mark.parametrize("kind", sorted(HAPPENED))
async def test_an_interruption_leaves_the_flow_submittable_and_nothing_done(kind: str) -> None:
    async with open_house({f"{kind}.after": [parse("/parse")]}) as house:
        await house.register()
        before = len(house.log(HAPPENED[kind]))
        house.sink.script("/parse", [NO, Reply()])
        outcome = await submitted(house, kind)
        issued = 1 if kind == "settings" else 0
        assert not outcome.completed
        assert outcome.session is None
        assert shown(outcome) == {None: [1235], "traits.email": [1234]}
        assert len(house.log(HAPPENED[kind])) == before
        assert len(house.log("SessionIssued")) == issued
        assert len(house.log("FlowInterrupted")) == 1
        second = await again(house, outcome, kind)
        assert second.completed, "the code is not spent, the flow is the user's"
        assert len(house.log(HAPPENED[kind])) == before + 1


@pytest.mark.parametrize(
    ("pointer", "node"),
    [
        ("#/traits/email", "traits.email"),
        ("#/traits/name/first", "traits.name.first"),
        ("#/password", "password"),
        ("#/method", "method"),
        ("#/traits/unknown", "traits.unknown"),
        ("#/", None),
        ("", None),
    ],
)
async def test_a_message_stands_on_the_node_its_pointer_names(pointer: str, node: str | None) -> None:
    async with open_house({"registration.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", messages((pointer, 42, "no")))
        outcome = await house.register()
        assert shown(outcome) == {node: [42]}


async def test_a_message_on_the_method_stands_on_a_button_and_one_without_a_node_gets_a_text_field() -> None:
    async with open_house({"registration.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", messages(("#/method", 5, "no"), ("#/invite", 3, "no")))
        nodes = (await house.register()).flow.ui.nodes
        (button,) = [node for node in nodes if node.attributes.name == "method" and node.messages]
        assert button.attributes.type == "submit"
        (made,) = [node for node in nodes if node.attributes.name == "invite"]
        assert (made.type, made.group, made.attributes.type) == ("input", "default", "text")


@pytest.mark.parametrize(("kind", "seen"), [("error", "error"), ("info", "info"), ("success", "info"), ("", "info")])
async def test_type_error_is_an_error_and_every_other_type_is_info(kind: str, seen: str) -> None:
    async with open_house({"login.after": [parse("/parse")]}) as house:
        await house.register()
        house.sink.script("/parse", messages(("#/", 2, "hm"), kind=kind))
        (message,) = (await house.sign_in()).flow.ui.messages
        assert (message.id, message.text, message.type) == (2, "hm", seen)


@pytest.mark.parametrize("status", [400, 403, 422, 500, 503])
async def test_messages_under_any_status_from_400_interrupt_and_are_not_tried_again(status: int) -> None:
    async with open_house({"login.after": [parse("/parse")]}) as house:
        await house.register()
        house.sink.script("/parse", messages(("#/", 2, "no"), status=status))
        outcome = await house.sign_in()
        assert shown(outcome) == {None: [2]}
        assert house.called() == ["/parse"]


async def test_what_stands_behind_a_refusing_action_does_not_run() -> None:
    async with open_house({"login.after": [hook("/1"), parse("/2"), hook("/3")]}) as house:
        await house.register()
        house.sink.script("/2", NO)
        await house.sign_in()
        assert house.called() == ["/1", "/2"]


# ------------------------------------------------------------------------------------------------------------ before


@pytest.mark.parametrize("kind", sorted(HAPPENED))
async def test_an_interruption_of_a_before_action_rejects_the_flow_with_its_messages(kind: str) -> None:
    async with open_house({f"{kind}.before": [parse("/before", id="gate")]}) as house:
        token = None
        if kind == "settings":
            await house.register()
            token = (await house.sign_in()).session_token
        house.sink.script("/before", messages(("#/traits/email", 9, "closed"), ("#/", 8, "today")))
        with pytest.raises(FlowRejected) as rejected:
            await house.start(kind, session_token=token)
        assert rejected.value.id == "flow_rejected_by_action"
        assert [(one["id"], one["text"], one.get("node")) for one in rejected.value.messages] == [
            (9, "closed", "traits.email"),
            (8, "today", None),
        ]
        assert rejected.value.action == "gate"
        shown_now = await house.engine.flow(rejected.value.flow_id)
        assert shown_now.state == "rejected"
        with pytest.raises(FlowFinished):
            await house.engine.submit(rejected.value.flow_id, method="password", values={}, session_token=token)


async def test_a_failing_before_action_ends_the_start_and_no_flow_opens() -> None:
    async with open_house({"login.before": [hook("/before", id="gate")]}, settings=quick("gate")) as house:
        house.sink.script("/before", Reply(500))
        with pytest.raises(ActionFailed) as failed:
            await house.start("login")
        assert (failed.value.reason, failed.value.stands) == ("upstream", False)
        assert not house.log("FlowOpened")
        assert [entry.data["reason"] for entry in house.log("FlowFailed")] == ["action_failed"]


@pytest.mark.parametrize("answer", [{"email": 5}, {"email": "bob@example.org"}], ids=["unfit", "taken"])
async def test_settings_show_what_was_typed_though_an_action_made_something_else_of_it(answer: dict[str, Any]) -> None:
    async with open_house({"settings.after": [parse("/parse")]}) as house:
        await house.register("bob@example.org")
        await house.register(traits={"name": {"first": "Ada"}, "age": 36})
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        house.sink.script("/parse", identity(traits=answer))
        values = {"traits": {"email": ADA, "age": 50}}
        refused = await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert not refused.completed
        typed = {one.attributes.name: one.attributes.value for one in refused.flow.ui.nodes if one.group == "profile"}
        assert (typed["traits.email"], typed["traits.name.first"], typed["traits.age"]) == (ADA, None, 50)
