"""Changes of address that wait, decided again: the same under the same configuration, and otherwise under others."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from limen.domain import Actions
from limen.domain.simulation.foresight import Foresight, TurnForesight
from tests.simulation.house import foresee, last_turn, told
from tests.support.addresses import (
    BACKUP,
    NEW,
    PROFILE,
    RESCUE,
    VERIFY_NEW,
    arrive,
    awaited,
    change,
    notify,
    own_backup,
    own_rescue,
)
from tests.support.engine import ADA, House, JsonDict, hook, ignore, open_house, parse, uri

BLIND = uri("function(ctx) {flow: ctx.flow.id}")
"""A template that looks at nobody."""
Hooks = Mapping[str, Sequence[JsonDict]]
HOOKS: Hooks = {
    PROFILE: [parse("/asked", id="asked"), VERIFY_NEW, hook("/changed", id="changed"), ignore("/l", id="l"), notify()],
    "verification.after": [parse("/check", id="check"), hook("/verified", id="verified")],
    "login.after": [{"hook": "verification"}, {"hook": "show_verification_ui"}],
}


def without(hooks: Hooks, entry: JsonDict) -> Hooks:
    """The same hooks but for one in the profile's list."""
    return {**hooks, PROFILE: [one for one in hooks[PROFILE] if one != entry]}


async def moved(house: House) -> None:
    """A change that waited and came true, one that was dropped, and one of a name alone."""
    token = await arrive(house)
    first = await awaited(house, await change(house, token, "first@example.org"))
    code = house.code
    outcome = await change(house, token)
    await house.give_code(first, code)
    await house.give_code(await awaited(house, outcome))
    await change(house, token, NEW, age=36)


async def verified(house: House, hooks: Hooks) -> TurnForesight:
    """The turn of the one verification that somebody finished."""
    (flow,) = [one for one in await foresee(house, hooks) if one.flow == "verification" and one.turns]
    return flow.turns[-1]


def told_apart(flows: list[Foresight]) -> tuple[int, int]:
    """How many differ, and of how many something is not known."""
    return sum(flow.differs for flow in flows), sum(flow.unknown for flow in flows)


@pytest.mark.parametrize("handlers", [False, True])
async def test_the_same_configuration_decides_the_same(handlers: bool) -> None:
    actions = Actions()
    if handlers:

        @actions.after("settings", method="profile", when="after_commit", id="mine")
        async def mine(_: Any) -> None:
            return None

        @actions.after("verification", when="after_commit", id="theirs")
        async def theirs(_: Any) -> None:
            return None

    async with open_house(HOOKS, actions=actions) as house:
        await moved(house)
        found = await foresee(house, HOOKS, actions=actions)
        assert told_apart(found) == (0, 0)
        assert told_apart(await foresee(house, HOOKS)) == (0, 0), "with stand-ins for the handlers"


async def test_without_it_the_change_is_made_at_once() -> None:
    async with open_house(HOOKS) as house:
        token = await arrive(house)
        await house.give_code(await awaited(house, await change(house, token)))
        turn = await last_turn(house, without(HOOKS, VERIFY_NEW), kind="settings")
        assert (turn.recorded, turn.end) == ("interrupted", "completed")
        assert [one.ref.id for one in turn.actions if one.added] == []
        assert [one.ref.hook for one in turn.actions] == ["web_hook"] * 3 + ["notify_previous_addresses"]
        verification = await verified(house, without(HOOKS, VERIFY_NEW))
        assert {one.id for one in verification.removed} >= {"changed", "l"}


async def test_with_it_a_new_address_would_have_waited_and_a_name_would_not() -> None:
    plain = without(HOOKS, VERIFY_NEW)
    async with open_house(plain) as house:
        token = await arrive(house)
        await change(house, token, ADA, age=20)
        assert (await last_turn(house, HOOKS, kind="settings")).end == "completed"
        await change(house, token)
        turn = await last_turn(house, HOOKS, kind="settings")
        assert (turn.recorded, turn.end) == ("completed", "interrupted")


