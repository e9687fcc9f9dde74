"""The last way to sign in is not given up by any door: not by its credential, and not by what it is found by."""

import asyncio
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowBusy, Outcome
from tests.support.addresses import PROFILE, VERIFY_NEW, WORTH_NOTHING, awaited, give, refusals, traits
from tests.support.authenticator import Authenticator
from tests.support.engine import ADA, PASSWORD, House, JsonDict, identity, open_house, parse, person, shown, uri
from tests.support.keys import ALONE, NO_CODE, PASSKEY, SIGNS_IN, Keyring

BACKUP = "backup@example.org"
ON: JsonDict = {"methods": {"passkey": PASSKEY}}
BY_CODE: JsonDict = {"registration.after.code": [{"hook": "session"}]}
LAST = [4000001]


def optional(**more: JsonDict) -> JsonDict:
    """`identity` with a schema whose address may be left out; with more traits."""
    schema = person()
    inner = schema["properties"]["traits"]
    inner["required"], inner["properties"] = [], {**inner["properties"], **more}
    return {"schemas": [{"id": "person", "url": uri(schema)}]}


def address(**kratos: Any) -> JsonDict:
    """A trait that holds an address."""
    return {"type": "string", "format": "email", "ory.sh/kratos": kratos}


async def by_code(house: House, **more: Any) -> str:
    """Registered by a code, with no other credential; the session's token."""
    flow = await house.start("registration")
    await house.engine.submit(flow.id, method="code", values={"traits": {"email": ADA, **more}})
    token = (await house.give_code(flow)).session_token
    assert token
    return token


async def be(house: House, token: str, **given: Any) -> Outcome:
    """Submits traits, all there are to be."""
    return await give(house, await house.start("settings", session_token=token), token, **given)


# ------------------------------------------------------------------------------------------------------ the identifier


async def test_the_address_that_a_code_goes_to() -> None:
    async with open_house(BY_CODE, identity=optional()) as house:
        token = await by_code(house)
        refused = await be(house, token, age=36)
        assert (refused.state, shown(refused)) == ("show_form", {"traits.email": LAST})
        assert refusals(house) == ["last_way"]
        assert (await house.give_code(await house.ask_code("login"))).completed
        assert (await be(house, token, email=BACKUP, age=36)).completed, "another one will do"


async def test_with_another_way_it_may_go_but_not_that_one_too() -> None:
    """A password is held all the same, but nobody is found by it any more."""
    async with open_house(SIGNS_IN, identity=optional(), selfservice=ON) as house:
        ada, key = await Keyring(house).by_password(), Authenticator()
        assert ada.token
        refused = await be(house, ada.token, age=36)
        assert shown(refused) == {"traits.email": LAST}
        assert (await ada.add(key)).completed
        assert (await be(house, ada.token, age=36)).completed
        assert shown(await ada.remove(key)) == {"passkey_remove": LAST}
        assert (await Keyring(house).sign_in(key)).completed
        assert (await be(house, ada.token, email=ADA)).completed
        assert (await ada.remove(key)).completed
        assert (await house.sign_in()).completed


async def test_a_security_key_is_found_by_a_name() -> None:
    on = {"methods": {"passkey": PASSKEY, "webauthn": ALONE, "code": NO_CODE, "password": {"enabled": False}}}
    async with open_house(SIGNS_IN, identity=optional(), selfservice=on) as house:
        ada, passkey = Keyring(house), Authenticator()
        await ada.register(passkey)
        assert (await ada.add_key(Authenticator())).completed
        assert ada.token
        assert (await be(house, ada.token, age=36)).completed
        assert shown(await ada.remove(passkey)) == {"passkey_remove": LAST}


