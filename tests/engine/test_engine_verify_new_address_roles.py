"""`verify_new_address`: an address that is known, and that nobody verified, waits before it signs in or recovers."""

from tests.support.addresses import BACKUP, PROFILE, VERIFY_NEW, addresses, arrive, awaited, change, own_backup
from tests.support.engine import ADA, open_house, shown


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