async def test_an_unverified_address_of_ones_own_would_have_waited_before_it_signs_in() -> None:
    asked = parse("/asked", id="asked")
    async with open_house({PROFILE: [asked]}, identity=own_backup()) as house:
        token = await arrive(house, verified=True, backup=BACKUP)
        await change(house, token, ADA, backup=BACKUP, age=36)
        turn = await last_turn(house, {PROFILE: [asked, VERIFY_NEW]}, kind="settings", identity=own_backup())
        assert (turn.recorded, turn.end) == ("completed", "completed")
        await change(house, token, BACKUP, backup=ADA)
        turn = await last_turn(house, {PROFILE: [asked, VERIFY_NEW]}, kind="settings", identity=own_backup())
        assert (turn.recorded, turn.end, turn.outcome) == ("completed", "interrupted", "differs")


async def test_one_that_only_recovers_would_have_been_refused() -> None:
    asked = parse("/asked", id="asked")
    async with open_house({PROFILE: [asked]}, identity=own_rescue()) as house:
        await change(house, await arrive(house, verified=True), ADA, rescue=RESCUE)
        turn = await last_turn(house, {PROFILE: [asked, VERIFY_NEW]}, kind="settings", identity=own_rescue())
        assert (turn.recorded, turn.end) == ("completed", "interrupted")


@pytest.mark.parametrize(
    ("role", "end"),
    [
        ({"recovery": {"via": "email"}}, "interrupted"),
        ({"verification": {"via": "email"}}, "interrupted"),
        ({}, "completed"),
    ],
)
async def test_it_is_asked_again_by_other_schemas(role: JsonDict, end: str) -> None:
    """What was no address when it came may be one now."""
    hooks = {PROFILE: [parse("/asked", id="asked", body=BLIND), VERIFY_NEW]}
    plain = own_rescue(credentials={"password": {"identifier": True}})
    async with open_house(hooks, identity=plain) as house:
        await change(house, await arrive(house, verified=True), ADA, rescue=RESCUE)
        turn = await last_turn(house, hooks, kind="settings", identity=own_rescue(**role) if role else plain)
        assert (turn.recorded, turn.end) == ("completed", end)


async def test_a_change_that_came_true_stays_true_by_other_schemas() -> None:
    hooks = {PROFILE: [parse("/asked", id="asked", body=BLIND), VERIFY_NEW]}
    async with open_house(hooks) as house:
        await house.give_code(await awaited(house, await change(house, await arrive(house))))
        flows = await foresee(house, hooks, identity=own_backup())
        turns = [one.turns[-1] for one in flows if one.flow == "verification" and one.turns]
        assert [one.end for one in turns if one.recorded == "completed"] == ["completed"]


async def test_what_is_told_of_a_change_that_came_true_is_compared() -> None:
    async with open_house(HOOKS) as house:
        token = await arrive(house)
        await house.give_code(await awaited(house, await change(house, token)))
        was = ignore("/l", id="l", body=uri("function(ctx) {was: ctx.previous_identity.traits.email}"))
        other = [*HOOKS[PROFILE][:2], hook("/elsewhere", id="changed"), was, notify(), hook("/more", id="more")]
        turn = await verified(house, {**HOOKS, PROFILE: other})
        seen = told(turn)
        names = ("changed", "more", "l", "verified")
        assert [seen[name][0] for name in names] == ["differs", "new", "differs", "same"]
        assert next(one.new for one in turn.actions if one.ref.id == "l") == {"was": ADA}


async def test_without_the_contexts_nothing_is_claimed() -> None:
    async with open_house({}) as house:
        await change(house, await arrive(house), ADA, age=20)
        turn = await last_turn(house, {PROFILE: [VERIFY_NEW]}, kind="settings")
        assert turn.end == "unknown"
