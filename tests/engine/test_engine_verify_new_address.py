"""`verify_new_address`: a change of address waits until the new address is verified."""

from pathlib import Path

import pytest

from limen.adapters.sink import Reply
from limen.domain import (
    ActionFailed,
    ConfigurationInvalid,
    Outcome,
    RequestRefused,
)
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
    traits,
    two_addresses,
)
from tests.support.engine import (
    ADA,
    SINK,
    UI,
    JsonDict,
    hook,
    identity,
    ignore,
    messages,
    open_house,
    parse,
    shown,
)

# ------------------------------------------------------------------------------------------------------- it comes true


async def test_the_change_waits_and_comes_true_with_the_verification() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house, verified=True)
        outcome = await change(house, token, age=36)
        assert (outcome.state, outcome.flow.body.state, outcome.error) == ("show_form", "show_form", None)
        assert outcome.flow.messages == ()
        verification = await awaited(house, outcome)
        assert (verification.state, verification.active) == ("sent_email", "code")
        assert (house.courier.messages[-1].to, house.courier.messages[-1].template) == (NEW, "verification_code_valid")
        assert await traits(house, token) == {"email": ADA}, "nothing of it is in force yet, other traits neither"
        assert shown(await house.sign_in(NEW)) == {None: [4000006]}

        assert (await house.give_code(verification)).completed
        assert await traits(house, token) == {"email": NEW, "age": 36}
        assert await addresses(house, token) == {NEW: True}
        assert (await house.sign_in(NEW)).completed
        assert shown(await house.sign_in(ADA)) == {None: [4000006]}
        assert (await house.register(ADA)).completed, "the old address is anybody's again"


async def test_the_log_says_that_it_waits_and_that_it_was_made() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        outcome = await change(house, await arrive(house))
        verification = await awaited(house, outcome)
        (held,) = house.log("TraitsChangeHeld")
        assert held.data["flow_id"] == str(outcome.flow.id)
        assert held.data["verification_id"] == str(verification.id)
        assert house.types(outcome.flow)[-1] == "FlowInterrupted"
        await house.give_code(verification)
        (made,) = house.log("TraitsChanged")
        assert made.data["flow_id"] == str(verification.id)
        assert len(house.log("AddressVerified")) == 1


async def test_what_is_no_new_address_does_not_wait() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        assert (await change(house, token, ADA, age=36)).completed
        assert await traits(house, token) == {"email": ADA, "age": 36}
        assert not house.log("TraitsChangeHeld")


async def test_an_address_that_an_action_says_is_verified_does_not_wait() -> None:
    verified = {"value": NEW, "via": "email", "verified": True, "status": "completed"}
    async with open_house({PROFILE: [parse("/check"), VERIFY_NEW]}) as house:
        token = await arrive(house)
        house.sink.script("/check", identity(verifiable_addresses=[verified]))
        assert (await change(house, token)).completed
        assert await addresses(house, token) == {NEW: True}


async def test_an_account_that_an_action_switches_off_is_switched_off_at_once() -> None:
    async with open_house({PROFILE: [parse("/check"), VERIFY_NEW]}) as house:
        token = await arrive(house)
        house.sink.script("/check", identity(state="inactive"))
        assert (await change(house, token)).error == "identity_disabled"
        assert await house.engine.session(token) is None


@pytest.mark.parametrize("type_", ["api", "browser"])
async def test_the_client_is_told_where_to_verify(type_: str) -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        (step,) = (await change(house, await arrive(house), type_=type_)).continue_with
        told = {"id": step["flow"]["id"], "verifiable_address": NEW}
        assert step["flow"] == told | ({"url": f"{UI}/verification?flow={told['id']}"} if type_ == "browser" else {})


async def test_another_code_may_be_asked_for() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        earlier = house.code
        again = await house.engine.submit(verification.id, method="code", values={"email": NEW})
        assert (again.state, house.courier.messages[-1].to) == ("sent_email", NEW)
        assert shown(await house.give_code(verification, earlier)) == WORTH_NOTHING
        assert (await house.give_code(verification)).completed
        assert await traits(house, token) == {"email": NEW}


