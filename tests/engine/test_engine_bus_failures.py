"""No reply over the bus, or none that can be read: what a flow makes of it, and which hooks are refused outright."""

from collections.abc import Mapping

import pytest

from limen.adapters import open_engine
from limen.adapters.bus.memory.replies import Reply
from limen.domain import ActionFailed, ConfigurationInvalid
from tests.support.engine import ADA, PASSWORD, JsonDict, configuration, open_house, quick, shown, uri
from tests.support.service import Service, ask, no


@pytest.fixture
def service() -> Service:
    return Service()


# --------------------------------------------------------------------------------------------------------- no reply


async def test_without_a_replier_nothing_is_stored_and_the_flow_is_free_again(service: Service) -> None:
    settings = {**quick("it"), "hooks": [ask("registration.after")]}
    async with open_house(settings=settings, bus=service.bus) as house:
        flow = await house.start("registration")
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        with pytest.raises(ActionFailed) as failed:
            await house.engine.submit(flow.id, method="password", values=values)
        assert (failed.value.action, failed.value.reason, failed.value.stands) == ("it", "upstream", False)
        assert failed.value.detail == "nobody answers on ask.it"
        assert not house.log("IdentityRegistered")
        assert [entry.data["final"] for entry in house.log("ActionFailed")] == [False, False, True]
        assert len({entry.data["trigger_id"] for entry in house.log("ActionStarted")}) == 1
        service.on("ask.it")
        assert (await house.engine.submit(flow.id, method="password", values=values)).completed


async def test_a_reply_after_the_deadline_is_none(service: Service) -> None:
    service.silent_on("ask.it")
    settings = {"hooks": [ask("login.after", timeout="50ms")]}
    async with open_house(settings=settings, bus=service.bus) as house:
        await house.register()
        with pytest.raises(ActionFailed) as failed:
            await house.sign_in()
        assert failed.value.reason == "timeout"
        assert not house.log("SessionIssued")
        assert service.subjects == ["ask.it"]


@pytest.mark.parametrize(
    "reply",
    [b"no JSON", b'"a text"', b"[]", b'{"identity": 3}', b'{"messages": "no"}', b'{"messages": [{}]}', b"[" * 5000],
)
async def test_a_malformed_reply_is_a_failure_that_is_not_tried_again(reply: bytes, service: Service) -> None:
    service.on("ask.it", reply)
    async with open_house(settings={"hooks": [ask("login.after")]}, bus=service.bus) as house:
        await house.register()
        with pytest.raises(ActionFailed) as failed:
            await house.sign_in()
        assert failed.value.reason == "upstream"
        assert service.subjects == ["ask.it"]
        assert not house.log("SessionIssued")


async def test_a_replier_that_raises_is_a_failure_without_a_word_of_what_it_said(service: Service) -> None:
    @service.bus.replies.reply("ask.it")
    async def fail(body: bytes, headers: Mapping[str, str]) -> Reply:
        raise ValueError("a secret of the replier's")

    async with open_house(settings={**quick("it"), "hooks": [ask("login.after")]}, bus=service.bus) as house:
        await house.register()
        with pytest.raises(ActionFailed) as failed:
            await house.sign_in()
        assert "secret" not in str(failed.value)
        assert "ValueError" in failed.value.detail


@pytest.mark.parametrize("broken", ["nobody", "late", "malformed", "template"])
async def test_with_continue_a_failure_is_on_record_and_the_flow_goes_on(broken: str, service: Service) -> None:
    parts: JsonDict = {"on_failure": "continue", "timeout": "50ms"}
    if broken == "late":
        service.silent_on("ask.it")
    elif broken == "malformed":
        service.on("ask.it", b"no JSON")
    elif broken == "template":
        parts["body"] = uri("function(ctx) error 'out of order'")
    service.on("ask.next")
    hooks = [ask("login.after", **parts), ask("login.after", "next")]
    settings = {"actions": {"it": {"retry": {"attempts": 1}}}, "hooks": hooks}
    async with open_house(settings=settings, bus=service.bus) as house:
        await house.register()
        outcome = await house.sign_in()
        assert outcome.completed
        assert outcome.session is not None
        (failure,) = house.log("ActionFailed")
        assert failure.data["final"] is True
        assert failure.data["action"]["id"] == "it"
        assert service.subjects[-1] == "ask.next"


async def test_with_continue_a_flow_opens_though_nobody_answers_before_it(service: Service) -> None:
    hooks = [ask("login.before", on_failure="continue")]
    async with open_house(settings={**quick("it"), "hooks": hooks}, bus=service.bus) as house:
        assert (await house.start("login")).state == "choose_method"
        assert len(house.log("ActionFailed")) == 3


async def test_with_continue_a_no_is_still_a_no(service: Service) -> None:
    service.on("ask.it", no())
    settings = {"hooks": [ask("login.after", on_failure="continue")]}
    async with open_house(settings=settings, bus=service.bus) as house:
        await house.register()
        assert shown(await house.sign_in()) == {None: [7]}


# ---------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("bus", [None, "redis://user:hidden@127.0.0.1", "kafka://127.0.0.1"])
async def test_hooks_need_a_bus_that_brings_replies(bus: str | None) -> None:
    settings = {"hooks": [ask("login.after")], **({"bus": bus} if bus else {})}
    with pytest.raises(ConfigurationInvalid) as refused:
        async with open_engine(configuration(), "memory:", settings=settings):
            raise AssertionError("it must not open")
    assert "hidden" not in str(refused.value)
    assert ("give bus in limen.yml" if bus is None else "asks need NATS, RabbitMQ or memory:") in str(refused.value)


async def test_the_argument_counts_before_the_settings(service: Service) -> None:
    service.on("ask.it")
    settings = {"hooks": [ask("login.before")], "bus": "redis://127.0.0.1:1"}
    async with open_house(settings=settings, bus=service.bus) as house:
        await house.start("login")
        assert service.subjects == ["ask.it"]


async def test_a_bus_in_memory_is_found_by_its_url(service: Service) -> None:
    service.on("ask.it")
    settings = {"hooks": [ask("login.before")], "bus": service.bus.url}
    async with open_house(settings=settings) as house:
        await house.start("login")
        assert service.subjects == ["ask.it"]


async def test_a_fault_of_a_hook_stops_the_engine_from_opening() -> None:
    with pytest.raises(ConfigurationInvalid, match=r"/hooks/0/subject: limen\.yml: "):
        async with open_engine(configuration(), "memory:", settings={"hooks": [ask("login.after", subject="a b")]}):
            raise AssertionError("it must not open")
