"""`verify_new_address`: what may happen between the asking and the code, or in the same moment."""

import asyncio
from typing import Any

import pytest

from limen.domain import ActionContext, Actions, FlowBusy, FlowExpired, FlowNotFound
from tests.support.addresses import (
    BOB,
    NEW,
    PROFILE,
    TAKEN,
    VERIFY_NEW,
    WORTH_NOTHING,
    addresses,
    arrive,
    awaited,
    change,
    give,
    refusals,
    traits,
)
from tests.support.engine import ADA, House, JsonDict, hook, identity, open_house, parse, shown

# ----------------------------------------------------------------------------------------- something happens meanwhile


async def test_the_address_came_to_be_somebody_elses() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        code = house.code
        await house.register(NEW)
        assert shown(await house.give_code(verification, code)) == TAKEN
        assert refusals(house) == ["duplicate"]
        assert await traits(house, token) == {"email": ADA}
        again = await house.engine.submit(verification.id, method="code", values={"email": NEW})
        assert shown(again) == TAKEN, "nor does another code go there"


async def test_a_code_that_was_right_is_not_spent_while_the_address_is_taken() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        code = house.code
        await house.register(BOB)
        bob = (await house.sign_in(BOB)).session_token
        assert bob
        moved = await awaited(house, await change(house, bob, NEW))
        await house.give_code(moved)
        assert shown(await house.give_code(verification, code)) == TAKEN
        back = await awaited(house, await change(house, bob, BOB))
        await house.give_code(back)
        assert (await house.give_code(verification, code)).completed, "Bob gave it up again"
        assert await traits(house, token) == {"email": NEW}


async def test_a_later_change_takes_the_place_of_the_one_that_waits() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        first = await awaited(house, await change(house, token, "first@example.org"))
        code = house.code
        second = await awaited(house, await change(house, token, "second@example.org"))
        assert shown(await house.give_code(first, code)) == WORTH_NOTHING
        assert (await house.give_code(second)).completed
        assert shown(await house.give_code(first, code)) == WORTH_NOTHING
        assert await traits(house, token) == {"email": "second@example.org"}


@pytest.mark.parametrize("way", ["logout", "revoked", "expired"])
async def test_the_session_that_asked_is_gone(way: str) -> None:
    hooks = {
        PROFILE: [VERIFY_NEW],
        "login.after": [{"hook": "revoke_active_sessions"}],
        "verification.after": [parse("/check")],
    }
    lifespan: JsonDict = {"session": {"lifespan": "10m"}} if way == "expired" else {}
    async with open_house(hooks, **lifespan) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        code = house.code
        if way == "logout":
            await house.engine.logout(token)
        house.clock.advance(10 * 60 if way == "expired" else 1)
        later = (await house.sign_in()).session_token
        assert shown(await house.give_code(verification, code)) == WORTH_NOTHING
        assert refusals(house) == ["change_without_session"]
        assert shown(await house.give_code(verification, code)) == WORTH_NOTHING
        assert await addresses(house, later) == {ADA: False}
        assert house.called() == [], "no action is asked about what comes to nothing"


async def test_the_identity_changed() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        code = house.code
        assert (await change(house, token, ADA, age=77)).completed
        assert shown(await house.give_code(verification, code)) == WORTH_NOTHING
        assert refusals(house) == ["change_outdated"]
        assert await traits(house, token) == {"email": ADA, "age": 77}, "the later change is not undone"


