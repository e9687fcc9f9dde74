"""Flows that go on as others, their process gone at each append: nothing is there by half, and the person arrives."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from limen.domain import Outcome
from tests.engine_robust.dying import die_at_each_append, from_the_start
from tests.support.addresses import NEW, PROFILE, VERIFY_NEW, arrive, awaited, change, traits
from tests.support.engine import ADA, PASSWORD, House, hook, parse
from tests.support.journeys import journey, there
from tests.support.performing import Flow, sections

ASKED = {f"{kind}.{phase}": [parse(f"/{phase}")] for kind in ("login", "registration") for phase in ("before", "after")}


async def login_of_somebody_new(house: House) -> Flow:
    """Goes on as a registration."""
    person = await journey(house)

    async def flow() -> Outcome:
        async with there(person):
            return await person.go("login")

    return flow


async def registration_of_somebody_known(house: House) -> Flow:
    """Goes on as a login."""
    person = await journey(house)
    async with there(person):
        await person.register()

    async def flow() -> Outcome:
        async with there(person):
            return await person.go("registration")

    return flow


async def registration_at_an_address_that_is_taken(house: House) -> Flow:
    """Goes on as a login by password, which links the provider."""
    person = await journey(house)
    await house.register()

    async def flow() -> Outcome:
        async with there(person):
            asked = (await person.go("registration")).flow
        values = {"identifier": ADA, "password": PASSWORD}
        return await house.engine.submit(asked.id, method="password", values=values)

    return flow


@pytest.mark.parametrize(
    "prepare",
    [login_of_somebody_new, registration_of_somebody_known, registration_at_an_address_that_is_taken],
)
async def test_a_flow_that_turns(prepare: Callable[[House], Awaitable[Flow]], tmp_path: Path) -> None:
    await die_at_each_append(tmp_path, ASKED, sections("login", "oidc"), prepare, from_the_start)


# ----------------------------------------------------------------------------- a change that waits, and is carried over


async def change_whose_code_was_guessed_at(house: House) -> Flow:
    """The sixth wrong code ends its verification; the change waits for another one from then on."""
    token = await arrive(house)
    waits = await awaited(house, await change(house, token))
    wrong = str((int(house.code) + 1) % 10**6).zfill(6)
    for _ in range(5):
        await house.give_code(waits, wrong)

    async def flow() -> Outcome:
        await house.give_code(waits, wrong)
        made = await go_on(house, flow)
        assert await traits(house, token) == {"email": NEW}
        return made

    return flow


async def go_on(house: House, flow: Flow) -> Outcome:
    """By the code that was mailed for the verification at which the change waits now."""
    waits = await house.engine.flow(house.log("TraitsChangeHeld")[-1].data["verification_id"])
    held = len(house.log("TraitsChangeHeld"))
    # the dead process had the mail in hand: the worker sends it, and tells nobody
    while len([mail for mail in house.courier.messages if mail.to == NEW]) < held:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return await house.give_code(waits)


async def test_a_change_that_waits_for_another_verification(tmp_path: Path) -> None:
    hooks = {PROFILE: [VERIFY_NEW, hook("/changed")]}
    await die_at_each_append(tmp_path, hooks, {}, change_whose_code_was_guessed_at, go_on)
