"""`verify_new_address`: where its verification leads nowhere any more, the change waits for another one."""

from typing import Any

import pytest

from limen.domain import Outcome
from tests.support.addresses import (
    NEW,
    PROFILE,
    VERIFY_NEW,
    WORTH_NOTHING,
    arrive,
    awaited,
    change,
    refusals,
    traits,
)
from tests.support.engine import ADA, UI, House, JsonDict, open_house, shown
from tests.support.links import LINKS, flow_of, follow, link_of, token_of


async def six_wrong(house: House, flow: Any) -> Outcome:
    """The answer to the sixth wrong code."""
    wrong = str((int(house.code) + 1) % 10**6).zfill(6)
    answers = [await house.give_code(flow, wrong) for _ in range(6)]
    return answers[-1]


@pytest.mark.parametrize("type_", ["api", "browser"])
async def test_after_the_sixth_wrong_code_another_one_makes_the_change(type_: str) -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        first, code = await awaited(house, await change(house, token, type_=type_)), house.code
        outcome = await six_wrong(house, first)
        assert (outcome.state, outcome.error) == ("failed", "too_many_attempts")
        (step,) = outcome.continue_with
        page = {"url": f"{UI}/verification?flow={step['flow']['id']}"} if type_ == "browser" else {}
        assert step["flow"] == {"id": step["flow"]["id"], "verifiable_address": NEW, **page}
        assert (house.courier.messages[-1].to, house.courier.messages[-1].withheld) == (NEW, False)
        second = await awaited(house, outcome)
        assert (second.state, second.type) == ("sent_email", type_)
        assert shown(await house.give_code(second, code)) == WORTH_NOTHING, "a code of the first is of the first"
        await house.engine.submit(second.id, method="code", values={"email": NEW})
        assert not house.courier.messages[-1].withheld, "another one may be asked for here too"
        assert (await house.give_code(second)).completed
        assert await traits(house, token) == {"email": NEW}


async def test_it_may_happen_again() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        flow = await awaited(house, await change(house, token))
        for _ in range(3):
            flow = await awaited(house, await six_wrong(house, flow))
        assert (await house.give_code(flow)).completed
        assert await traits(house, token) == {"email": NEW}
        store = house.engine.streams.store
        held = [entry.data["verification_id"] for entry in house.log("TraitsChangeHeld")]
        assert [await store.vault_rows(one, "change") for one in held] == [[]] * 4


@pytest.mark.parametrize("why", ["signed out", "another change", "taken", "another address"])
async def test_what_does_not_come_true_any_more_is_not_carried_over(why: str) -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        flow = await awaited(house, await change(house, token))
        match why:
            case "signed out":
                await house.engine.logout(token)
            case "another change":
                await change(house, token, ADA, age=36)
            case "taken":
                await house.register(NEW)
            case _:
                await change(house, token, "second@example.org")
        mails, held = len(house.courier.messages), len(house.log("TraitsChangeHeld"))
        (step,) = (await six_wrong(house, flow)).continue_with
        assert (await house.engine.flow(step["flow"]["id"])).state == "choose_method"
        assert (len(house.courier.messages), len(house.log("TraitsChangeHeld"))) == (mails, held)


async def test_what_was_asked_must_still_hold_for_the_other_one_too() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        flow = await awaited(house, await six_wrong(house, await awaited(house, await change(house, token))))
        await house.engine.logout(token)
        assert shown(await house.give_code(flow)) == WORTH_NOTHING
        assert refusals(house)[-1] == "change_without_session"


# --------------------------------------------------------------------------------------------------------------- links


def links(lifespan: str = "1h") -> JsonDict:
    """Verification by links that count so long."""
    return {
        "selfservice": {
            **LINKS["selfservice"],
            "methods": {"link": {"enabled": True, "config": {"lifespan": lifespan}}},
        }
    }


async def test_a_code_that_is_too_late_leads_to_another_one() -> None:
    methods = {"code": {"config": {"lifespan": "10m"}}}
    async with open_house({PROFILE: [VERIFY_NEW]}, selfservice={"methods": methods}) as house:
        token = await arrive(house)
        flow = await awaited(house, await change(house, token))
        house.clock.advance(601)
        outcome = await house.give_code(flow)
        assert (outcome.state, outcome.error) == ("sent_email", "self_service_flow_expired")
        assert (house.courier.messages[-1].to, house.courier.messages[-1].withheld) == (NEW, False)
        assert (await house.give_code(outcome.flow)).completed
        assert await traits(house, token) == {"email": NEW}


async def test_a_link_that_is_too_late_leads_to_another_one() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, **links("10m")) as house:
        token = await arrive(house)
        await change(house, token)
        late = link_of(house)
        house.clock.advance(601)
        outcome = await follow(house, late)
        assert (outcome.flow.state, outcome.flow.type) == ("sent_email", "browser")
        assert (house.courier.messages[-1].to, house.courier.messages[-1].withheld) == (NEW, False)
        assert flow_of(link_of(house)) == str(outcome.flow.id) != flow_of(late)
        mails = len(house.courier.messages)
        assert (await follow(house, late)).flow.state == "choose_method"
        assert len(house.courier.messages) == mails, "no third one goes out for it"
        assert (await follow(house, link_of(house))).completed
        assert await traits(house, token) == {"email": NEW}


async def test_a_wrong_link_leaves_the_right_one_and_the_sixth_leads_to_another_one() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, **links()) as house:
        token = await arrive(house)
        await change(house, token)
        right = link_of(house)
        wrong = right.replace(token_of(right), "wrong")
        for _ in range(5):
            assert (await follow(house, wrong)).flow.state == "choose_method"
        assert link_of(house) == right
        assert (await follow(house, wrong)).flow.state == "sent_email"
        assert link_of(house) != right
        assert not (await follow(house, right)).completed
        assert (await follow(house, link_of(house))).completed
        assert await traits(house, token) == {"email": NEW}
