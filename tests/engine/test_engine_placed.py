"""The actions that are no web hooks: sessions issued and revoked, addresses asked for and verified."""

from typing import Any

import pytest

from limen.domain import ConfigurationInvalid
from limen.domain.configuration import FlowKind, Slot
from limen.domain.placement import LIST_METHODS
from limen.domain.precedence import resolve
from tests.support.engine import ADA, PASSWORD, UI, House, hook, open_house, person, uri

SESSION = {"hook": "session"}
VERIFIED = {"hook": "require_verified_address"}
REVOKE = {"hook": "revoke_active_sessions"}
SHOW = {"hook": "show_verification_ui"}

# ------------------------------------------------------------------------------------------------------- session


@pytest.mark.parametrize("slot", ["registration.after", "registration.after.password", "registration.after.code"])
async def test_session_issues_one_with_the_commit_of_registration(slot: str) -> None:
    async with open_house({slot: [SESSION]}) as house:
        if slot.endswith("code"):
            outcome = await house.give_code(await house.ask_code("registration"))
        else:
            outcome = await house.register()
        token = outcome.session_token
        assert outcome.session is not None
        assert outcome.identity is not None
        assert outcome.session.identity == outcome.identity
        assert {"action": "set_ory_session_token", "ory_session_token": token} in outcome.continue_with
        live = await house.engine.session(token)
        assert live is not None
        assert live.id == outcome.session.id
        positions = {entry.type: entry.position for entry in house.log()}
        assert abs(positions["SessionIssued"] - positions["FlowCompleted"]) < 10


async def test_without_it_a_registration_gives_no_session() -> None:
    async with open_house() as house:
        outcome = await house.register()
        assert (outcome.session, outcome.session_token, outcome.continue_with) == (None, None, ())
        assert not house.log("SessionIssued")


async def test_a_browser_gets_the_token_for_its_cookie_and_no_step_that_says_it() -> None:
    async with open_house({"registration.after": [SESSION]}) as house:
        flow = await house.start("registration", type="browser")
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        outcome = await house.engine.submit(flow.id, method="password", values=values)
        assert outcome.session_token
        assert "set_ory_session_token" not in [step["action"] for step in outcome.continue_with]


async def test_session_needs_a_secret_to_sign_with() -> None:
    secrets: dict[str, Any] = {"cookie": [], "cipher": ["a-cipher-secret-of-32-characters"]}
    with pytest.raises(ConfigurationInvalid, match="secrets"):
        async with open_house({"registration.after": [SESSION]}, secrets=secrets):
            pass


# -------------------------------------------------------------------------------------- require_verified_address


async def by_code(house: House) -> Any:
    return await house.give_code(await house.ask_code("login"))


@pytest.mark.parametrize("slot", ["login.after", "login.after.password"])
async def test_without_a_verified_address_there_is_no_session_but_a_way_to_verify(slot: str) -> None:
    async with open_house({slot: [VERIFIED]}) as house:
        await house.register()
        mails = len(house.courier.messages)
        outcome = await house.sign_in()
        assert outcome.error == "session_verified_address_required"
        assert (outcome.session, outcome.session_token) == (None, None)
        assert not house.log("SessionIssued")
        (step,) = outcome.continue_with
        assert step["action"] == "show_verification_ui"
        assert step["flow"]["verifiable_address"] == ADA
        assert step["flow"]["url"] == f"{UI}/verification?flow={step['flow']['id']}"
        (mail,) = house.courier.messages[mails:]
        assert (mail.to, mail.template) == (ADA, "verification_code_valid")
        verification = await house.engine.flow(step["flow"]["id"])
        assert (await house.give_code(verification)).completed, "the code that was mailed is of that very flow"
        assert (await house.sign_in()).session is not None, "it passes once an address is verified"


@pytest.mark.parametrize("slot", ["login.after", "login.after.code"])
async def test_a_login_by_code_shows_that_the_address_is_theirs(slot: str) -> None:
    """The code proves what the action asks for, and verifies the address with the same commit."""
    async with open_house({slot: [VERIFIED]}) as house:
        await house.register()
        outcome = await by_code(house)
        assert outcome.session is not None
        assert outcome.session.identity.verifiable_addresses[0].verified is True


async def test_it_is_checked_for_every_method_of_the_default_list() -> None:
    async with open_house({"login.after": [VERIFIED]}) as house:
        desk = await house.engine.current()
        for method in LIST_METHODS[FlowKind.LOGIN]:
            (action,) = resolve(desk.rules.configuration, Slot(FlowKind.LOGIN, "after", method)).actions
            assert action.hook == "require_verified_address"


async def test_the_address_to_verify_is_the_first_that_a_mail_reaches() -> None:
    """A phone may stand before it in the schema."""
    schema = person()
    traits = schema["properties"]["traits"]
    phone = {"type": "string", "format": "tel", "ory.sh/kratos": {"verification": {"via": "sms"}}}
    traits["properties"] = {"phone": phone, **traits["properties"]}
    async with open_house(
        {"login.after": [VERIFIED]}, identity={"schemas": [{"id": "person", "url": uri(schema)}]}
    ) as house:
        await house.register(traits={"phone": "+4930123456"})
        outcome = await house.sign_in()
        assert outcome.error == "session_verified_address_required"
        (step,) = outcome.continue_with
        assert step["flow"]["verifiable_address"] == house.courier.messages[-1].to == ADA
        assert (await house.give_code(await house.engine.flow(step["flow"]["id"]))).completed
        assert (await house.sign_in()).session is not None


