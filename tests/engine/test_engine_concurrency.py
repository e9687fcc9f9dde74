"""`actions.<id>.concurrency`: so many calls of an action under way at a time, and what limen.yml says of a handler."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from limen.adapters import open_engine
from limen.adapters.configuration import examine, read, restore
from limen.adapters.sink import Reply, Sink
from limen.domain import ActionContext, ActionFailed, Actions
from tests.support.engine import configuration, hook, ignore, open_house

SLOW = Reply(delay=0.15)


def limited(**settings: Any) -> dict[str, Any]:
    return {"actions": {"one": settings}}


class Crowd:
    """A handler that counts how many are in it at a time."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.inside, self.most, self.calls = seconds, 0, 0, 0

    async def __call__(self, context: ActionContext) -> None:
        self.inside += 1
        self.calls += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.inside -= 1


async def test_calls_of_a_web_hook_wait_for_each_other_and_those_of_another_do_not() -> None:
    slots = {"login.before": [hook("/one", id="one")], "registration.before": [hook("/other", id="other")]}
    async with open_house(slots, settings=limited(concurrency=1)) as house:
        house.sink.script("/one", SLOW)
        house.sink.script("/other", SLOW)
        await asyncio.gather(*(house.start(kind) for kind in ("login", "registration") for _ in range(4)))
        ones = [request.at for request in house.sink.of("/one")]
        assert all(later - earlier >= SLOW.delay for earlier, later in pairwise(ones))
        others = [request.at for request in house.sink.of("/other")]
        assert max(others) - min(others) < SLOW.delay


async def test_deliveries_and_awaited_calls_of_an_action_share_its_places() -> None:
    slots = {
        "login.before": [ignore("/one", id="one")],
        "registration.before": [hook("/one", id="one")],
        "recovery.after": [hook("/one", id="one")],
    }
    async with open_house(slots, settings=limited(concurrency=1)) as house:
        await house.register()
        house.sink.received.clear()
        house.sink.script("/one", SLOW)
        recovering = await house.ask_code("recovery")
        await asyncio.gather(
            house.start("login"), house.start("registration"), house.start("registration"), house.give_code(recovering)
        )
        await house.until("DeliveryDelivered", 2)
        ones = [request.at for request in house.sink.of("/one")]
        assert len(ones) == 4
        assert all(later - earlier >= SLOW.delay for earlier, later in pairwise(ones))


async def test_a_backlog_of_one_action_holds_up_no_other_and_none_of_it_counts_as_tried() -> None:
    slots = {"login.before": [ignore("/one", id="one")], "registration.before": [ignore("/other", id="other")]}
    async with open_house(slots, settings=limited(concurrency=1)) as house:
        house.sink.script("/one", SLOW)
        await asyncio.gather(*(house.start("login") for _ in range(20)))
        await house.start("registration")
        for count in range(1, 10):
            if house.sink.of("/other"):
                break
            await house.sink.wait(count)
        assert len(house.sink.of("/other")) == 1
        for _ in range(100):
            if len(house.log("DeliveryDelivered")) == 21:
                break
            house.clock.advance(1)
            await asyncio.sleep(0.1)
        ones = [request.at for request in house.sink.of("/one")]
        assert len(ones) == 20
        assert all(later - earlier >= SLOW.delay for earlier, later in pairwise(ones))
        assert [entry.data["attempt"] for entry in house.log("DeliveryDelivered")] == [1] * 21


async def test_a_named_handler_is_limited_by_what_limen_yml_says_of_its_id() -> None:
    crowd, actions = Crowd(0.05), Actions()
    actions.named("hook_1", slots=["login.before"])(crowd)
    slots = {"login.before": [{"hook": "hook_1", "config": {"id": "one"}}]}
    async with open_house(slots, actions=actions, settings=limited(concurrency=2)) as house:
        await asyncio.gather(*(house.start("login") for _ in range(7)))
    assert (crowd.calls, crowd.most) == (7, 2)


@pytest.mark.parametrize("named", [True, False])
async def test_the_wait_for_a_place_counts_against_the_deadline(named: bool) -> None:
    crowd, actions = Crowd(0.4), Actions()
    actions.named("hook_1", slots=["login.before"])(crowd)
    own = limited(concurrency=1, timeout="600ms", **({} if named else {"retry": {"attempts": 1}}))
    async with Sink() as sink:
        sink.script("/one", Reply(delay=0.4))
        called = {"hook": "web_hook", "config": {"id": "one", "url": f"{sink.url}/one", "method": "POST"}}
        entry = {"hook": "hook_1", "config": {"id": "one"}} if named else called
        config = configuration({"login.before": [entry]})
        async with open_engine(config, "memory:", settings=own, actions=actions) as engine:
            answers = await asyncio.gather(*(engine.start("login") for _ in range(3)), return_exceptions=True)
    late = [answer for answer in answers if isinstance(answer, ActionFailed)]
    assert len(late) == 2
    assert {error.reason for error in late} == {"timeout"}


@pytest.mark.parametrize(("own", "fails"), [({}, False), ({"timeout": "50ms"}, True), ({"concurrency": 3}, False)])
@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
async def test_a_handler_has_the_time_limen_yml_gives_it_else_that_of_its_registration(
    own: dict[str, Any], fails: bool, when: Any
) -> None:
    actions = Actions()
    actions.named("hook_1", slots=["registration.after"], timeout=20, when=when)(Crowd(0.2))
    config = configuration({"registration.after": [{"hook": "hook_1", "config": {"id": "one"}}]})
    async with open_engine(config, "memory:", settings=limited(**own), actions=actions) as engine:
        flow = await engine.start("registration")
        values = {"traits": {"email": "ada@example.org"}, "password": "correct horse battery"}
        submitting = engine.submit(flow.id, method="password", values=values)
        if fails:
            with pytest.raises(ActionFailed, match=r"timeout: no answer within 0\.0"):
                await submitting
        else:
            assert (await submitting).state == "completed"


async def test_a_registration_with_more_time_than_the_default_keeps_it_under_the_published_configuration() -> None:
    """What is read back from the log says no more than the file did."""
    config = configuration({"login.before": [{"hook": "hook_1", "config": {"id": "one"}}]})
    hooks = {"hook_1": ("login.before",)}
    first = read(config, limited(concurrency=3), env={}, hooks=hooks)
    again = read(restore(first.document, first.secret_document), env={}, hooks=hooks)
    assert "timeout" not in again.settings.actions["one"].given
    assert again.settings.actions == first.settings.actions
    timed = read(config, limited(timeout="30s"), env={}, hooks=hooks)
    again = read(restore(timed.document, timed.secret_document), env={}, hooks=hooks)
    assert "timeout" in again.settings.actions["one"].given


def test_what_a_handler_does_not_have_is_said_when_the_file_is_read() -> None:
    config = configuration({"login.before": [{"hook": "hook_1", "config": {"id": "one"}}]})
    own = limited(retry={"attempts": 2}, signing_secrets=["a-secret-of-the-test"])
    reading = examine(config, own, env={}, hooks={"hook_1": ("login.before",)})
    assert [warning for warning in reading.warnings if "hook_1" in warning] == [
        "/actions/one/retry: limen.yml: 'hook_1' is a handler, which has no retry",
        "/actions/one/signing_secrets: limen.yml: 'hook_1' is a handler, which has no signing_secrets",
    ]