async def test_each_field_that_is_cleared_is_told() -> None:
    name = {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": True}}}}
    more = optional(names={"type": "array", "items": name})
    async with open_house(SIGNS_IN, identity=more, selfservice={"methods": {"code": NO_CODE}}) as house:
        await house.register(traits={"names": ["ada", "countess"]})
        token = (await house.sign_in("countess")).session_token
        assert token
        assert shown(await be(house, token)) == {"traits.email": LAST, "traits.names": LAST}
        assert (await be(house, token, names=["countess"])).completed
        assert shown(await be(house, token, names=[])) == {"traits.names": LAST}


async def test_an_address_a_code_falls_back_to_is_a_way() -> None:
    falls_back = {"methods": {"code": {"config": {"missing_credential_fallback_enabled": True}}}}
    more = optional(backup=address(verification={"via": "email"}))
    for section, last in ((falls_back, "traits.backup"), ({}, "traits.email")):
        async with open_house(BY_CODE, identity=more, selfservice=section) as house:
            token = await by_code(house, backup=BACKUP)
            if section:
                assert (await be(house, token, backup=BACKUP)).completed
            assert shown(await be(house, token)) == {last: LAST}


async def test_who_has_no_way_loses_none(tmp_path: Any) -> None:
    """Where nobody signs in by a code any more, say; what else they are may change."""
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_house(BY_CODE, store=store, identity=optional()) as house:
        token = await by_code(house)
    off = {"methods": {"code": NO_CODE}}
    async with open_house(BY_CODE, store=store, identity=optional(), selfservice=off) as house:
        assert (await be(house, token, age=36)).completed


async def test_an_actions_word_stands() -> None:
    async with open_house({**BY_CODE, "settings.after": [parse("/parse")]}, identity=optional()) as house:
        token = await by_code(house)
        house.sink.script("/parse", identity(traits={"age": 40}))
        assert (await be(house, token, email=ADA, age=36)).completed
        assert await traits(house, token) == {"age": 40}


# ------------------------------------------------------------------------------------------------ a password for nobody


async def test_a_password_takes_an_identifier() -> None:
    """As Kratos refuses it: nobody could sign in by it."""
    async with open_house(SIGNS_IN, identity=optional(), selfservice=ON) as house:
        flow = await house.start("registration")
        nameless = {"traits": {"age": 36}, "password": PASSWORD}
        refused = await house.engine.submit(flow.id, method="password", values=nameless)
        assert (refused.state, shown(refused)) == ("choose_method", {None: [4000009]})
        ada = Keyring(house)
        await ada.register(Authenticator())
        assert ada.token
        assert (await be(house, ada.token, age=36)).completed
        refused = await ada.submit(await ada.start("settings"), "password", {"password": PASSWORD})
        assert (refused.state, shown(refused)) == ("show_form", {None: [4000009]})


# --------------------------------------------------------------------------------------------------- two doors at once


@pytest.mark.parametrize("first", ["profile", "passkey"])
async def test_of_two_changes_at_once_that_would_take_both_one_is_made(first: str) -> None:
    slow = {f"settings.after.{name}": [parse(f"/{name}")] for name in ("profile", "passkey")}
    on = {"methods": {"passkey": PASSKEY, "password": {"enabled": False}}}
    async with open_house({**SIGNS_IN, **BY_CODE, **slow}, identity=optional(), selfservice=on) as house:
        ada, key = Keyring(house), Authenticator()
        await ada.register(key)
        assert ada.token
        for name in ("profile", "passkey"):
            house.sink.script(f"/{name}", Reply(204, delay=0.1 if name == first else 1.0))
        done = await asyncio.gather(be(house, ada.token, age=36), ada.remove(key), return_exceptions=True)
        won, lost = done if first == "profile" else done[::-1]
        assert isinstance(won, Outcome)
        assert won.completed
        assert isinstance(lost, FlowBusy), "each was right when it was asked"
        again = await (ada.remove(key) if first == "profile" else be(house, ada.token, age=36))
        assert shown(again) == {"passkey_remove" if first == "profile" else "traits.email": LAST}


async def test_a_change_that_waits_does_not_come_true_where_the_other_way_was_removed_meanwhile() -> None:
    more = optional(backup=address(verification={"via": "email"}))
    async with open_house({**SIGNS_IN, PROFILE: [VERIFY_NEW]}, identity=more, selfservice=ON) as house:
        ada, key = Keyring(house), Authenticator()
        await ada.register(key)
        assert ada.token
        verification = await awaited(house, await be(house, ada.token, backup=BACKUP))
        assert (await ada.remove(key)).completed, "a code still goes to the address that is there"
        assert shown(await house.give_code(verification)) == WORTH_NOTHING
        assert refusals(house) == ["change_of_last_way"]
        assert await traits(house, ada.token) == {"email": ADA}