async def test_the_account_was_switched_off() -> None:
    async with open_house({PROFILE: [parse("/check"), VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        house.sink.script("/check", identity(state="inactive"))
        assert (await change(house, token, ADA)).error == "identity_disabled"
        assert shown(await house.give_code(verification)) == WORTH_NOTHING
        assert refusals(house) == ["change_without_session"]


async def test_a_login_or_another_password_meanwhile_does_not_matter() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        await house.sign_in()
        flow = await house.start("settings", session_token=token)
        await house.engine.submit(flow.id, method="password", values={"password": "quite another"}, session_token=token)
        assert (await house.give_code(verification)).completed
        assert await traits(house, token) == {"email": NEW}


async def test_the_person_was_erased() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        outcome = await change(house, await arrive(house))
        verification = await awaited(house, outcome)
        (held,) = house.log("TraitsChangeHeld")
        await house.engine.erase(held.stream)
        with pytest.raises(FlowNotFound):
            await house.give_code(verification)
        store = house.engine.streams.store
        assert not await store.vault_rows(verification.id, "change")
        assert (await house.register(NEW)).completed


async def test_whose_address_it_came_to_be_was_erased() -> None:
    """The flows that speak of an address go with whoever held it last."""
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        other = await house.register(NEW)
        assert other.identity is not None
        await house.engine.erase(other.identity.id)
        with pytest.raises(FlowNotFound):
            await house.give_code(verification)
        assert not await house.engine.streams.store.vault_rows(verification.id, "change")
        assert await traits(house, token) == {"email": ADA}


async def test_the_sixth_wrong_code_ends_it() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        wrong = str((int(house.code) + 1) % 10**6).zfill(6)
        for _ in range(5):
            assert (await house.give_code(verification, wrong)).state == "sent_email"
        assert (await house.give_code(verification, wrong)).state == "failed"
        assert await traits(house, token) == {"email": ADA}


async def test_too_late() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        house.clock.advance(3601)
        with pytest.raises(FlowExpired):
            await house.give_code(verification)
        await house.engine.streams.store.sweep(house.clock.now())
        assert not await house.engine.streams.store.vault_rows(verification.id, "change")
        assert await traits(house, token) == {"email": ADA}


# ----------------------------------------------------------------------------------------------------- at the same time


async def answered(*asked: Any) -> list[Any]:
    return list(await asyncio.gather(*asked, return_exceptions=True))


async def test_of_two_changes_at_once_one_waits() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        flows = [await house.start("settings", session_token=token) for _ in range(2)]
        wanted = ["first@example.org", "second@example.org"]
        outcomes = await answered(*(give(house, flow, token, email=to) for flow, to in zip(flows, wanted, strict=True)))
        codes = {mail.to: mail.code for mail in house.courier.messages if mail.to in wanted}
        pairs = zip(outcomes, wanted, strict=True)
        done = [(await house.give_code(await awaited(house, one), codes[to])).completed for one, to in pairs]
        assert sorted(done) == [False, True]
        assert await traits(house, token) == {"email": wanted[done.index(True)]}


async def test_of_two_people_who_verify_one_address_at_once_one_gets_it() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        tokens = [await arrive(house), await arrive(house, BOB)]
        asked = []
        for token in tokens:
            verification = await awaited(house, await change(house, token))
            asked.append((verification, house.code))
        outcomes = await answered(*(house.give_code(flow, code) for flow, code in asked))
        assert sorted(one.completed for one in outcomes) == [False, True]
        assert [(await traits(house, token))["email"] for token in tokens].count(NEW) == 1
        assert TAKEN in [shown(one) for one in outcomes]


async def test_a_logout_and_the_code_at_once() -> None:
    """Whichever comes first: a change whose session was over by then is never made."""
    for _ in range(5):
        async with open_house({PROFILE: [VERIFY_NEW]}) as house:
            token = await arrive(house)
            verification = await awaited(house, await change(house, token))
            await answered(house.engine.logout(token), house.give_code(verification))
            order = [entry.type for entry in house.log() if entry.type in ("SessionRevoked", "TraitsChanged")]
            assert order in (["SessionRevoked"], ["TraitsChanged", "SessionRevoked"])


@pytest.mark.parametrize("what", ["logout", "another change", "another name"])
async def test_it_happens_while_the_actions_of_the_verification_are_asked(what: str) -> None:
    """What is looked at before they are asked is looked at once more with the commit."""
    actions, houses = Actions(), list[tuple[House, str]]()

    @actions.after("verification", when="before_commit", id="slow")
    async def slow(_: ActionContext) -> None:
        for house, token in houses:
            match what:
                case "logout":
                    await house.engine.logout(token)
                case "another change":
                    await change(house, token, "second@example.org")
                case _:
                    await change(house, token, ADA, age=77)

    async with open_house({PROFILE: [VERIFY_NEW]}, actions=actions) as house:
        token = await arrive(house)
        verification, code = await awaited(house, await change(house, token)), house.code
        houses.append((house, token))
        assert shown(await house.give_code(verification, code)) == WORTH_NOTHING
        reasons = {"logout": "change_without_session", "another change": "change_replaced"}
        assert refusals(house) == [reasons.get(what, "change_outdated")]
        assert (await house.sign_in()).completed, "the address is the old one"


async def test_one_code_twice_at_once_makes_one_change() -> None:
    async with open_house({PROFILE: [VERIFY_NEW, hook("/changed")]}) as house:
        verification = await awaited(house, await change(house, await arrive(house)))
        outcomes = await answered(house.give_code(verification), house.give_code(verification))
        assert sorted(isinstance(one, FlowBusy) for one in outcomes) == [False, True]
        assert (house.called(), len(house.log("TraitsChanged"))) == (["/changed"], 1)