async def test_a_code_for_another_address_changes_nothing() -> None:
    """In the flow that waits, a code is asked for the address one has already: it verifies that one alone."""
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        await house.engine.submit(verification.id, method="code", values={"email": ADA})
        assert (await house.give_code(verification)).completed
        assert await addresses(house, token) == {ADA: True}


# ---------------------------------------------------------------------------------------------------- it is not asked


async def test_one_address_at_a_time() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, identity=two_addresses()) as house:
        token = await arrive(house)
        mails = len(house.courier.messages)
        assert shown(await change(house, token, second="second@example.org")) == {None: [4050002]}
        assert shown(await change(house, token, ADA, phone="+4930123456")) == {None: [4000001]}
        assert (len(house.courier.messages), house.log("TraitsChangeHeld")) == (mails, [])


async def test_an_address_that_is_somebody_elses_is_refused_at_once() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        await house.register(BOB)
        token = await arrive(house)
        mails = len(house.courier.messages)
        outcome = await change(house, token, BOB)
        assert (shown(outcome), outcome.continue_with) == (TAKEN, ())
        assert len(house.courier.messages) == mails


async def test_it_takes_a_fresh_session() -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}) as house:
        token = await arrive(house)
        house.clock.advance(3601)
        with pytest.raises(RequestRefused) as refused:
            await change(house, token)
        assert refused.value.id == "session_refresh_required"


async def test_every_action_is_asked_before_a_code_goes_out_wherever_it_stands() -> None:
    """Kratos never asks those that stand behind it."""
    async with open_house({PROFILE: [VERIFY_NEW, parse("/check")]}) as house:
        token = await arrive(house)
        mails = len(house.courier.messages)
        house.sink.script("/check", messages(("#/traits/email", 1234, "not that one")))
        assert shown(await change(house, token)) == {"traits.email": [1234]}
        assert len(house.courier.messages) == mails
        house.sink.script("/check", identity(traits={"email": "moved@example.org"}))
        verification = await awaited(house, await change(house, token))
        assert house.courier.messages[-1].to == "moved@example.org", "what an action makes of it is what waits"
        await house.give_code(verification)
        assert await traits(house, token) == {"email": "moved@example.org"}


# ---------------------------------------------------------------------------------------------------------- the actions


async def test_what_runs_after_a_change_runs_when_it_comes_true() -> None:
    hooks = {
        PROFILE: [parse("/asked"), VERIFY_NEW, hook("/changed"), ignore("/later", id="later")],
        "verification.after": [parse("/check"), hook("/verified")],
        "verification.before": [hook("/before")],
    }
    async with open_house(hooks) as house:
        token = await arrive(house, age=20)
        flow = await house.start("settings", session_token=token)
        outcome = await give(house, flow, token, {"campaign": "spring"}, email=NEW, age=36)
        assert house.called() == ["/asked"]
        assert house.sent("/asked")["identity"]["traits"]["email"] == NEW
        await house.give_code(await awaited(house, outcome))
        while "/later" not in house.called():
            await house.sink.wait(len(house.called()) + 1)
        assert [one for one in house.called() if one != "/later"] == ["/asked", "/check", "/changed", "/verified"]
        for path in ("/changed", "/later"):
            ctx = house.sent(path)
            assert (ctx["flow"]["id"], ctx["flow"]["state"]) == (str(outcome.flow.id), "success")
            assert ctx["flow"]["transient_payload"] == {"campaign": "spring"}
            assert ctx["identity"]["traits"] == {"email": NEW, "age": 36, "name": {}}
            assert [(one["value"], one["verified"]) for one in ctx["identity"]["verifiable_addresses"]] == [(NEW, True)]
            assert ctx["previous_identity"]["traits"]["email"] == ADA
            assert ctx["session"]["identity"]["traits"]["email"] == ADA
        assert house.sent("/verified")["flow"]["state"] == "passed_challenge"
        assert house.sent("/check")["identity"]["traits"]["email"] == NEW