async def test_what_stands_behind_it_does_not_run() -> None:
    async with open_house({"login.after": [VERIFIED, hook("/after")]}) as house:
        await house.register()
        await house.sign_in()
        assert house.called() == []
        await house.verify()
        await house.sign_in()
        assert house.called() == ["/after"]


# ---------------------------------------------------------------------------------------- revoke_active_sessions


async def two_sessions(house: House) -> list[str]:
    await house.register()
    return [token for token in [(await house.sign_in()).session_token for _ in range(2)] if token]


@pytest.mark.parametrize("slot", ["login.after", "login.after.password"])
async def test_login_ends_every_other_session_and_keeps_the_new_one(slot: str) -> None:
    async with open_house({"login.after.code": [hook("/nothing")], slot: [REVOKE]}) as house:
        await house.register()
        older = [(await by_code(house)).session_token for _ in range(2)] if slot.endswith("password") else []
        first = (await house.sign_in()).session_token
        second = (await house.sign_in()).session_token
        assert [await house.engine.session(token) for token in (*older, first)] == [None] * (len(older) + 1)
        assert await house.engine.session(second)


async def test_recovery_ends_every_other_session() -> None:
    async with open_house({"recovery.after": [REVOKE]}) as house:
        older = await two_sessions(house)
        outcome = await house.give_code(await house.ask_code("recovery"))
        assert [await house.engine.session(token) for token in older] == [None, None]
        assert await house.engine.session(outcome.session_token)


async def test_a_new_password_ends_every_other_session() -> None:
    async with open_house({"settings.after.password": [REVOKE]}) as house:
        other, own = await two_sessions(house)
        flow = await house.start("settings", session_token=own)
        await house.engine.submit(flow.id, method="password", values={"password": "quite another"}, session_token=own)
        assert await house.engine.session(other) is None
        assert await house.engine.session(own)


async def test_somebody_elses_session_is_left_alone() -> None:
    async with open_house({"login.after": [REVOKE]}) as house:
        await house.register("bob@example.org")
        bob = (await house.sign_in("bob@example.org")).session_token
        await house.register()
        await house.sign_in()
        assert await house.engine.session(bob)


# ---------------------------------------------------------------------------------------- verification by itself


async def test_registration_starts_a_verification_and_mails_its_code() -> None:
    async with open_house({"verification.before": [hook("/before")]}) as house:
        outcome = await house.register()
        (mail,) = house.courier.messages
        assert (mail.to, mail.template) == (ADA, "verification_code_valid")
        assert outcome.identity is not None
        assert outcome.identity.verifiable_addresses[0].status == "sent"
        assert outcome.continue_with == ()
        (started,) = house.log("FlowOpenedChallenged")
        assert house.called() == [], "no before-action of verification runs for it"
        verification = await house.engine.flow(started.stream)
        assert (verification.state, verification.body.state, verification.active) == (
            "sent_email",
            "sent_email",
            "code",
        )
        assert (await house.give_code(verification)).completed


async def test_a_changed_address_is_verified_anew_and_an_unchanged_one_is_not() -> None:
    async with open_house() as house:
        await house.register()
        token = (await house.sign_in()).session_token

        async def change(**traits: Any) -> None:
            flow = await house.start("settings", session_token=token)
            await house.engine.submit(flow.id, method="profile", values={"traits": traits}, session_token=token)

        await change(email=ADA, age=36)
        assert [mail.to for mail in house.courier.messages] == [ADA]
        await change(email="countess@example.org")
        assert [mail.to for mail in house.courier.messages] == [ADA, "countess@example.org"]


async def test_an_address_that_is_verified_already_is_not_verified_again() -> None:
    async with open_house({"registration.after.code": [SHOW]}) as house:
        outcome = await house.give_code(await house.ask_code("registration"))
        assert [mail.template for mail in house.courier.messages] == ["registration_code_valid"]
        assert outcome.continue_with == ()
        assert outcome.identity is not None
        assert outcome.identity.verifiable_addresses[0].verified is True


async def test_without_verification_nothing_starts_by_itself() -> None:
    flows = {"flows": {"verification": {"enabled": False}}}
    async with open_house(selfservice=flows) as house:
        await house.register()
        assert house.courier.messages == []


@pytest.mark.parametrize("type_", ["api", "browser"])
async def test_show_verification_ui_tells_the_way(type_: str) -> None:
    async with open_house({"registration.after.password": [SHOW]}) as house:
        flow = await house.start("registration", type=type_)
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        outcome = await house.engine.submit(flow.id, method="password", values=values)
        (step,) = outcome.continue_with
        shown = {"id": step["flow"]["id"], "verifiable_address": ADA}
        if type_ == "browser":
            shown["url"] = f"{UI}/verification?flow={shown['id']}"
        assert step == {"action": "show_verification_ui", "flow": shown}
        assert (await house.engine.flow(shown["id"])).state == "sent_email"


async def test_show_verification_ui_after_a_change_of_address() -> None:
    async with open_house({"settings.after.profile": [SHOW]}) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": "countess@example.org"}}
        outcome = await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        (step,) = outcome.continue_with
        assert (step["action"], step["flow"]["verifiable_address"]) == ("show_verification_ui", "countess@example.org")
