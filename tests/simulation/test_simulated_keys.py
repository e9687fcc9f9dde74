"""Flows in which authenticators were asked, decided again under the same configuration: nothing differs."""

from tests.simulation.house import all_same, foresee
from tests.support.authenticator import Authenticator
from tests.support.engine import ADA, open_house, parse
from tests.support.keys import ALONE, PASSKEY, SIGNS_IN, Keyring, methods


async def test_keys_and_passkeys_are_foreseen_as_they_were() -> None:
    on = methods(webauthn=ALONE, passkey=PASSKEY)
    hooks = {**SIGNS_IN, "login.after.passkey": [parse("/passkey")], "login.after.webauthn": [parse("/webauthn")]}
    async with open_house(hooks, selfservice=on) as house:
        person, key, passkey = Keyring(house), Authenticator(), Authenticator()
        await person.try_register_key(key)
        await person.add(passkey)
        await person.sign_out()
        asked = await person.name()
        await person.answer(key.lying(origin="http://evil.example"), asked)
        assert (await person.answer(key, await house.engine.flow(asked.flow.id), ADA)).completed
        await person.sign_out()
        assert (await person.sign_in(passkey)).completed
        found = await foresee(house, hooks, selfservice=on)
        assert len(found) == 5, "with the verification that registration starts"
        assert all_same(found)
        other = await foresee(house, {**hooks, "login.after.passkey": []}, selfservice=on)
        assert not all_same(other)
