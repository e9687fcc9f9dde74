"""`require_verified_address` and `revoke_active_sessions`, by every method that is performed and in each list.

A method joins by being performed (tests/support/performing.py).
"""

from typing import Any

import pytest

from limen.domain import ConfigurationInvalid, Outcome
from limen.domain.configuration import FlowKind, Slot
from limen.domain.placement import LIST_METHODS, PLACEMENT
from tests.support.addresses import NEW, change
from tests.support.engine import ADA, PASSWORD, House, open_house
from tests.support.performing import PERFORMANCES, sections, signed_in
from tests.support.provider import abroad

VERIFIED = {"hook": "require_verified_address"}
REVOKE = {"hook": "revoke_active_sessions"}
NOTHING = {"hook": "show_verification_ui"}
REQUIRED = "session_verified_address_required"
LISTS = ("method", "default")
SHOWS = ("code", "oidc")
"""The methods that show an address to be theirs by signing in; a provider where it vouches for it."""


def performed(kind: str, hook: str) -> list[str]:
    """The methods of a flow under which the action may stand, and that are performed."""
    slots = PLACEMENT[hook]
    return [name for flow, name in PERFORMANCES if flow == kind and Slot(FlowKind(kind), "after", name) in slots]


def hooks(action: dict[str, Any], method: str, listed: str) -> dict[str, list[dict[str, Any]]]:
    """The action in the list of a method of login, or in the default list with every other method out of its reach."""
    if listed == "method":
        return {f"login.after.{method}": [action]}
    others = (one for one in LIST_METHODS[FlowKind.LOGIN] if one != method)
    return {"login.after": [action]} | {f"login.after.{one}": [NOTHING] for one in others}


async def another(house: House, method: str) -> str:
    """A session of the same person, by a method that the action under test says nothing of."""
    outcome = await (house.sign_in() if method != "password" else _by_code(house))
    if outcome.session_token is None:  # who has no password
        outcome = await _by_code(house)
    assert outcome.session_token
    return outcome.session_token


async def _by_code(house: House) -> Outcome:
    return await house.give_code(await house.ask_code("login"))


async def lives(house: House, token: str) -> bool:
    """Whether a session is active, whatever it has shown."""
    return await house.engine.signed_in(token) is not None


def live(house: House) -> set[Any]:
    """The sessions that were issued and not ended."""
    return {one.stream for one in house.log("SessionIssued")} - {one.stream for one in house.log("SessionRevoked")}


# -------------------------------------------------------------------------------------------- require_verified_address


@pytest.mark.parametrize("listed", LISTS)
@pytest.mark.parametrize("method", performed("login", "require_verified_address"))
async def test_no_method_signs_in_whose_address_is_not_verified(method: str, listed: str) -> None:
    """A second factor renews a session here: that is not done either, and the code that was right is not spent."""
    async with open_house(hooks(VERIFIED, method, listed), **sections("login", method)) as house:
        flow = await PERFORMANCES["login", method](house)
        if method not in SHOWS:
            mails, size = len(house.courier.messages), len(house.log("SessionIssued"))
            outcome = await flow()
            assert (outcome.error, outcome.session_token) == (REQUIRED, None)
            assert [step["flow"]["verifiable_address"] for step in outcome.continue_with] == [ADA]
            assert [mail.to for mail in house.courier.messages[mails:]] == [ADA]
            assert (len(house.log("SessionIssued")), house.log("SessionRefreshed")) == (size, [])
            await house.verify()
        assert (await flow()).completed


@pytest.mark.parametrize("listed", LISTS)
async def test_a_provider_that_does_not_vouch_for_an_address_signs_nobody_in(listed: str) -> None:
    async with abroad(hooks(VERIFIED, "oidc", listed)) as there:
        await there.register("s-bob")
        outcome = await there.go("login")
        assert (outcome.error, outcome.session_token) == (REQUIRED, None)


