"""`verification` and `show_verification_ui`, wherever they may stand."""

from typing import Any

import pytest

from limen.domain import ConfigurationInvalid, Outcome
from tests.support.addresses import arrive, awaited
from tests.support.engine import ADA, PASSWORD, UI, House, open_house
from tests.support.factors import FACTORS, link_totp, prove

VERIFY = {"hook": "verification"}
SHOW = {"hook": "show_verification_ui"}


def mailed(house: House) -> int:
    """How many codes for a verification went out."""
    return len([mail for mail in house.courier.messages if mail.template == "verification_code_valid"])


async def register(house: House, type_: str = "api") -> Outcome:
    flow = await house.start("registration", type=type_)
    values = {"traits": {"email": ADA}, "password": PASSWORD}
    return await house.engine.submit(flow.id, method="password", values=values)


# -------------------------------------------------------------------------------------------------- after registration


@pytest.mark.parametrize("listed", [[VERIFY], [VERIFY, SHOW], [SHOW, VERIFY], []])
async def test_a_registration_sends_one_code_whether_it_is_listed_or_not(listed: list[dict[str, Any]]) -> None:
    """Kratos sends two where it is."""
    async with open_house({"registration.after.password": listed}) as house:
        outcome = await register(house)
        assert mailed(house) == 1
        assert len(outcome.continue_with) == (SHOW in listed)
        if SHOW in listed:
            assert (await house.give_code(await awaited(house, outcome))).completed


async def test_where_verification_is_switched_off_it_sends_nothing() -> None:
    flows = {"flows": {"verification": {"enabled": False}}}
    async with open_house({"registration.after.password": [VERIFY, SHOW]}, selfservice=flows) as house:
        outcome = await register(house)
        assert (mailed(house), outcome.continue_with) == (0, ())


# --------------------------------------------------------------------------------------------------------- after login


@pytest.mark.parametrize("slot", ["login.after", "login.after.password"])
@pytest.mark.parametrize(
    ("listed", "mails", "steps"), [([VERIFY], 1, 0), ([SHOW], 0, 0), ([VERIFY, SHOW], 1, 1), ([SHOW, VERIFY], 1, 1)]
)
async def test_a_login_sends_a_code_and_shows_the_way(
    slot: str, listed: list[dict[str, Any]], mails: int, steps: int
) -> None:
    async with open_house({slot: listed}) as house:
        await house.register()
        before = mailed(house)
        outcome = await house.sign_in()
        assert outcome.session_token, "it is no condition"
        assert (mailed(house) - before, len(outcome.continue_with)) == (mails, steps)
        if steps:
            verification = await awaited(house, outcome)
            assert (verification.state, verification.active) == ("sent_email", "code")
            assert (await house.give_code(verification)).completed
            after = mailed(house)
            assert (await house.sign_in()).continue_with == (), "once an address is verified there is nothing to do"
            assert mailed(house) == after


@pytest.mark.parametrize("type_", ["api", "browser"])
async def test_a_browser_is_told_the_page_too(type_: str) -> None:
    async with open_house({"login.after": [VERIFY, SHOW]}) as house:
        await house.register()
        flow = await house.start("login", type=type_)
        values = {"identifier": ADA, "password": PASSWORD}
        (step,) = (await house.engine.submit(flow.id, method="password", values=values)).continue_with
        told = {"id": step["flow"]["id"], "verifiable_address": ADA}
        assert step["flow"] == told | ({"url": f"{UI}/verification?flow={told['id']}"} if type_ == "browser" else {})


async def test_a_login_by_code_has_just_verified_the_address() -> None:
    async with open_house({"login.after": [VERIFY, SHOW]}) as house:
        await house.register()
        before = mailed(house)
        outcome = await house.give_code(await house.ask_code("login"))
        assert outcome.completed
        assert (mailed(house), outcome.continue_with) == (before, ())


async def test_a_second_factor_sends_nothing() -> None:
    """As Kratos: the first one did."""
    async with open_house({"login.after.totp": [VERIFY, SHOW]}, selfservice={"methods": FACTORS}) as house:
        token = await arrive(house)
        app = await link_totp(house, token)
        low, before = (await house.sign_in()).session_token, mailed(house)
        house.clock.advance(30)
        outcome = await prove(house, low, totp_code=app.code(house.clock.now()))
        assert outcome.completed
        assert (mailed(house), outcome.continue_with) == (before, ())


# ----------------------------------------------------------------------------------------------------------- elsewhere


@pytest.mark.parametrize(
    ("slot", "entry"),
    [
        ("registration.after", VERIFY),
        ("registration.after", SHOW),
        ("settings.after.profile", VERIFY),
        ("settings.after", SHOW),
        ("settings.after.password", SHOW),
        ("recovery.after", SHOW),
        ("verification.after", VERIFY),
        ("login.before", VERIFY),
        ("login.after", {**VERIFY, "config": {}}),
    ],
)
async def test_elsewhere_the_configuration_is_refused(slot: str, entry: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        async with open_house({slot: [entry]}):
            pass
    here = f"/selfservice/flows/{slot.replace('.', '/')}/hooks/0"
    assert [fault.path for fault in refused.value.faults] == [f"{here}/{'config' if 'config' in entry else 'hook'}"]
