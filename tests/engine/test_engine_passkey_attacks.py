"""Answers that must not count: for another site, another question, by another key, of another account, or once more."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.sink import Reply
from tests.engine_robust.life import files, found
from tests.support.authenticator import (
    BACKED_UP,
    ELIGIBLE,
    VERIFIED,
    Authenticator,
    Signer,
    challenge_of,
    encode,
    options_of,
)
from tests.support.engine import ADA, House, open_house, parse, shown
from tests.support.keys import PASSKEY, SIGNS_IN, Keyring, methods

ON = methods(passkey=PASSKEY)
BOB = "bob@example.org"
WRONG = {None: [4000008]}

LIES: dict[str, Callable[[], dict[str, Any]]] = {
    "for another origin": lambda: {"origin": "http://evil.example"},
    "for the same host by another scheme": lambda: {"origin": "https://127.0.0.1:4455"},
    "for an origin that begins alike": lambda: {"origin": "http://127.0.0.1:4455.evil.example"},
    "for another relying party": lambda: {"rp_id": "evil.example"},
    "for another challenge": lambda: {"challenge": encode(bytes(32))},
    "for no challenge": lambda: {"challenge": "=", "counter": 8},
    "by nobody who was there": lambda: {"flags": VERIFIED},
    "from within another site's frame": lambda: {"cross_origin": True},
    "backed up and not made to be": lambda: {"flags": 1 | BACKED_UP},
}
"""What a lying browser or authenticator says. These hold for new keys and for answers alike."""

OF_ANSWERS: dict[str, Callable[[], dict[str, Any]]] = {
    "signed by another key": lambda: {"signer": Signer.new(-7)},
    "signed by a key of another kind": lambda: {"signer": Signer.new(-257)},
    "of another user": lambda: {"handle": encode(bytes(64))},
    "of no user": lambda: {"handle": ""},
    "made to be backed up all at once": lambda: {"flags": 1 | ELIGIBLE},
}


async def ada(house: House, key: Authenticator | None = None) -> tuple[Keyring, Authenticator]:
    """Somebody with a passkey, signed out."""
    person = Keyring(house)
    made = await person.register(key)
    await person.sign_out()
    return person, made


@pytest.mark.parametrize("lie", [*LIES, *OF_ANSWERS])
async def test_an_answer_that_lies_signs_nobody_in_and_uses_its_challenge_up(lie: str) -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await ada(house)
        flow = await person.start("login")
        refused = await person.sign_in(key.lying(**{"counter": 4, **(LIES | OF_ANSWERS)[lie]()}), flow)
        assert (refused.state, refused.session, shown(refused)) == ("choose_method", None, WRONG)
        assert challenge_of(refused, "passkey_challenge") != challenge_of(flow, "passkey_challenge")
        refusals = house.log("MethodRefused")
        assert [entry.data["reason"] for entry in refusals] == ["wrong_answer"]
        assert refusals[0].data["identity_id"] is not None, "whose key it should have been is on record"
        assert (await person.sign_in(key, refused)).completed


@pytest.mark.parametrize("lie", LIES)
async def test_a_new_key_that_lies_is_not_taken(lie: str) -> None:
    """400 like at login (better: Kratos answers 500)."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        key, person = Authenticator(), Keyring(house, BOB)
        flow = await person.start("registration")
        refused = await person.try_register(key.lying(**LIES[lie]()), flow)
        assert (refused.state, shown(refused)) == ("choose_method", WRONG)
        assert challenge_of(refused, "passkey_create_data") != challenge_of(flow, "passkey_create_data")
        await person.register(key, refused.flow)
        settings = await person.start("settings")
        refused = await person.add(Authenticator(**LIES[lie]()), settings)
        assert (refused.state, shown(refused)) == ("show_form", WRONG)
        assert (await person.add(Authenticator(), refused)).completed
        assert not house.log("FlowFailed")


async def test_an_answer_counts_once() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await ada(house, Authenticator(counts=False))
        flow = await person.start("login")
        answer = key.get(options_of(flow, "passkey_challenge"))
        assert (await person.submit(flow, "passkey", {"passkey_login": answer})).completed
        await person.sign_out()
        for other in (await person.start("login"), await person.start("login")):
            refused = await person.submit(other, "passkey", {"passkey_login": answer})
            assert (refused.state, shown(refused)) == ("choose_method", WRONG)


async def test_a_challenge_is_used_up_by_the_answer_that_was_judged() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await ada(house, Authenticator(counts=False))
        flow = await person.start("login")
        right = key.get(options_of(flow, "passkey_challenge"))
        await person.sign_in(key.lying(origin="http://evil.example"), flow)
        late = await person.submit(flow, "passkey", {"passkey_login": right})
        assert shown(late) == WRONG, "right as it is, it comes after another one"


async def test_a_registration_is_not_replayed() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = Keyring(house), Authenticator()
        flow = await person.start("registration")
        answer = key.create(options_of(flow, "passkey_create_data"))
        values = {"traits": {"email": ADA}, "passkey_register": answer}
        assert (await person.submit(flow, "passkey", values)).completed
        await person.sign_out()
        values["traits"] = {"email": BOB}
        refused = await person.submit(await person.start("registration"), "passkey", values)
        assert shown(refused) == WRONG


