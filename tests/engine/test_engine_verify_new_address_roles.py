"""`verify_new_address`: an address that nobody verified waits before it signs in or recovers, known or not.

One that nothing ever verifies is refused there.
"""

import pytest

from tests.support.addresses import (
    BACKUP,
    NEW,
    PROFILE,
    RESCUE,
    VERIFY_NEW,
    addresses,
    arrive,
    awaited,
    change,
    notify,
    own_backup,
    own_rescue,
    traits,
)
from tests.support.engine import ADA, JsonDict, identity, open_house, parse, shown

RECOVERS: JsonDict = {"recovery": {"via": "email"}}
SIGNS_IN: JsonDict = {"credentials": {"code": {"identifier": True, "via": "email"}}}
A_NAME: JsonDict = {"credentials": {"password": {"identifier": True}}}
REFUSED = {None: [4000001]}


async def test_an_unverified_address_waits_before_it_signs_in_and_recovers() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, identity=own_backup()) as house:
        token = await arrive(house, verified=True, backup=BACKUP)
        verification = await awaited(house, await change(house, token, BACKUP, backup=ADA))
        assert house.courier.messages[-1].to == BACKUP
        assert shown(await house.sign_in(BACKUP)) == {None: [4000006]}
        assert await addresses(house, token) == {ADA: True, BACKUP: False}
        assert (await house.give_code(verification)).completed
        assert await addresses(house, token) == {BACKUP: True, ADA: True}
        assert (await house.sign_in(BACKUP)).completed


async def test_a_verified_one_does_not_wait_nor_does_one_that_gains_nothing() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, identity=own_backup()) as house:
        token = await arrive(house, verified=True, backup=BACKUP)
        assert (await change(house, token, ADA, backup=BACKUP, age=36)).completed
        assert (await house.verify(BACKUP)).completed
        assert (await change(house, token, BACKUP, backup=ADA)).completed
        assert not house.log("TraitsChangeHeld")


@pytest.mark.parametrize("role", [RECOVERS, SIGNS_IN, {**A_NAME, **RECOVERS}])
async def test_an_address_that_nobody_can_verify_neither_recovers_nor_signs_in(role: JsonDict) -> None:
    async with open_house({PROFILE: [VERIFY_NEW, notify("all")]}, identity=own_rescue(**role)) as house:
        token = await arrive(house, verified=True)
        mails = len(house.courier.messages)
        outcome = await change(house, token, ADA, rescue=RESCUE)
        assert (shown(outcome), outcome.continue_with) == (REFUSED, ())
        assert await traits(house, token) == {"email": ADA}
        assert len(house.courier.messages) == mails
        assert not (await house.give_code(await house.ask_code("recovery", RESCUE))).completed
        assert not house.log("TraitsChangeHeld")


async def test_one_that_is_there_may_stay_or_go_and_is_no_hindrance() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, identity=own_rescue()) as house:
        token = await arrive(house, verified=True, rescue=RESCUE)
        assert (await change(house, token, ADA, rescue=RESCUE, age=36)).completed
        assert shown(await change(house, token, ADA, rescue="other@example.org")) == REFUSED
        assert (await change(house, token, ADA)).completed
        assert await traits(house, token) == {"email": ADA}


async def test_an_address_that_was_verified_before_may_come_to_recover() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, identity=own_rescue()) as house:
        token = await arrive(house, verified=True)
        assert (await change(house, token, ADA, rescue=ADA)).completed


async def test_a_name_that_a_password_goes_with_is_no_address() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, identity=own_rescue(**A_NAME)) as house:
        token = await arrive(house, verified=True)
        assert (await change(house, token, ADA, rescue="countess")).completed


async def test_what_an_action_took_back_when_it_was_asked_stays_so_when_the_change_comes_true() -> None:
    async with open_house({PROFILE: [parse("/check"), VERIFY_NEW]}, identity=own_backup()) as house:
        token = await arrive(house, verified=True, backup=BACKUP)
        assert (await house.verify(BACKUP)).completed
        house.sink.script("/check", identity(verifiable_addresses=[{"value": NEW, "via": "email"}]))
        verification = await awaited(house, await change(house, token, NEW, backup=BACKUP))
        assert (await house.give_code(verification)).completed
        assert await addresses(house, token) == {NEW: True, BACKUP: False}
