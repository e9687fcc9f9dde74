"""Codes that are sent to an address cannot be guessed for ever, whatever the flow, with a lockout or without one.

NIST SP 800-63B §5.2.2 bounds the wrong ones in a row; §5.1.3.2 asks for no bound from 64 bits on. So an address whose
codes were guessed at is sent longer ones, and a stranger keeps nobody from recovering.
"""

import asyncio
from typing import Any

import pytest

from limen.domain.code import DIGITS, LONG_DIGITS
from limen.domain.lockout import FREE
from limen.domain.lockouts import unlock
from tests.engine_robust.life import found
from tests.support.engine import ADA, House, JsonDict, open_house, shown
from tests.support.factors import node

THREE: JsonDict = {"lockout": {"threshold": 3, "window": "10m", "duration": "5m"}}
BOTH = pytest.mark.parametrize("settings", [{}, THREE], ids=["no lockout", "lockout"])
NOBODY = "nobody@example.org"
INVALID = {"recovery": 4060006, "verification": 4070006, "login": 4010008}


def wrong(house: House, add: int = 1) -> str:
    """Six digits that are not those of the last code."""
    return str((int(house.code) + add) % 10**DIGITS).zfill(DIGITS)


async def guess(house: House, times: int, kind: str = "recovery", email: str = ADA) -> list[str]:
    """So many wrong codes, in as many flows as it takes; the states they led to."""
    states, flow = list[str](), None
    for number in range(times):
        if flow is None or number % 5 == 0:
            flow = await house.ask_code(kind, email)
        states.append((await house.give_code(flow, wrong(house, 1 + number))).state)
    return states


def sent(house: House) -> int:
    """How many digits the last code has."""
    return len(house.code)


@BOTH
async def test_recovery_codes_are_guessed_at_ten_times_and_then_cannot_be_guessed(settings: JsonDict) -> None:
    async with open_house(settings=settings) as house:
        await house.register()
        hers = await house.ask_code("recovery")
        right = house.code
        assert await guess(house, FREE) == ["sent_email"] * FREE
        late = await house.give_code(hers, right)
        assert (late.state, shown(late)) == ("sent_email", {None: [INVALID["recovery"]]}), "right, and not looked at"
        again = await house.engine.submit(hers.id, method="code", values={"email": ADA})
        assert (sent(house), node(again, "code").attributes.maxlength) == (LONG_DIGITS, LONG_DIGITS)
        assert len(house.log("CodeTried")) == FREE
        assert (await house.give_code(hers, right)).state == "sent_email", "another code has taken its place"
        assert (await house.give_code(hers)).completed
        new = await house.ask_code("recovery")
        assert (sent(house), node(new, "code").attributes.maxlength) == (DIGITS, DIGITS), "a right one has come"


@BOTH
async def test_a_stranger_who_never_stops_keeps_nobody_from_recovering(settings: JsonDict) -> None:
    async with open_house(settings=settings) as house:
        await house.register()
        await guess(house, 40)
        hers = await house.ask_code("recovery")
        code = house.code
        await guess(house, 40)
        assert (await house.give_code(hers, code)).completed
        assert (await house.sign_in()).completed


@BOTH
async def test_of_many_guesses_at_once_no_more_are_looked_at(settings: JsonDict) -> None:
    async with open_house(settings=settings) as house:
        await house.register()
        flows, codes = [], []
        for _ in range(3 * FREE):
            flows.append(await house.ask_code("recovery"))
            codes.append(wrong(house))
        await asyncio.gather(*(house.give_code(flow, code) for flow, code in zip(flows, codes, strict=True)))
        assert len(house.log("CodeTried")) == FREE
        assert (await house.give_code(flows[-1])).state == "sent_email", "the right one is not looked at either"