async def test_nor_is_a_session_renewed_by_the_first_factor() -> None:
    """Whoever was verified once and is not any more."""
    async with open_house({"login.after.password": [VERIFIED]}) as house:
        await house.register()
        await house.verify()
        token = (await house.sign_in()).session_token
        assert token
        assert (await change(house, token, NEW)).completed

        async def confirm() -> Outcome:
            flow = await house.start("login", refresh=True, session_token=token)
            values = {"identifier": NEW, "password": PASSWORD}
            return await house.engine.submit(flow.id, method="password", values=values, session_token=token)

        assert (await confirm()).error == REQUIRED
        assert not house.log("SessionRefreshed")
        await house.verify(NEW)
        assert (await confirm()).completed


# ---------------------------------------------------------------------------------------------- revoke_active_sessions


@pytest.mark.parametrize("listed", LISTS)
@pytest.mark.parametrize("method", performed("login", "revoke_active_sessions"))
async def test_a_login_by_any_method_ends_the_others_and_keeps_its_own(method: str, listed: str) -> None:
    async with open_house(hooks(REVOKE, method, listed), **sections("login", method)) as house:
        flow = await PERFORMANCES["login", method](house)
        others = [await another(house, method) for _ in range(2)]
        outcome = await flow()
        assert outcome.session is not None
        assert [await lives(house, token) for token in others] == [False, False]
        assert {str(one) for one in live(house)} == {outcome.session.id}


async def test_confirming_oneself_does_so_too() -> None:
    async with open_house({"login.after.password": [REVOKE]}) as house:
        await house.register()
        own, other = await another(house, "password"), await another(house, "password")
        flow = await house.start("login", refresh=True, session_token=own)
        values = {"identifier": ADA, "password": PASSWORD}
        assert (await house.engine.submit(flow.id, method="password", values=values, session_token=own)).completed
        assert (await lives(house, own), await lives(house, other)) == (True, False)


@pytest.mark.parametrize("method", performed("settings", "revoke_active_sessions"))
async def test_changing_a_credential_ends_the_others_and_keeps_the_one_that_asked(method: str) -> None:
    async with open_house({f"settings.after.{method}": [REVOKE]}, **sections("settings", method)) as house:
        flow = await PERFORMANCES["settings", method](house)
        own = live(house)
        other = await another(house, "")
        assert (await flow()).completed
        assert (await lives(house, other), live(house)) == (False, own)


@pytest.mark.parametrize("method", [name for kind, name in PERFORMANCES if kind == "recovery"])
async def test_a_recovery_ends_the_others(method: str) -> None:
    async with open_house({"recovery.after": [REVOKE]}, **sections("recovery", method)) as house:
        flow = await PERFORMANCES["recovery", method](house)
        others = [await another(house, "") for _ in range(2)]
        assert (await flow()).completed
        assert [await lives(house, token) for token in others] == [False, False]
        assert len(live(house)) == 1


@pytest.mark.parametrize(
    ("slot", "entry"),
    [
        ("settings.after", REVOKE),
        ("settings.after.profile", REVOKE),
        ("registration.after", REVOKE),
        ("registration.after.password", REVOKE),
        ("verification.after", REVOKE),
        ("login.before", REVOKE),
        ("login.after", {**REVOKE, "config": {}}),
        ("registration.after", VERIFIED),
        ("settings.after.password", VERIFIED),
        ("recovery.after", VERIFIED),
        ("login.before", VERIFIED),
    ],
)
async def test_elsewhere_the_configuration_is_refused(slot: str, entry: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        async with open_house({slot: [entry]}):
            pass
    here = f"/selfservice/flows/{slot.replace('.', '/')}/hooks/0"
    assert [fault.path for fault in refused.value.faults] == [f"{here}/{'config' if 'config' in entry else 'hook'}"]


async def test_a_change_of_address_that_comes_true_ends_no_session_by_itself() -> None:
    async with open_house({"settings.after.profile": [{"hook": "verify_new_address"}]}) as house:
        own = await signed_in(house)
        other = await another(house, "")
        await change(house, own, NEW)
        await house.give_code(await house.engine.flow(house.log("TraitsChangeHeld")[0].data["verification_id"]))
        assert (await lives(house, own), await lives(house, other)) == (True, True)
