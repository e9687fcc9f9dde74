"""Python handlers: registration, resolution, the frozen context, answers, threads, timeouts, and what is recorded."""

import asyncio
import threading
from typing import Any

import pytest

from limen.domain import (
    ActionContext,
    ActionFailed,
    Actions,
    ConfigurationInvalid,
    Modify,
)
from limen.domain.handler import HandlersSealed
from tests.support.engine import ADA, hook, identity, open_house, parse


async def test_the_decorators_of_the_engine_and_of_actions_are_the_same() -> None:
    actions, ran = Actions(), []

    @actions.after("registration", method="password", when="before_commit", timeout=30, id="mine", pure=False)
    async def mine(context: ActionContext) -> None:
        ran.append("actions")

    async with open_house(actions=actions) as house:

        @house.engine.before("registration")
        async def before(context: ActionContext) -> None:
            ran.append("before")

        @house.engine.after("registration", method="password")
        async def after(context: ActionContext) -> None:
            ran.append("engine")

        await house.register()
        assert ran == ["before", "actions", "engine"]


async def test_after_the_first_flow_nothing_can_be_registered() -> None:
    async with open_house() as house:
        await house.start("login")
        with pytest.raises(HandlersSealed):
            house.engine.before("login")(lambda context: None)


@pytest.mark.parametrize(
    "register",
    [
        lambda actions: actions.before("logout"),
        lambda actions: actions.after("login", method="telepathy"),
        lambda actions: actions.named("x", slots=["login.during"])(lambda context: None),
    ],
)
async def test_a_slot_that_does_not_exist_is_refused(register: Any) -> None:
    with pytest.raises(ValueError, match=r"there is no flow|knows no method|is no slot"):
        register(Actions())


# ------------------------------------------------------------------------------------------------------ named hooks


async def test_a_named_handler_stands_in_the_configuration_among_its_actions() -> None:
    actions, ran = Actions(), []

    @actions.named("hook_1", slots=["login.before", "login.after"])
    async def hook_1(context: ActionContext) -> None:
        ran.append("before" if context.identity is None else "after")

    hooks = {"login.before": [{"hook": "hook_1"}], "login.after": [hook("/1"), {"hook": "hook_1"}, hook("/2")]}
    async with open_house(hooks, actions=actions) as house:
        await house.register()
        await house.sign_in()
        assert ran == ["before", "after"]
        (_, after) = house.log("ActionsPlanned")
        assert [one["hook"] for one in after.data["actions"]] == ["web_hook", "hook_1", "web_hook"]


@pytest.mark.parametrize("slot", ["registration.before", "login.after.password"])
async def test_a_named_handler_elsewhere_or_an_unknown_name_is_refused(slot: str) -> None:
    actions = Actions()
    actions.named("hook_1", slots=["login.before"])(lambda context: None)
    for name in ("hook_1", "hook_2"):
        with pytest.raises(ConfigurationInvalid) as refused:
            async with open_house({slot: [{"hook": name}]}, actions=actions):
                pass
        assert all(fault.path.startswith("/selfservice/flows/") for fault in refused.value.faults)


# ------------------------------------------------------------------------------------------------------ the context


async def test_the_context_has_the_keys_of_ctx_frozen_and_what_does_not_apply_is_none() -> None:
    seen: list[ActionContext] = []
    async with open_house({"login.after": [hook("/after")]}) as house:

        @house.engine.before("login")
        async def before(context: ActionContext) -> None:
            seen.append(context)

        @house.engine.after("login")
        async def after(context: ActionContext) -> None:
            seen.append(context)

        await house.register()
        await house.sign_in()
        first, second = seen
        assert (first.identity, first.session, first.previous_identity) == (None, None, None)
        assert second.plain() == house.sent("/after"), "the very document a web hook is sent"
        assert second.identity.traits["email"] == second["identity"]["traits"]["email"] == ADA
        with pytest.raises(AttributeError):
            second.identity = None
        with pytest.raises(TypeError):
            second.identity.traits["email"] = "x"
        with pytest.raises((TypeError, AttributeError)):
            second.identity.verifiable_addresses.append(1)
        assert ADA not in repr(second)