async def test_a_flow_ends_at_the_sixth_all_the_same() -> None:
    async with open_house() as house:
        await house.register()
        late = await house.ask_code("recovery")
        right = house.code
        await guess(house, FREE)
        outcomes = [await house.give_code(late, right) for _ in range(6)]
        assert [one.state for one in outcomes] == ["sent_email"] * 5 + ["failed"]
        assert len(house.log("CodeTried")) == FREE


async def test_it_is_one_count_over_all_flows_that_send_a_code() -> None:
    async with open_house() as house:
        await house.register()
        for kind in ("login", "verification", "recovery"):
            await guess(house, 3, kind)
        assert (await guess(house, 1, "registration", "ADA@example.org"), sent(house)) == (["sent_email"], DIGITS)
        for kind in ("login", "verification", "recovery"):
            flow = await house.ask_code(kind)
            assert sent(house) == LONG_DIGITS
            assert shown(await house.give_code(flow, "0" * DIGITS))[None] == [INVALID[kind]]
        assert (await house.give_code(flow)).completed


async def test_a_verification_that_starts_by_itself_knows_of_it_too() -> None:
    async with open_house() as house:
        await guess(house, FREE, "registration", NOBODY)
        await house.register(NOBODY)
        assert (house.courier.messages[-1].to, sent(house)) == (NOBODY, LONG_DIGITS)


async def test_only_a_right_code_or_an_operator_sets_the_count_back() -> None:
    async with open_house(settings=THREE) as house:
        await house.register()
        await guess(house, FREE)
        assert (await house.sign_in()).completed, "recovery codes lock no login"
        await house.ask_code("recovery")
        assert sent(house) == LONG_DIGITS
        people = (await house.engine.current()).people
        identity = await people.holder(ADA)
        assert identity is not None
        assert await unlock(house.engine.tools, house.engine.streams, identity) == 1
        await house.ask_code("recovery")
        assert sent(house) == DIGITS
        await guess(house, FREE - 1)
        assert (await house.verify()).completed
        assert [entry.data["right"] for entry in house.log("CodeTried")][-2:] == [False, True]
        await guess(house, FREE - 1)
        await house.ask_code("login")
        assert sent(house) == DIGITS


async def test_a_locked_login_is_lifted_by_no_guess() -> None:
    """What a review found: 240 recovery codes tried at once, past the lockout, which the right one lifted."""
    async with open_house(settings=THREE) as house:
        await house.register()
        for _ in range(3):
            await house.sign_in(password="no such pass phrase")
        await guess(house, 60)
        assert len(house.log("CodeTried")) == FREE
        assert shown(await house.sign_in()) == {None: [4010900]}
        assert (await house.give_code(await house.ask_code("recovery"))).completed, "its owner is free at once"
        assert (await house.sign_in()).completed


async def test_an_empty_field_and_another_code_are_no_guesses() -> None:
    async with open_house() as house:
        await house.register()
        flow = await house.ask_code("recovery")
        for _ in range(2 * FREE):
            await house.give_code(flow, " ")
            await house.engine.submit(flow.id, method="code", values={"email": ADA})
        assert (sent(house), house.log("CodeTried")) == (DIGITS, [])


@BOTH
@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_an_address_that_is_nobodys_is_answered_and_recorded_alike(kind: str, settings: JsonDict) -> None:
    async with open_house(settings=settings) as house:
        await house.register()
        seen: list[Any] = []
        for who in (ADA, NOBODY):
            mails, told = len(house.courier.messages), []
            for number in range(FREE + 3):
                flow = await house.ask_code(kind, who)
                outcome = await house.give_code(flow, str(number))
                told.append(str(outcome.flow.body.plain()).replace(who, "").replace(str(flow.id), ""))
                told.append(str(house.types(flow)))
            seen.append(told)
            assert (len(house.courier.messages) > mails) == (who == ADA)
        assert seen[0] == seen[1]
        tried = house.log("CodeTried")
        assert (len(tried), len({entry.stream for entry in tried})) == (2 * FREE, 2)
        assert not any(found(str(entry.body()).encode(), [ADA, NOBODY]) for entry in tried)