async def test_somebody_elses_credential_id_cannot_be_registered() -> None:
    """WebAuthn Level 3 §7.1 step 26: else whoever knows the id could take the account over, or lock its owner out."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await ada(house)
        for impostor in (Authenticator(id=key.id), key.lying(handle=None)):
            thief = Keyring(house, BOB)
            assert shown(await thief.try_register(impostor)) == {None: [4000007]}
        thief = await Keyring(house, BOB).by_password()
        assert shown(await thief.add(Authenticator(id=key.id))) == {None: [4000007]}
        outcome = await person.sign_in(key)
        assert outcome.session is not None
        assert outcome.session.identity.traits.email == ADA


async def test_the_same_key_is_not_added_twice() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person = Keyring(house)
        key = await person.register()
        assert shown(await person.add(Authenticator(id=key.id))) == WRONG


async def test_two_who_register_the_same_credential_id_at_once() -> None:
    async with open_house({**SIGNS_IN, "registration.after.passkey": [parse("/slow")]}, selfservice=ON) as house:
        house.sink.script("/slow", Reply(204, delay=0.05))
        keys = [Authenticator(id=b"the very same id of both of them") for _ in range(2)]
        people = [Keyring(house, email) for email in (ADA, BOB)]
        done = await asyncio.gather(*(one.try_register(key) for one, key in zip(people, keys, strict=True)))
        assert sorted(one.completed for one in done) == [False, True]
        assert [shown(one) for one in done if not one.completed] == [{None: [4000007]}]


async def test_who_confirms_that_it_is_them_does_so_by_a_key_of_their_own() -> None:
    """Session fixation: no session becomes somebody else's by the way."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        _, hers = await ada(house)
        bob = Keyring(house, BOB)
        his = await bob.register()
        session = await house.engine.session(bob.token)
        assert session is not None
        flow = await bob.start("login", refresh=True)
        refused = await bob.sign_in(hers, flow)
        assert (refused.state, refused.session, shown(refused)) == ("choose_method", None, WRONG)
        outcome = await bob.sign_in(his, refused)
        assert outcome.session is not None
        assert (outcome.session.id, outcome.session.identity.traits.email) == (session.id, BOB)


# ----------------------------------------------------------------------------------------------------- the counter


@pytest.mark.parametrize("behind", [0, 1, 3])
async def test_a_counter_that_does_not_go_on_is_refused_and_counted(behind: int) -> None:
    """§6.1.1: two keys count on their own, the one copied from the other."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await ada(house, Authenticator(counter=5))
        assert (await person.sign_in(key)).completed
        await person.sign_out()
        copy = key.lying(counter=key.counter - behind - 1)
        refused = await person.sign_in(copy)
        assert (refused.state, shown(refused)) == ("choose_method", WRONG)
        assert house.log("MethodRefused")[-1].data["reason"] == "lower_counter"
        assert [entry.data["type"] for entry in house.log("CredentialMissed")] == ["passkey"]
        assert (await person.sign_in(key)).completed


async def test_counters_that_went_back_cost_no_pause() -> None:
    """There is nothing to be guessed: whoever has the key gets in."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await ada(house, Authenticator(counter=50))
        for _ in range(12):
            await person.sign_in(key.lying(counter=1))
        assert len(house.log("CredentialMissed")) == 12
        assert (await person.sign_in(key)).completed


async def test_a_wrong_signature_counts_nothing_against_the_owner() -> None:
    """Whoever knows the credential id alone cannot make its owner look robbed."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await ada(house, Authenticator(counter=5))
        await person.sign_in(key.lying(signer=Signer.new(-7), counter=0))
        assert house.log("MethodRefused")[-1].data["reason"] == "wrong_answer"
        assert not house.log("CredentialMissed")


async def test_a_key_without_a_counter_signs_in_again_and_again() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await ada(house, Authenticator(counts=False))
        for _ in range(3):
            assert (await person.sign_in(key)).completed
            await person.sign_out()
        assert not house.log("CredentialUsed")


async def test_of_a_key_and_its_copy_that_answer_at_once_one_gets_in() -> None:
    async with open_house({**SIGNS_IN, "login.after.passkey": [parse("/slow")]}, selfservice=ON) as house:
        _, key = await ada(house)
        house.sink.script("/slow", Reply(204, delay=0.05))
        twins = [(Keyring(house), key.lying()) for _ in range(3)]
        done = await asyncio.gather(*(one.sign_in(twin) for one, twin in twins), return_exceptions=True)
        assert [getattr(one, "completed", False) for one in done].count(True) == 1
        assert len(house.log("SessionIssued")) == 2
        assert len(house.log("CredentialUsed")) == 1


# ------------------------------------------------------------------------------------------------------- what is kept


async def test_nothing_of_a_key_stands_in_the_record(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_house(SIGNS_IN, store=url, selfservice=ON) as house:
        person, key = await ada(house)
        flow = await person.start("login")
        await person.sign_in(key, flow)
        assert key.handle is not None
        point = key.signer.private.public_key().public_numbers().x.to_bytes(32)
        words = [
            key.name,
            key.id.hex(),
            key.handle,
            challenge_of(flow, "passkey_challenge"),
            encode(point),
            point.hex(),
        ]
        assert found(files(url), words) == []
