"""Whether an address is known is not to be learnt: not from an answer, not from the work it takes, not from the time.

Where Kratos tells by its answer (login by code, a registration), limen does too; docs/how-to/recover-by-link.md says
where. By time: known and unknown addresses are asked about by turns, and how often the known one took longer is
compared with what a coin would give. Time is what this process computed, on all its threads: what else the machine does
is no difference that an answer makes. What is waited for (the store) is counted instead.
"""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from limen.domain import FlowView, Outcome
from limen.domain.testing import MemoryCourier
from tests.support.authenticator import Authenticator
from tests.support.counting import Counting
from tests.support.engine import PASSWORD, House, JsonDict, open_house
from tests.support.keys import ALONE, SIGNS_IN, Keyring, methods
from tests.support.links import LINKS

SENT = ["recovery-code", "recovery-link", "verification-code", "verification-link", "login-code"]
SILENT = [*SENT, "login-password", "login-locked", "login-webauthn", "login-keyless"]
"""Where nobody is to learn it; of a login by code, if `security.account_enumeration.mitigate` says so.

`locked` is a password of an identifier that is locked; `webauthn` a name with a security key, `keyless` one without.
"""
METHODS = {"locked": "password", "keyless": "webauthn"}
LOCKED: JsonDict = {"lockout": {"threshold": 1, "window": "10m", "duration": "500h"}}
CHEAP = {"argon2": {"memory": "1MB"}}
"""As little hashing as there can be: it takes equally long for everybody, and would hide what does not."""
HIDDEN = {"security": {"account_enumeration": {"mitigate": True}}}
WRONG = "no such pass phrase"
PAIRS = 100
ODD = 0.35
"""So much more or less often than every other time the known one may take longer. Without the work that is done for
nobody it does so 97 times in 100."""


class Elsewhere(MemoryCourier):
    """Messages are the worker's, as they are where a mail server is configured."""

    local = False


@asynccontextmanager
async def house_for(way: str, people: int = 1, courier: MemoryCourier | None = None) -> AsyncIterator[House]:
    """A house in which `person0@example.org` … are registered, and `nobody0@example.org` … are not."""
    sections: dict[str, Any] = {**(LINKS if way.endswith("link") else {}), **(HIDDEN if way == "login-code" else {})}
    sections |= {"selfservice": methods(webauthn=ALONE)} if method_of(way) == "webauthn" else {}
    sections |= {"settings": LOCKED} if way == "login-locked" else {}
    async with open_house(SIGNS_IN, worker=False, courier=courier or Elsewhere(), hashers=CHEAP, **sections) as house:
        for number in range(people):
            who = f"person{number}@example.org"
            if way == "login-webauthn":
                assert (await Keyring(house, who).try_register_key(Authenticator())).completed
            else:
                await house.register(who)
            for name in (who, f"nobody{number}@example.org") if way == "login-locked" else ():
                await house.sign_in(name, WRONG)
        yield house


def method_of(way: str) -> str:
    """The method by which it is asked."""
    method = way.split("-")[1]
    return METHODS.get(method, method)


async def begun(house: House, way: str) -> FlowView:
    """The flow in which it is asked: security keys are for browsers."""
    return await house.start(way.split("-")[0], type="browser" if method_of(way) == "webauthn" else "api")


def values(way: str, who: str) -> JsonDict:
    """What is submitted there."""
    if not way.startswith("login"):
        return {"email": who}
    right = PASSWORD if way == "login-locked" else WRONG
    return {"identifier": who} if method_of(way) == "webauthn" else {"identifier": who, "password": right}


async def ask(house: House, way: str, who: str) -> tuple[Outcome, float]:
    """What somebody does who wants to know; and how many seconds the answer took to compute."""
    flow = await begun(house, way)
    began = time.process_time()
    outcome = await house.engine.submit(flow.id, method=method_of(way), values=values(way, who))
    return outcome, time.process_time() - began


def masked(outcome: Outcome, who: str) -> str:
    """What a client sees, without ids, what was drawn, and the address."""
    seen = repr((outcome.state, outcome.error, outcome.continue_with, outcome.flow.body.plain()))
    seen = re.sub(r"allowCredentials[^]]*]", "KEYS", seen)  # one or two, real or imaginary (test_engine_webauthn_alone)
    seen = re.sub(r"[A-Za-z0-9_-]{40,}", "DRAWN", seen)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", seen).replace(who, "WHO")


