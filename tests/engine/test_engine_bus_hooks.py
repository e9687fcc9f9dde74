"""Blocking actions over the bus: which run and when, what they are asked, what their replies do, what is on record."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.bus.memory.replies import Reply
from limen.domain import ActionContext, ActionFailed, Actions, FlowRejected, Interrupt
from tests.support.engine import ADA, PASSWORD, WHOLE, House, hook, open_house, parse, shown, uri
from tests.support.service import Service, ask, no


@pytest.fixture
def service() -> Service:
    return Service()


async def change(house: House) -> Any:
    """A settings flow in which somebody registered changes a trait."""
    token = (await house.sign_in()).session_token
    flow = await house.start("settings", session_token=token)
    values = {"traits": {"email": ADA, "age": 50}}
    return await house.engine.submit(flow.id, method="profile", values=values, session_token=token)


# -------------------------------------------------------------------------------------------- which, and in what order


async def test_a_method_s_hooks_override_the_default_ones(service: Service) -> None:
    for id_ in ("early", "default", "password"):
        service.on(f"ask.{id_}")
    hooks = [ask("login.before", "early"), ask("login.after", "default"), ask("login.after.password", "password")]
    async with open_house(settings={"hooks": hooks}, bus=service.bus) as house:
        await house.register()
        await house.sign_in()
        assert service.subjects == ["ask.early", "ask.password"]
        await house.give_code(await house.ask_code("login"))
        assert service.subjects == ["ask.early", "ask.password", "ask.early", "ask.default"]


async def test_hooks_run_after_configured_actions_and_before_handlers_and_override_neither(service: Service) -> None:
    order: list[str] = []

    @service.bus.replies.reply("ask.it")
    async def answer(body: bytes, headers: Mapping[str, str]) -> Reply:
        order.append("bus")
        return None

    actions = Actions()

    @actions.after("registration", id="mine", pure=True)
    def mine(context: ActionContext) -> None:
        order.append("python")

    hooks = {"registration.after": [{"hook": "session"}, parse("/first")]}
    settings = {"hooks": [ask("registration.after.password")]}
    async with open_house(hooks, settings=settings, bus=service.bus, actions=actions) as house:
        outcome = await house.register()
        assert outcome.session is not None
        assert house.called() == ["/first"]
        assert order == ["bus", "python"]
        (plan,) = house.log("ActionsPlanned")
        assert [one["id"] for one in plan.data["actions"]] == [
            "registration.after.1",
            "it",
            "mine",
            "registration.after.0",
        ]
        planned = plan.data["actions"][1]
        assert (planned["hook"], planned["source"], planned["timing"], planned["origin"]) == (
            "bus",
            "limen.yml#/hooks/0",
            "before_commit",
            "bus",
        )


async def test_what_interrupts_earlier_keeps_a_question_from_being_asked(service: Service) -> None:
    service.on("ask.it")
    actions = Actions()

    @actions.after("login", id="never", pure=True)
    def never(context: ActionContext) -> Interrupt:
        raise AssertionError("the hook over the bus had interrupted")

    settings = {"hooks": [ask("login.after"), ask("login.after", "second")]}
    service.on("ask.it", no())
    async with open_house(settings=settings, bus=service.bus, actions=actions) as house:
        await house.register()
        assert shown(await house.sign_in()) == {None: [7]}
        assert service.subjects == ["ask.it"]


# --------------------------------------------------------------------------------------------------- what a reply does


async def test_an_interruption_stands_on_its_field_and_nothing_is_stored(service: Service) -> None:
    service.on("ask.it", no("#/traits/email", 1234, "not this one"), None)
    async with open_house(settings={"hooks": [ask("registration.after")]}, bus=service.bus) as house:
        flow = await house.start("registration")
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        outcome = await house.engine.submit(flow.id, method="password", values=values)
        assert shown(outcome) == {"traits.email": [1234]}
        assert not house.log("IdentityRegistered")
        assert (await house.engine.submit(flow.id, method="password", values=values)).completed
        answered = house.log("ActionAnswered")
        assert [(entry.data["verdict"], entry.data["status"]) for entry in answered] == [
            ("interrupt", 400),
            ("continue", 200),
        ]


@pytest.mark.parametrize("kind", ["login", "recovery", "verification"])
async def test_the_other_flows_are_interrupted_too(kind: str, service: Service) -> None:
    service.on("ask.it", no(), None)
    async with open_house(settings={"hooks": [ask(f"{kind}.after")]}, bus=service.bus) as house:
        await house.register()
        flow = await house.ask_code(kind)
        assert shown(await house.give_code(flow)) == {None: [7]}
        assert not house.log("SessionIssued")
        assert not house.log("AddressVerified")
        assert (await house.give_code(flow)).completed


async def test_a_reply_modifies_a_registration_and_a_change(service: Service) -> None:
    service.on("ask.new", {"identity": {"metadata_public": {"plan": "gold"}}})
    service.on("ask.changed", {"identity": {"traits": {"email": ADA, "age": 51}}})
    hooks = [ask("registration.after.password", "new"), ask("settings.after.profile", "changed")]
    async with open_house(settings={"hooks": hooks}, bus=service.bus) as house:
        registered = (await house.register()).identity
        assert registered is not None
        assert registered.metadata_public == {"plan": "gold"}
        assert (await change(house)).identity.traits["age"] == 51
        assert [entry.data["modified"] for entry in house.log("ActionAnswered")] == [["metadata_public"], ["traits"]]


async def test_a_result_that_breaks_the_schema_is_refused_on_its_field(service: Service) -> None:
    service.on("ask.it", {"identity": {"traits": {"email": ADA, "age": 3}}})
    async with open_house(settings={"hooks": [ask("registration.after")]}, bus=service.bus) as house:
        assert list(shown(await house.register())) == ["traits.age"]
        assert not house.log("IdentityRegistered")


async def test_an_identity_in_a_login_is_ignored_and_the_record_says_so(service: Service) -> None:
    service.on("ask.it", {"identity": {"metadata_public": {"plan": "gold"}}})
    async with open_house(settings={"hooks": [ask("login.after")]}, bus=service.bus) as house:
        await house.register()
        assert (await house.sign_in()).completed
        assert [entry.data["verdict"] for entry in house.log("ActionAnswered")] == ["ignored"]


async def test_before_a_flow_a_no_rejects_it(service: Service) -> None:
    service.on("ask.it", no("#/", 9, "not from there"), {})
    async with open_house(settings={"hooks": [ask("login.before")]}, bus=service.bus) as house:
        with pytest.raises(FlowRejected) as rejected:
            await house.start("login")
        assert [message["id"] for message in rejected.value.messages] == [9]
        assert (await house.start("login")).state == "choose_method"


# ----------------------------------------------------------------------------------------------------- what is asked


async def test_the_standard_payload_or_the_whole_context_is_asked(service: Service) -> None:
    service.on("ask.plain")
    service.on("ask.whole")
    hooks = [ask("registration.after", "plain"), ask("registration.after", "whole", body=WHOLE)]
    async with open_house(settings={"hooks": hooks}, bus=service.bus) as house:
        outcome = await house.register()
        assert outcome.identity is not None
        (_, plain, headers), (_, whole, other) = service.asked
        assert plain["type"] == "registration.after.password"
        assert plain["data"] == {
            "flow_id": str(outcome.flow.id),
            "flow_type": "api",
            "method": "password",
            "identity_id": outcome.identity.id,
        }
        assert whole["identity"]["traits"]["email"] == ADA
        (started, _) = house.log("ActionStarted")
        assert headers["Ory-Webhook-Trigger-ID"] == started.data["trigger_id"]
        assert headers["content-type"] == "application/json"
        assert headers["Ory-Webhook-Trigger-ID"] != other["Ory-Webhook-Trigger-ID"]


async def test_before_a_flow_the_payload_names_its_place(service: Service) -> None:
    service.on("ask.it")
    async with open_house(settings={"hooks": [ask("login.before")]}, bus=service.bus) as house:
        await house.start("login")
        ((_, body, _),) = service.asked
        assert (body["type"], body["data"]["method"]) == ("login.before", None)


async def test_a_template_may_cancel_and_its_failure_is_the_action_s(service: Service) -> None:
    service.on("ask.it")
    cancel, fail = uri("function(ctx) error 'cancel'"), uri("function(ctx) error 'out of order'")
    hooks = [ask("registration.after", body=cancel), ask("login.after", "broken", body=fail)]
    async with open_house(settings={"hooks": hooks}, bus=service.bus) as house:
        await house.register()
        assert len(house.log("ActionCanceled")) == 1
        with pytest.raises(ActionFailed) as failed:
            await house.sign_in()
        assert failed.value.reason == "template"
        assert service.asked == []


async def test_concurrency_holds_for_hooks_too(service: Service) -> None:
    under_way, most = 0, 0

    @service.bus.replies.reply("ask.it")
    async def count(body: bytes, headers: Mapping[str, str]) -> Reply:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return None

    settings = {"actions": {"it": {"concurrency": 2}}, "hooks": [ask("login.before")]}
    async with open_house(settings=settings, bus=service.bus) as house:
        await asyncio.gather(*(house.start("login") for _ in range(8)))
        assert most == 2


async def test_web_hooks_and_hooks_over_the_bus_see_what_the_other_modified(service: Service) -> None:
    service.on("ask.it", {"identity": {"metadata_public": {"seen": "bus"}}})
    hooks = {"registration.after": [parse("/first"), hook("/after")]}
    settings = {"hooks": [ask("registration.after", body=WHOLE)]}
    async with open_house(hooks, settings=settings, bus=service.bus) as house:
        await house.register()
        assert house.sent("/after")["identity"]["metadata_public"] == {"seen": "bus"}


# ------------------------------------------------------------------------------------------------------- the record


async def test_each_attempt_is_on_record_before_it_leaves(service: Service) -> None:
    seen: list[list[str]] = []

    @service.bus.replies.reply("ask.it")
    async def look(body: bytes, headers: Mapping[str, str]) -> Reply:
        seen.append([entry.type for entry in house.log() if entry.kind == "flow"])
        return None

    async with open_house(settings={"hooks": [ask("registration.after")]}, bus=service.bus) as house:
        outcome = await house.register()
        assert seen == [
            ["FlowInitiated", "FlowOpened", "MethodSubmitted", "MethodAccepted", "ActionsPlanned", "ActionStarted"]
        ]
        (answered,) = house.log("ActionAnswered")
        assert answered.data["action"] == {
            "hook": "bus",
            "id": "it",
            "position": 0,
            "phase": "after",
            "method": "password",
        }
        assert answered.data["response_digest"]
        assert house.log("ActionStarted")[0].data["request_digest"]
        assert answered.stream == outcome.flow.id


async def test_a_flow_keeps_the_hooks_it_began_with(service: Service, tmp_path: Path) -> None:
    service.on("ask.it", no())
    store = f"sqlite:///{tmp_path}/store.db"
    values = {"identifier": ADA, "password": PASSWORD}
    settings = {"hooks": [ask("login.after", body=WHOLE, timeout="5s")]}
    async with open_house(settings=settings, bus=service.bus, store=store) as house:
        await house.register()
        flow = await house.start("login")
        assert len(house.log("ConfigurationPublished")) == 1
    async with open_house(bus=service.bus, store=store) as house:
        outcome = await house.engine.submit(flow.id, method="password", values=values)
        assert shown(outcome) == {None: [7]}
        assert (await house.sign_in()).completed, "a new flow has no hooks"
        assert len(house.log("ConfigurationPublished")) == 2
    async with open_house(store=store) as house:
        with pytest.raises(ActionFailed) as failed:
            await house.engine.submit(flow.id, method="password", values=values)
        assert (failed.value.reason, failed.value.stands) == ("handler", False)
        assert failed.value.detail == "there is no bus to ask over; give bus in limen.yml"