async def test_a_payload_without_a_template_says_where_its_action_stands() -> None:
    bare = {"hook": "web_hook", "config": {"url": f"{SINK}/bare", "method": "POST"}}
    async with open_house({PROFILE: [VERIFY_NEW, bare]}) as house:
        outcome = await change(house, await arrive(house))
        await house.give_code(await awaited(house, outcome))
        payload = house.sent("/bare")
        assert (payload["type"], payload["data"]["flow_id"]) == ("settings.after.profile", str(outcome.flow.id))


async def test_a_failure_after_the_commit_is_told_and_the_change_stands() -> None:
    async with open_house({PROFILE: [VERIFY_NEW, hook("/changed")]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        house.sink.script("/changed", Reply(400))
        with pytest.raises(ActionFailed) as failed:
            await house.give_code(verification)
        assert failed.value.stands
        assert isinstance(failed.value.outcome, Outcome)
        assert await traits(house, token) == {"email": NEW}


async def test_an_action_of_the_verification_that_refuses_spends_nothing() -> None:
    async with open_house({PROFILE: [VERIFY_NEW], "verification.after": [parse("/check")]}) as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token))
        house.sink.script("/check", messages(("#/", 1234, "not now")))
        assert shown(await house.give_code(verification)) == {None: [1234]}
        assert await traits(house, token) == {"email": ADA}
        house.sink.script("/check", Reply(204))
        assert (await house.give_code(verification)).completed
        assert await traits(house, token) == {"email": NEW}


async def test_the_settings_flow_may_be_used_for_something_else_meanwhile() -> None:
    async with open_house({PROFILE: [VERIFY_NEW, hook("/changed")], "settings.after": [hook("/other")]}) as house:
        token = await arrive(house)
        outcome = await change(house, token)
        values = {"password": "quite another"}
        await house.engine.submit(outcome.flow.id, method="password", values=values, session_token=token)
        await house.give_code(await awaited(house, outcome))
        assert house.called() == ["/other", "/changed"]
        assert house.sent("/changed")["flow"]["id"] == str(outcome.flow.id)
        assert await traits(house, token) == {"email": NEW}


# --------------------------------------------------------------------------------------------------------- the rest


async def test_nothing_of_it_stands_in_the_store_in_clear(tmp_path: Path) -> None:
    async with open_house({PROFILE: [VERIFY_NEW]}, store=f"sqlite:///{tmp_path}/limen.db") as house:
        token = await arrive(house)
        verification = await awaited(house, await change(house, token, name={"first": "Augusta-Marker"}))
        code = house.code
        files = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240 - nothing else runs
        assert not [word for word in (NEW, "Augusta-Marker", code) if word.encode() in files]
        assert (await house.give_code(verification)).completed


async def test_it_waits_in_another_process_too(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/limen.db"
    async with open_house({PROFILE: [VERIFY_NEW]}, store=store) as house:
        token = await arrive(house)
        verification, code = await awaited(house, await change(house, token)), house.code
    async with open_house({PROFILE: [VERIFY_NEW]}, store=store) as house:
        assert (await house.give_code(verification, code)).completed
        assert await traits(house, token) == {"email": NEW}


@pytest.mark.parametrize(
    ("slot", "flows", "place"),
    [
        (PROFILE, {"verification": {"enabled": False}}, "/selfservice/flows/settings/after/profile/hooks/0"),
        ("settings.after", {}, "/selfservice/flows/settings/after/hooks/0/hook"),
        ("settings.after.password", {}, "/selfservice/flows/settings/after/password/hooks/0/hook"),
        ("registration.after.password", {}, "/selfservice/flows/registration/after/password/hooks/0/hook"),
    ],
)
async def test_where_it_may_not_stand_the_configuration_is_refused(slot: str, flows: JsonDict, place: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        async with open_house({slot: [VERIFY_NEW]}, selfservice={"flows": flows}):
            pass
    assert [fault.path for fault in refused.value.faults] == [place]