# -------------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("way", SILENT)
async def test_the_answer_is_the_same_and_so_is_what_is_on_record(way: str) -> None:
    async with house_for(way, courier=MemoryCourier()) as house:
        seen = []
        for who in ("person0@example.org", "nobody0@example.org"):
            mails = len(house.courier.messages)
            outcome, _ = await ask(house, way, who)
            deliveries = {
                str(id_) for entry in house.log("ChallengeSent", outcome.flow) for id_ in entry.data["deliveries"]
            }
            sent = [entry.type for entry in house.log() if str(entry.stream) in deliveries]
            seen.append(
                (masked(outcome, who), house.types(outcome.flow), len(sent), len(house.courier.messages) - mails)
            )
        (*known, mailed), (*unknown, silent) = seen
        assert known == unknown
        assert (mailed, silent) == (way in SENT, 0)


@pytest.mark.parametrize("way", SENT)
async def test_nor_do_wrong_guesses_tell(way: str) -> None:
    method = way.split("-")[1]
    async with house_for(way) as house:
        seen = []
        for who in ("person0@example.org", "nobody0@example.org"):
            flow, answers = (await ask(house, way, who))[0].flow, []
            for number in range(6):
                wrong = {"code": f"00000{number}"} if method == "code" else {"token": f"guess{number}"}
                outcome = await house.engine.submit(flow.id, method=method, values=wrong)
                answers.append(masked(outcome, who))
            seen.append((answers, house.types(flow)))
        assert seen[0] == seen[1]


async def test_a_message_to_nobody_is_never_sent_and_says_so_on_record() -> None:
    courier = MemoryCourier()
    async with house_for("recovery-link", courier=courier) as house:
        before = len(courier.messages)
        await ask(house, "recovery-link", "nobody0@example.org")
        (canceled,) = house.log("DeliveryCanceled")
        assert canceled.data["reason"] == "nobody"
        await house.engine.dispatcher.deliver(canceled.stream)
        assert len(courier.messages) == before


async def test_where_kratos_tells_limen_does_too() -> None:
    async with house_for("registration-password") as house:
        for who, state in (("person0@example.org", "sent_email"), ("nobody0@example.org", "choose_method")):
            flow = await house.start("login")
            assert (await house.engine.submit(flow.id, method="code", values={"identifier": who})).state == state
        taken = await house.register("person0@example.org")
        assert [message.id for message in taken.flow.ui.messages] == [4000007]


# ----------------------------------------------------------------------------------------------------------------- work


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("way", SILENT)
async def test_the_store_is_read_and_written_as_often(way: str, local: bool) -> None:
    async with house_for(way, courier=MemoryCourier() if local else Elsewhere()) as house:
        store = Counting(house)
        work = []
        for who in ("person0@example.org", "nobody0@example.org") * 2:
            house.engine.streams._kept.clear()  # as after a restart
            flow = await begun(house, way)
            store.calls.clear()
            await house.engine.submit(flow.id, method=method_of(way), values=values(way, who))
            work.append(list(store.calls))
        assert work[0] == work[1] == work[2] == work[3]
        assert len(work[0]) >= 4


# ----------------------------------------------------------------------------------------------------------------- time


async def longer(house: House, way: str) -> float:
    """How often the known address took longer than the unknown one asked about right before or after it."""
    count = 0.0
    for number in range(PAIRS):
        took = {}
        names = ["person", "nobody"] if number % 2 else ["nobody", "person"]
        for name in names:
            _, took[name] = await ask(house, way, f"{name}{number % 10}@example.org")
        count += took["person"] > took["nobody"]
    return count / PAIRS


@pytest.mark.parametrize("way", SILENT)
async def test_known_and_unknown_addresses_take_equally_long(way: str) -> None:
    async with house_for(way, people=10, courier=MemoryCourier()) as house:  # what is sent is sent before the answer
        for number in range(10):  # each is met once
            await ask(house, way, f"person{number}@example.org")
            await ask(house, way, f"nobody{number}@example.org")
        often = [await longer(house, way)]
        if abs(often[0] - 0.5) > ODD:
            often.append(await longer(house, way))
        assert min(abs(one - 0.5) for one in often) <= ODD, often
