"""Pages whose script submits (AJAX): what they are told of where their browser goes on (Kratos: `continue_with`)."""

from typing import Any

import pytest

from limen.domain import Outcome, Request
from tests.support.engine import ADA, PASSWORD, UI, House, JsonDict, open_house
from tests.support.factors import FACTORS, link_totp

SHOWN = {"hook": "show_verification_ui"}
SCRIPT = Request(headers={"Accept": "application/json"})
FORM = Request(headers={"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"})
TRAITS = {"email": ADA}
VALUES: dict[str, JsonDict] = {
    "registration": {"traits": TRAITS, "password": PASSWORD},
    "login": {"identifier": ADA, "password": PASSWORD},
    "settings": {"traits": TRAITS | {"age": 40}},
}


def led_to(outcome: Outcome) -> list[str]:
    """Where the last of the next steps leads, if it is an address."""
    return [step["redirect_browser_to"] for step in outcome.continue_with[-1:] if "redirect_browser_to" in step]


async def go(house: House, kind: str, request: Request = SCRIPT, **options: Any) -> Outcome:
    """Through a flow in a browser."""
    flow = await house.start(kind, type="browser", **options)
    values = VALUES[kind]
    method, token = ("profile" if kind == "settings" else "password"), options.get("session_token")
    outcome = await house.engine.submit(flow.id, method=method, values=values, request=request, session_token=token)
    assert outcome.completed
    return outcome


async def test_it_is_told_the_address_that_a_form_is_sent_to() -> None:
    async with open_house({"registration.after": [{"hook": "session"}]}) as house:
        assert led_to(await go(house, "registration")) == [f"{UI}/welcome"]
        assert led_to(await go(house, "login", return_to=f"{UI}/after")) == [f"{UI}/after"]
        token = (await house.sign_in()).session_token
        saved = await go(house, "settings", session_token=token)
        assert led_to(saved) == [f"{UI}/settings?flow={saved.flow.id}"], "its own page, which says that it is saved"
        assert led_to(await go(house, "settings", session_token=token, return_to=f"{UI}/me")) == [f"{UI}/me"]


async def test_what_else_is_to_be_done_comes_before_it() -> None:
    hooks = {"registration.after.password": [{"hook": "session"}, SHOWN]}
    async with open_house(hooks) as house:
        steps = (await go(house, "registration")).continue_with
        assert [step["action"] for step in steps] == ["show_verification_ui", "redirect_browser_to"]


async def test_an_address_of_the_flow_s_own_goes_before_the_common_one() -> None:
    own = {"after": {"default_browser_return_url": f"{UI}/saved"}}
    async with open_house(selfservice={"flows": {"settings": own, "login": own}}) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        assert led_to(await go(house, "settings", session_token=token)) == [f"{UI}/saved"]
        assert led_to(await go(house, "login")) == [f"{UI}/saved"]


@pytest.mark.parametrize("request_", [FORM, Request()])
async def test_a_form_is_not(request_: Request) -> None:
    async with open_house() as house:
        await house.register()
        assert (await go(house, "login", request_)).continue_with == ()


async def test_who_has_to_show_a_second_factor_first_is_led_there_alone() -> None:
    highest = {"whoami": {"required_aal": "highest_available"}}
    async with open_house(selfservice={"methods": FACTORS}, session=highest) as house:
        await house.register()
        await link_totp(house, (await house.sign_in()).session_token or "")
        outcome = await go(house, "login")
        assert (outcome.continue_with, outcome.error) == ((), "browser_location_change_required")


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, False),
        ({"Accept": "*/*"}, False),
        ({"Accept": "application/*"}, True),
        ({"Accept": "application/json, text/plain, */*"}, True),
        ({"Accept": "APPLICATION/JSON; charset=utf-8"}, True),
        ({"Accept": "application/json;q=0.5, text/html"}, False),
        ({"Accept": "text/html;q=0.5, application/json"}, True),
        ({"Accept": "application/json, text/html"}, False),
        ({"Accept": "application/json;q=0"}, False),
        ({"Accept": "application/json;q=lots"}, False),
        ({"Accept": ",;,"}, False),
        ({"Accept": "text/html", "Content-Type": "application/json; charset=utf-8"}, True),
        ({"Content-Type": "application/x-www-form-urlencoded"}, False),
    ],
)
def test_who_would_rather_have_json(headers: dict[str, str], wanted: bool) -> None:
    assert Request(headers=headers).wants_json is wanted