async def test_later_handlers_see_what_earlier_ones_modified() -> None:
    async with open_house({"registration.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", identity(metadata_public={"step": 1}))
        seen: list[Any] = []

        @house.engine.after("registration", id="one")
        async def one(context: ActionContext) -> Modify:
            seen.append(context.identity.metadata_public["step"])
            return Modify(metadata_public={"step": 2}, traits={"email": ADA, "age": 36})

        @house.engine.after("registration", id="two")
        async def two(context: ActionContext) -> None:
            seen.append((context.identity.metadata_public["step"], context.identity.traits["age"]))

        outcome = await house.register()
        assert seen == [1, (2, 36)]
        assert outcome.identity is not None
        assert outcome.identity.metadata_public.plain() == {"step": 2}


# -------------------------------------------------------------------------------------------------- threads and time


async def test_plain_functions_run_in_a_thread_and_pure_ones_where_they_are() -> None:
    threads: dict[str, int] = {}
    async with open_house() as house:

        @house.engine.before("login", id="plain")
        def plain(context: ActionContext) -> None:
            threads["plain"] = threading.get_ident()

        @house.engine.before("login", id="pure", pure=True)
        def pure(context: ActionContext) -> None:
            threads["pure"] = threading.get_ident()

        await house.start("login")
        assert threads["plain"] != threading.get_ident()
        assert threads["pure"] == threading.get_ident()


async def test_a_handler_that_takes_too_long_by_the_clock_is_a_timeout() -> None:
    begun = asyncio.Event()
    async with open_house() as house:

        @house.engine.before("login", timeout=5, id="slow")
        async def slow(context: ActionContext) -> None:
            begun.set()
            await asyncio.Event().wait()

        started = asyncio.create_task(house.start("login"))
        await begun.wait()
        for _ in range(3):  # until the engine, too, waits by the clock
            await asyncio.sleep(0)
        assert house.clock.waiting
        house.clock.advance(5)
        with pytest.raises(ActionFailed) as failed:
            await started
        assert (failed.value.reason, failed.value.action) == ("timeout", "slow")


async def test_a_handler_counts_as_calling_out_unless_it_is_pure() -> None:
    async with open_house() as house:
        sizes: list[int] = []

        @house.engine.before("login", id="calls_out")
        async def calls_out(context: ActionContext) -> None:
            sizes.append(house.size)

        @house.engine.before("registration", id="pure", pure=True)
        async def pure(context: ActionContext) -> None:
            sizes.append(house.size)

        await house.start("registration")
        flow = await house.start("login")
        first, second = sizes
        assert first <= 1, "nothing but the configuration is there: the plan is appended with the rest"
        assert second > first
        assert house.types(flow) == [
            "FlowInitiated", "ActionsPlanned", "ActionStarted", "ActionAnswered", "FlowOpened",
        ]  # fmt: skip


async def test_two_engines_have_handlers_of_their_own() -> None:
    ran: list[str] = []
    async with open_house() as one, open_house() as two:

        @one.engine.before("login")
        async def first(context: ActionContext) -> None:
            ran.append("one")

        @two.engine.before("login")
        async def second(context: ActionContext) -> None:
            ran.append("two")

        await two.start("login")
        await one.start("login")
        assert ran == ["two", "one"]


async def test_handlers_are_part_of_the_configurations_hash() -> None:
    async with open_house() as plain:
        bare = (await plain.start("login")).configuration
        assert (await plain.start("login")).configuration == bare
    actions = Actions()
    actions.before("login", id="x")(lambda context: None)
    async with open_house(actions=actions) as other:
        await other.start("login")
        (published,) = other.log("ConfigurationPublished")
        assert published.data["handlers"] == ["login.before=x"]
