"""Given Python handlers and hooks over the bus on record, then only what is pure is run again, and nobody is asked."""

import asyncio
from typing import Any

import pytest

from limen.domain import ActionContext, ActionFailed, Actions, Interrupt, Modify
from tests.simulation.house import last_turn, told
from tests.support.engine import ADA, hook, open_house, parse
from tests.support.service import Service, ask, no

RISK = parse("/risk", id="risk")


def deciding(answer: Any, *, pure: bool = True) -> Actions:
    """One handler after a login."""
    actions = Actions()

    @actions.after("login", id="mine", pure=pure)
    def mine(context: ActionContext) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer(context) if callable(answer) else answer

    return actions


def stops(context: ActionContext) -> Interrupt:
    return Interrupt.flow(f"not you, {context.identity.traits['email']}", id=7)


@pytest.mark.parametrize(
    ("then", "now", "recorded", "verdict", "end"),
    [
        (None, None, "continue", "continue", "completed"),
        (None, stops, "continue", "interrupt", "interrupted"),
        (stops, None, "interrupt", "continue", "completed"),
        (None, ValueError("x"), "continue", "fail", "released"),
        (None, lambda _: Modify(traits={"email": ADA}), "continue", "fail", "released"),
    ],
)
async def test_a_pure_handler_is_run_again(then: Any, now: Any, recorded: str, verdict: str, end: str) -> None:
    async with open_house({"login.after": [RISK]}, actions=deciding(then)) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [RISK]}, actions=deciding(now))
        assert (turn.end, turn.unknown) == (end, False)
        mine = turn.actions[1]
        assert (mine.recorded, mine.verdict, mine.by) == (recorded, verdict, "decided")


async def test_a_handler_that_is_not_pure_is_not_run() -> None:
    called: list[str] = []
    async with open_house({"login.after": [RISK]}, actions=deciding(lambda _: called.append("x"), pure=False)) as house:
        await house.register()
        await house.sign_in()
        called.clear()
        turn = await last_turn(
            house, {"login.after": [RISK]}, actions=deciding(lambda _: called.append("x"), pure=False)
        )
        assert (turn.end, told(turn)["mine"], called) == ("unknown", ("none", "unknown"), [])
        assert not turn.differs


async def test_without_the_application_the_handlers_on_record_stand_in() -> None:
    async with open_house({"login.after": [RISK]}, actions=deciding(None)) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [RISK]})
        assert (turn.end, turn.differs, turn.removed) == ("unknown", False, ())
        assert told(turn)["mine"] == ("none", "unknown")


async def test_with_an_application_that_has_it_no_more_a_handler_is_removed() -> None:
    async with open_house({"login.after": [RISK]}, actions=deciding(stops)) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [RISK]}, actions=Actions())
        assert (turn.recorded, turn.end) == ("interrupted", "completed")
        assert [one.id for one in turn.removed] == ["mine"]


async def test_a_pure_handler_that_never_answers_fails_in_its_time() -> None:
    actions = Actions()

    @actions.after("login", id="mine", pure=True, timeout=0.05)
    async def mine(context: ActionContext) -> None:
        await asyncio.Event().wait()

    async with open_house({"login.after": [RISK]}, actions=deciding(None)) as house:
        await house.register()
        await house.sign_in()
        async with asyncio.timeout(10):
            turn = await last_turn(house, {"login.after": [RISK]}, actions=actions)
        assert (turn.end, told(turn)["mine"]) == ("released", ("none", "fail"))


async def test_what_a_handler_would_be_given_counts_as_it_was_then() -> None:
    async with open_house({"login.after": [RISK]}, actions=deciding(None)) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [RISK]}, actions=deciding(stops), session={"lifespan": "1h"})
        assert told(turn)["mine"] == ("none", "unknown")


# ------------------------------------------------------------------------------------------------ named by the file


def named(answer: Any, *, pure: bool = True) -> Actions:
    actions = Actions()

    @actions.named("screening", slots=["login.after"], pure=pure)
    def screening(context: ActionContext) -> Any:
        return answer(context) if callable(answer) else answer

    return actions


async def test_a_handler_that_the_file_names_is_run_again_where_it_is_at_hand() -> None:
    hooks = {"login.after": [RISK, {"hook": "screening"}]}
    async with open_house(hooks, actions=named(stops)) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, hooks, actions=named(None))
        assert (turn.recorded, turn.end, turn.unknown) == ("interrupted", "completed", False)
        turn = await last_turn(house, hooks)
        assert (turn.end, turn.differs, turn.actions[1].verdict) == ("unknown", False, "unknown")
        turn = await last_turn(house, {"login.after": [RISK]})
        assert turn.end == "completed"
        assert len(turn.removed) == 1


# --------------------------------------------------------------------------------------------------- over the bus


async def test_an_answer_over_the_bus_counts_again_and_nobody_is_asked() -> None:
    service = Service()
    service.on("ask.it", no(), None)
    settings = {"hooks": [ask("login.after")]}
    async with open_house(settings=settings, bus=service.bus) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, settings=settings)
        assert (turn.end, turn.differs, turn.unknown) == ("interrupted", False, False)
        both = {"hooks": [ask("login.after"), ask("login.after", "second")]}
        turn = await last_turn(house, settings=both)
        assert (turn.end, told(turn)) == ("interrupted", {"it": ("same", "interrupt")})
        elsewhere = {"hooks": [ask("login.after", subject="ask.somebody")]}
        turn = await last_turn(house, settings=elsewhere)
        assert (turn.end, turn.actions[0].changed) == ("unknown", ("subject",))
        assert (await last_turn(house, settings={})).end == "completed"
        assert service.subjects == ["ask.it"]


async def test_a_failure_over_the_bus_that_is_let_pass_lets_the_flow_pass() -> None:
    service = Service()
    settings = {"hooks": [ask("login.after", timeout="50ms")], "actions": {"it": {"retry": {"attempts": 1}}}}
    async with open_house(settings=settings, bus=service.bus) as house:
        await house.register()
        with pytest.raises(ActionFailed):
            await house.sign_in()
        assert (await last_turn(house, settings=settings)).outcome == "same"
        lenient = {**settings, "hooks": [ask("login.after", timeout="50ms", on_failure="continue")]}
        turn = await last_turn(house, settings=lenient)
        assert (turn.recorded, turn.end, told(turn)) == ("released", "completed", {"it": ("same", "fail")})


async def test_a_web_hook_that_becomes_a_hook_over_the_bus_asks_somebody_else() -> None:
    service = Service()
    async with open_house({"login.after": [hook("/risk", id="it")]}, bus=service.bus) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, settings={"hooks": [ask("login.after")]})
        assert (turn.end, told(turn)) == ("unknown", {"it": ("new", "unknown")})
        assert [one.id for one in turn.removed] == ["it"]
