"""Every form can be used by whoever has nothing but a browser: what its inputs and one button post is enough.

Kratos was recorded to act on forms that name no method: 17 exchanges of `webauthn`, among them every new key that is
registered and every one that is removed; its script submits without a button, and ours does too.
"""

from typing import Any

import pytest

from limen.domain import Outcome
from tests.support.authenticator import Authenticator
from tests.support.engine import PASSWORD, House, open_house, shown
from tests.support.factors import codes_of, keep_codes, link_totp, node
from tests.support.keys import ALONE, PASSKEY, SECOND, SIGNS_IN, Keyring, methods
from tests.support.pages import ANSWERS, by_pages
from tests.support.performing import METHODS, PERFORMANCES, sections, signed_in


@pytest.mark.parametrize("name", [f"{kind}-{method}" for kind, method in PERFORMANCES])
async def test_what_a_form_posts_is_enough(name: str) -> None:
    kind, method = name.split("-")
    async with open_house(**sections(kind, method)) as house:
        browsing, pages = by_pages(house)
        flow = await PERFORMANCES[kind, method](browsing)
        outcome = await flow()
        assert outcome.completed, shown(outcome)
        assert not house.log("SubmissionDismissed")
        answered = [form for form in pages.posted if any(form.get(one) for one in ANSWERS)]
        assert bool(answered) is (method in ("webauthn", "passkey"))
        assert all("method" not in form for form in answered)


async def test_a_security_key_alone_by_forms() -> None:
    """The name, by its button; the answer, by the script; the keys' own buttons."""
    async with open_house(SIGNS_IN, selfservice=methods(webauthn=ALONE, passkey=PASSKEY)) as house:
        browsing, pages = by_pages(house)
        person, key, other = Keyring(browsing), Authenticator(), Authenticator()
        assert (await person.try_register_key(key)).completed
        await person.sign_out()
        asked = await person.name()
        assert pages.posted[-1]["method"] == "webauthn"
        assert (await person.answer(key, asked)).completed
        assert (await person.add_key(other)).completed
        assert (await person.remove(other, "webauthn")).completed
        passkey = Authenticator()
        assert (await person.add(passkey)).completed
        assert (await person.remove(passkey)).completed
        removals = [form for form in pages.posted if "webauthn_remove" in form or "passkey_remove" in form]
        assert ["method" in form for form in removals] == [False, False]


async def pressed(house: House, token: str, *buttons: str) -> list[Outcome]:
    """A settings flow in which these buttons are pressed, one after the other, where each is shown."""
    flow: Any = await house.start("settings", session_token=token)
    outcomes = []
    for button in buttons:
        values = {button: node(flow, button).attributes.value}
        outcomes.append(await house.engine.submit(flow.id, method=None, values=values, session_token=token))
        flow = outcomes[-1].flow
    return outcomes


async def test_the_buttons_of_the_second_factors_need_no_method() -> None:
    async with open_house(selfservice={"methods": METHODS}) as house:
        browsing, pages = by_pages(house)
        token = await signed_in(browsing)
        await link_totp(browsing, token)
        await keep_codes(browsing, token)
        (revealed,) = await pressed(browsing, token, "lookup_secret_reveal")
        assert len(codes_of(revealed)) == 12
        drawn, kept = await pressed(browsing, token, "lookup_secret_reveal", "lookup_secret_regenerate")
        assert codes_of(kept) != codes_of(drawn)
        assert (await pressed(browsing, token, "lookup_secret_disable"))[-1].completed
        assert (await pressed(browsing, token, "totp_unlink"))[-1].completed
        made = await pressed(browsing, token, "lookup_secret_regenerate", "lookup_secret_confirm")
        assert made[-1].completed
        assert all("method" not in form for form in pages.posted[-6:])
        assert not house.log("SubmissionDismissed")


async def test_a_second_factor_beside_others_is_the_one_that_was_given() -> None:
    async with open_house(selfservice={"methods": {**METHODS, "webauthn": SECOND}}) as house:
        browsing, pages = by_pages(house)
        person, key = await Keyring(browsing).by_password(), Authenticator()
        assert (await person.add_key(key)).completed
        await link_totp(browsing, person.token)
        assert (await person.prove(key, refresh=True)).completed
        assert pages.posted[-1]["totp_code"] == ""


async def test_what_is_empty_says_nothing() -> None:
    """The hidden fields of a form are there whichever button is pressed."""
    async with open_house(SIGNS_IN, selfservice=methods(webauthn=ALONE, passkey=PASSKEY)) as house:
        browsing, pages = by_pages(house)
        await browsing.register()
        assert (await browsing.sign_in()).completed
        assert (pages.posted[-1]["passkey_login"], pages.posted[-1]["method"]) == ("", "password")
        flow = await house.start("login", type="browser")
        values = {"identifier": "", "passkey_login": "", "password": PASSWORD, "webauthn_login": "", "screen": ""}
        assert shown(await house.engine.submit(flow.id, method=None, values=values)) == {None: [4010002]}
