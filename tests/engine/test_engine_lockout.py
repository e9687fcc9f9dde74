"""Lockout: after so many failed logins none is tried for a while, whether anybody holds the identifier or not."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from limen.adapters.bus.contract.catalogue import published
from limen.domain import Outcome
from limen.domain.configuration import LockoutSettings
from limen.domain.identity import Identity
from limen.domain.lockout import LIMIT, Lockout
from limen.domain.lockouts import unlock
from limen.domain.testing import FixedClock, MemoryCourier
from tests.engine_robust.life import found
from tests.simulation.house import foresee
from tests.support.counting import Counting
from tests.support.engine import ADA, NOON, PASSWORD, House, JsonDict, hook, open_house, person, shown, uri
from tests.support.factors import FACTORS, link_totp, prove

WRONG = "quite another pass phrase"
NOBODY = "nobody@example.org"
THREE: JsonDict = {"lockout": {"threshold": 3, "window": "10m", "duration": "5m"}}
LOCKED = {None: [4010900]}
MISMATCH = {None: [4000006]}


async def guess(house: House, times: int, email: str = ADA) -> list[Outcome]:
    """So many wrong passwords, one after the other."""
    return [await house.sign_in(email, WRONG) for _ in range(times)]


def says(outcomes: list[Outcome]) -> list[Any]:
    """What their forms say."""
    return [shown(one) for one in outcomes]


# -------------------------------------------------------------------------------------------------------- when it locks


async def test_without_a_setting_there_is_none() -> None:
    async with open_house() as house:
        await house.register()
        assert says(await guess(house, 12)) == [MISMATCH] * 12
        assert (await house.sign_in()).completed
        assert house.log("LoginMissed") == []


async def test_after_the_threshold_the_right_password_is_refused_like_a_wrong_one() -> None:
    async with open_house(settings=THREE) as house:
        ada = await house.register()
        assert says(await guess(house, 3)) == [MISMATCH] * 3
        right, wrong = await house.sign_in(), await house.sign_in(password=WRONG)
        assert (right.state, says([right, wrong])) == ("choose_method", [LOCKED] * 2)
        (message,) = right.flow.ui.messages
        assert message.text == "Too many failed logins. Try again after 2026-03-02 12:05:00 UTC."
        assert message.context.plain() == {"locked_until": "2026-03-02T12:05:00Z", "locked_until_unix": 1772453100}
        reasons = [(one.data["reason"], one.data["identity_id"]) for one in house.log("MethodRefused")]
        assert reasons == [
            *[("credentials", str(ada.flow.identity_id))] * 3,
            *[("locked", str(ada.flow.identity_id))] * 2,
        ]
        assert [one.data["until"] for one in house.log("LoginMissed")] == [None, None, "2026-03-02T12:05:00Z"]


async def test_a_locked_password_is_not_even_looked_at() -> None:
    """It takes no time: the hash is not computed, right or wrong."""
    async with open_house(settings=THREE) as house:
        await house.register()
        verified = list[str]()
        password: Any = (await house.engine.current()).methods["password"]
        verify = password.hasher.verify

        async def counting(given: str, hashed: str) -> bool:
            verified.append(given)
            return bool(await verify(given, hashed))

        password.hasher.verify = counting
        await guess(house, 5)
        await house.sign_in()
        assert verified == [WRONG] * 3


async def test_it_ends_by_the_clock_and_the_count_begins_anew() -> None:
    async with open_house(settings=THREE) as house:
        await house.register()
        await guess(house, 3)
        house.clock.advance(timedelta(minutes=5).total_seconds() - 0.001)
        assert shown(await house.sign_in()) == LOCKED
        house.clock.advance(0.001)
        assert says(await guess(house, 2)) == [MISMATCH] * 2
        assert (await house.sign_in()).completed
        assert says(await guess(house, 3)) == [MISMATCH] * 3
        assert shown(await house.sign_in()) == LOCKED


async def test_only_what_failed_within_the_window_counts() -> None:
    async with open_house(settings=THREE) as house:
        await house.register()
        for _ in range(3):
            assert says(await guess(house, 1)) == [MISMATCH]
            house.clock.advance(timedelta(minutes=5).total_seconds())
        assert (await house.sign_in()).completed


async def test_a_right_login_forgets_what_failed_before() -> None:
    async with open_house(settings=THREE) as house:
        await house.register()
        for _ in range(3):
            await guess(house, 2)
            assert (await house.sign_in()).completed
        lifted = house.log("LockoutLifted")
        assert [one.data["reason"] for one in lifted] == ["login"] * 3
        completed = {one.stream: one.position for one in house.log("FlowCompleted")}
        assert all(abs(completed[UUID(one.data["flow_id"])] - one.position) < 5 for one in lifted), "in one append"


async def test_an_empty_field_is_no_guess() -> None:
    async with open_house(settings=THREE) as house:
        await house.register()
        for _ in range(5):
            await house.sign_in(password="")
        assert (await house.sign_in()).completed


async def test_it_is_one_count_over_all_flows_and_first_factors() -> None:
    """Codes and passwords count together, in one flow or in many; the locked account gets no code either."""
    async with open_house(settings=THREE) as house:
        await house.register()
        await guess(house, 1)
        flow = await house.ask_code("login")
        for _ in range(2):
            assert 4010900 not in shown(await house.give_code(flow, "not it")).get(None, [])
        mailed = len(house.courier.messages)
        assert shown(await house.give_code(flow))[None][-1] == 4010900, "the right code is not looked at either"
        assert shown(await house.sign_in()) == LOCKED
        again = await house.start("login")
        asked = await house.engine.submit(again.id, method="code", values={"identifier": ADA})
        assert (shown(asked), len(house.courier.messages)) == (LOCKED, mailed)


async def test_a_recovery_and_an_operator_lift_it() -> None:
    async with open_house(settings=THREE) as house:
        ada = await house.register()
        await guess(house, 3)
        assert (await house.give_code(await house.ask_code("recovery"))).completed
        assert (await house.sign_in()).completed
        await guess(house, 3)
        identity = await house.engine.streams.load(Identity, UUID(str(ada.flow.identity_id)))
        assert await unlock(house.engine.tools, house.engine.streams, identity) == 1
        assert await unlock(house.engine.tools, house.engine.streams, identity) == 0
        assert (await house.sign_in()).completed
        assert [one.data["reason"] for one in house.log("LockoutLifted")] == ["recovery", "operator"]


async def test_second_factors_have_a_limit_of_their_own() -> None:
    async with open_house(settings=THREE, selfservice={"methods": FACTORS}) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        app = await link_totp(house, token)
        token = (await house.sign_in()).session_token
        for _ in range(4):
            await prove(house, token, totp_code=app.wrong(house.clock.now()))
        assert house.log("LoginMissed") == []
        assert (await house.sign_in()).completed


# ---------------------------------------------------------------------------------------------------------- enumeration


async def test_an_identifier_that_is_nobodys_locks_and_unlocks_in_the_same_way() -> None:
    """Answer by answer the same, to the byte, but for the identifier itself and the ids of flows."""
    answers = [await _answers(who) for who in (ADA, "ann@example.org")]
    assert answers[0] == answers[1]
    assert [("4010900" in one) for one in answers[0]] == [False, False, False, True, True, False, False]


async def _answers(who: str) -> list[str]:
    told = []
    async with open_house(settings=THREE) as house:
        await house.register()
        for wait in (0, 0, 0, 0, 60, 300, 0):
            house.clock.advance(wait)
            (outcome,) = await guess(house, 1, who)
            told.append(json.dumps(outcome.flow.ui.plain()).replace(who, "").replace(str(outcome.flow.id), ""))
    return told


async def test_locking_one_name_of_a_person_says_nothing_of_another() -> None:
    """Else whoever locks one and finds the other one locked knows that both are somebody's, and whose."""
    schema = person()
    traits = schema["properties"]["traits"]["properties"]
    traits["name"] = {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": True}}}}
    identity = {"schemas": [{"id": "person", "url": uri(schema)}]}
    async with open_house(settings=THREE, identity=identity) as house:
        await house.register(traits={"name": "ada"})
        await guess(house, 3)
        assert says(await guess(house, 1, "ada")) == [MISMATCH]
        assert (await house.sign_in("ada")).completed
        assert (await house.sign_in()).completed, "she has shown who she is: every name of hers is free again"


async def test_writing_it_otherwise_is_the_same_identifier() -> None:
    async with open_house(settings=THREE) as house:
        await house.register()
        for email in ("ada@example.org", "Ada@Example.org", " ADA@EXAMPLE.ORG "):
            assert says(await guess(house, 1, email)) == [MISMATCH]
        assert shown(await house.sign_in()) == LOCKED


@pytest.mark.parametrize("told", [[], [hook("/failed")]], ids=["told to nobody", "told"])
async def test_the_work_a_locked_answer_takes_says_nothing_of_an_account(told: list[JsonDict]) -> None:
    """What is asked of the store, one by one; tests/engine_robust/test_enumeration.py takes the time."""
    triggers = {"triggers": {"login_failed": {"hooks": told}}}
    async with open_house(settings=THREE | triggers, worker=False) as house:
        await house.register()
        for who in (ADA, NOBODY):
            await guess(house, 3, who)
        store, work = Counting(house), list[list[Any]]()
        for who in (ADA, NOBODY) * 2:
            house.engine.streams._kept.clear()  # as after a restart
            flow = await house.start("login")
            store.calls.clear()
            values = {"identifier": who, "password": PASSWORD}
            assert shown(await house.engine.submit(flow.id, method="password", values=values)) == LOCKED
            work.append(list(store.calls))
        assert work[0] == work[1] == work[2] == work[3]


# ---------------------------------------------------------------------------------------------------------- at once


@pytest.mark.parametrize("who", [ADA, NOBODY])
async def test_of_many_guesses_at_once_no_more_are_tried_than_the_threshold(who: str) -> None:
    settings = {"lockout": {"threshold": 10, "window": "10m", "duration": "5m"}}
    async with open_house(settings=settings) as house:
        await house.register()
        outcomes = await asyncio.gather(*(house.sign_in(who, WRONG) for _ in range(16)))
        assert Counter(map(str, says(outcomes))) == {str(MISMATCH): 10, str(LOCKED): 6}
        assert len(house.log("LoginMissed")) == 10


async def test_two_processes_on_one_store_count_together(tmp_path: Path) -> None:
    """Each may have one guess under way while the other one's is the last; so one too many at the most."""
    store, settings = f"sqlite:///{tmp_path / 'limen.db'}", {"lockout": {"threshold": 6, "window": "10m"}}
    clock, courier = FixedClock(NOON), MemoryCourier()
    async with (
        open_house(settings=settings, store=store, clock=clock, courier=courier) as one,
        open_house(settings=settings, store=store, clock=clock, courier=courier) as other,
    ):
        await one.register()
        outcomes = await asyncio.gather(*(house.sign_in(ADA, WRONG) for house in (one, other) * 8))
        tried = says(outcomes).count(MISMATCH)
        assert tried in (6, 7)
        assert len(one.log("LoginMissed")) == 6
        assert says([await one.sign_in(), await other.sign_in()]) == [LOCKED] * 2


# ------------------------------------------------------------------------------------------------------- what is told


async def test_a_locked_try_is_told_as_a_failed_login() -> None:
    triggers = {"triggers": {"login_failed": {"hooks": [hook("/failed")]}}}
    async with open_house(settings=THREE | triggers) as house:
        await house.register()
        await guess(house, 3)
        await house.sign_in()
        await house.sink.wait(4)
        bodies = [json.loads(one.body) for one in house.sink.received]
        assert Counter(one["reason"] for one in bodies) == {"credentials": 3, "locked": 1}
        assert {one["identity"]["traits"]["email"] for one in bodies} == {ADA}


async def test_the_record_names_no_identifier_and_is_decided_again_alike() -> None:
    async with open_house(settings=THREE) as house:
        await house.register()
        await guess(house, 4)
        house.clock.advance(600)
        await house.sign_in()
        missed = [one for one in house.log() if one.kind == "lockout"]
        assert {one.type for one in missed} == {"LoginMissed", "LockoutLifted"} <= set(published())
        assert len({one.stream for one in missed}) == 1
        assert not any(found(json.dumps(one.body(), default=str).encode(), [ADA]) for one in missed)
        again = await foresee(house, settings=THREE)
        assert not any(one.differs or one.unknown for one in again)


def test_no_more_is_remembered_than_the_highest_threshold() -> None:
    settings = LockoutSettings(LIMIT, timedelta(days=1), timedelta(hours=1))
    lockout, flow = Lockout(UUID(int=1)), UUID(int=2)
    for second in range(LIMIT - 1):
        lockout.miss(settings, NOON + timedelta(seconds=second), flow, "password")
    assert (lockout.locked(NOON), len(lockout.misses)) == (None, LIMIT - 1)
    lockout.miss(settings, NOON + timedelta(minutes=5), flow, "password")
    until = NOON + timedelta(hours=1, minutes=5)
    assert (lockout.locked(NOON + timedelta(minutes=5)), lockout.misses) == (until, ())
    lockout.miss(settings, NOON + timedelta(minutes=6), flow, "password")
    assert lockout.version == LIMIT, "what was under way when it began counts no more"
