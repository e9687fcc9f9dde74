"""An action fails: before the commit nothing happened and the user may submit again; after it the client is told."""

import asyncio
from datetime import timedelta

import pytest

from limen.adapters.sink import Reply
from limen.domain import ActionFailed, FlowView, LimenError
from tests.support.engine import ADA, NOON, PASSWORD, House, hook, open_house, parse, quick, uri

BAD = Reply(404)
SECOND = {"actions": {"it": {"timeout": "300ms", "retry": {"initial": "5ms"}}}}


async def fails(house: House, flow: FlowView) -> ActionFailed:
    """Submits the password, or the last code, to a flow whose action fails."""
    values = {"identifier": ADA, "traits": {"email": ADA}, "password": PASSWORD}
    method = "password"
    if flow.state == "sent_email":
        method, values = "code", {"code": house.code}
    with pytest.raises(ActionFailed) as failed:
        await house.engine.submit(flow.id, method=method, values=values)
    return failed.value


# ------------------------------------------------------------------------------------------------- before the commit


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(404), "upstream"),
        (Reply(400, b'{"messages": []}'), "upstream"),
        (Reply(400, b'{"other": 1}'), "upstream"),
        (Reply(200, b"no JSON"), "upstream"),
        (Reply(fault="garbage"), "upstream"),
        (Reply(fault="close"), "upstream"),
        (Reply(fault="halfway"), "upstream"),
        (Reply(fault="flood"), "upstream"),
        (Reply(fault="hang"), "timeout"),
        (Reply(fault="drip", body=b"x" * 100), "timeout"),
    ],
)
async def test_a_target_that_breaks_is_one_recorded_failure_and_the_flow_is_still_usable(
    reply: Reply, reason: str
) -> None:
    async with open_house({"registration.after": [parse("/parse", id="it")]}, settings=SECOND) as house:
        house.sink.script("/parse", reply)
        flow = await house.start("registration")
        error = await fails(house, flow)
        assert (error.action, error.reason, error.stands, error.outcome) == ("it", reason, False, None)
        assert [entry.data["final"] for entry in house.log("ActionFailed")][-1] is True
        assert sum(entry.data["final"] for entry in house.log("ActionFailed")) == 1
        assert not house.log("IdentityRegistered")
        house.sink.script("/parse", Reply())
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        assert (await house.engine.submit(flow.id, method="password", values=values)).completed


async def test_a_connection_refused_is_a_failure() -> None:
    action = parse("/parse", id="it")
    action["config"]["url"] = "http://127.0.0.1:1/"
    async with open_house({"login.after": [action]}, settings=SECOND) as house:
        await house.register()
        error = await fails(house, await house.start("login"))
        assert error.reason == "upstream"
        assert len(house.log("ActionStarted")) == 3


@pytest.mark.parametrize("kind", ["login", "recovery", "verification"])
async def test_a_failure_spends_no_code_and_verifies_no_address(kind: str) -> None:
    async with open_house({f"{kind}.after": [parse("/parse", id="it")]}) as house:
        house.sink.script("/parse", [BAD, Reply()])
        await house.register()
        flow = await house.ask_code(kind)
        await fails(house, flow)
        assert not house.log("AddressVerified")
        assert not house.log("SessionIssued")
        outcome = await house.give_code(flow)
        assert outcome.completed
        assert outcome.identity is not None
        assert outcome.identity.verifiable_addresses[0].verified is True


async def test_a_failing_plain_action_of_login_issues_no_session() -> None:
    async with open_house({"login.after": [hook("/plain", id="it")]}) as house:
        house.sink.script("/plain", BAD)
        await house.register()
        assert (await fails(house, await house.start("login"))).stands is False
        assert not house.log("SessionIssued")


async def test_a_failing_settings_action_changes_nothing() -> None:
    async with open_house({"settings.after": [parse("/parse", id="it")]}) as house:
        house.sink.script("/parse", [BAD, BAD])
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        for method, values in (
            ("profile", {"traits": {"email": ADA, "age": 50}}),
            ("password", {"password": "new one!"}),
        ):
            with pytest.raises(ActionFailed):
                await house.engine.submit(flow.id, method=method, values=values, session_token=token)
        assert not house.log("TraitsChanged")
        assert not house.log("CredentialChanged")
        assert (await house.sign_in()).completed, "the old password holds"


TEMPLATES = {
    "an error": "function(ctx) error 'out of order'",
    "a missing key": "function(ctx) ctx.nothing.of.this",
    "an endless recursion": "function(ctx) local f(x) = f(x + 1); f(1)",
    "no std.extVar": "function(ctx) std.extVar('ctx')",
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
async def test_a_template_that_fails_fails_the_action_and_no_request_is_made(template: str) -> None:
    async with open_house({"login.after": [hook("/plain", id="it", body=uri(template))]}) as house:
        await house.register()
        flow = await house.start("login")
        error = await fails(house, flow)
        assert (error.reason, error.stands) == ("template", False)
        assert house.called() == []
        (failure,) = house.log("ActionFailed")
        assert "it" in failure.data["detail"], "the record names the template"
        assert (await house.engine.flow(flow.id)).state == "choose_method"


async def test_a_template_that_says_cancel_lets_the_flow_go_on_without_a_request() -> None:
    async with open_house({"login.after": [hook("/plain", body=uri("function(ctx) error 'cancel'"))]}) as house:
        await house.register()
        assert (await house.sign_in()).completed
        assert house.called() == []
        assert len(house.log("ActionCanceled")) == 1


# -------------------------------------------------------------------------------------------------- after the commit


async def test_after_a_registration_the_client_is_told_and_the_identity_stands() -> None:
    hooks = {"registration.after.password": [hook("/plain", id="it"), {"hook": "session"}]}
    async with open_house(hooks, settings=quick("it")) as house:
        house.sink.script("/plain", Reply(500))
        error = await fails(house, await house.start("registration"))
        assert (error.reason, error.stands) == ("upstream", True)
        assert error.outcome.completed
        assert error.outcome.identity.traits["email"] == ADA
        assert await house.engine.session(error.outcome.session_token)
        assert house.called() == ["/plain"] * 3
        assert (await house.sign_in()).completed


async def test_after_a_change_the_client_is_told_and_the_change_stands() -> None:
    async with open_house({"settings.after": [hook("/plain", id="it")]}) as house:
        house.sink.script("/plain", BAD)
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": ADA, "age": 50}}
        with pytest.raises(ActionFailed) as failed:
            await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert failed.value.stands
        session = await house.engine.session(token)
        assert session is not None
        assert session.identity.traits["age"] == 50


@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_after_recovery_and_verification_the_client_is_told_and_it_stands(kind: str) -> None:
    async with open_house({f"{kind}.after": [hook("/plain", id="it")]}) as house:
        house.sink.script("/plain", BAD)
        await house.register()
        flow = await house.ask_code(kind)
        error = await fails(house, flow)
        assert error.stands
        assert error.outcome.completed
        assert error.outcome.identity.verifiable_addresses[0].verified is True
        if kind == "recovery":
            assert await house.engine.session(error.outcome.session_token)
            assert [step["action"] for step in error.outcome.continue_with][-1] == "show_settings_ui"


async def test_what_stands_behind_a_failure_after_the_commit_is_sent_all_the_same() -> None:
    async with open_house({"registration.after": [hook("/1", id="it"), hook("/2")]}) as house:
        house.sink.script("/1", BAD)
        await fails(house, await house.start("registration"))
        await house.sink.wait(2)
        assert house.called() == ["/1", "/2"]


async def test_a_template_that_fails_after_the_commit_is_told_and_the_identity_stands() -> None:
    hooks = {"registration.after": [hook("/plain", id="it", body=uri("function(ctx) error 'no'"))]}
    async with open_house(hooks) as house:
        error = await fails(house, await house.start("registration"))
        assert (error.reason, error.stands) == ("template", True)
        assert (await house.sign_in()).completed


# ------------------------------------------------------------------------------------------------------------ retries


@pytest.mark.parametrize("slot", ["login.after", "registration.after", "login.before"])
@pytest.mark.parametrize("reply", [Reply(500), Reply(429), Reply(fault="close")], ids=["5xx", "429", "connection"])
async def test_faults_that_may_pass_are_tried_three_times(slot: str, reply: Reply) -> None:
    async with open_house({slot: [hook("/plain", id="it")]}, settings=quick("it")) as house:
        house.sink.script("/plain", reply)
        if slot.startswith("login"):
            await house.register()
        with pytest.raises(ActionFailed):
            await (house.sign_in() if slot.startswith("login") else house.register())
        assert house.called() == ["/plain"] * 3
        assert len({one.header("Ory-Webhook-Trigger-Id") for one in house.sink.received}) == 1
        assert len({one.header("webhook-id") for one in house.sink.received}) == 1
        assert len({one.header("Ory-Webhook-Request-Id") for one in house.sink.received}) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
async def test_a_refusal_by_the_target_is_tried_once(status: int) -> None:
    async with open_house({"login.after": [hook("/plain", id="it")]}, settings=quick("it")) as house:
        house.sink.script("/plain", Reply(status))
        await house.register()
        await fails(house, await house.start("login"))
        assert house.called() == ["/plain"]


async def test_a_try_that_works_ends_the_tries_and_every_attempt_is_recorded() -> None:
    async with open_house({"login.after": [hook("/plain", id="it")]}, settings=quick("it")) as house:
        house.sink.script("/plain", [Reply(503), Reply(200)])
        await house.register()
        assert (await house.sign_in()).completed
        assert [entry.data["attempt"] for entry in house.log("ActionStarted")] == [1, 2]
        (failed,), (answered,) = house.log("ActionFailed"), house.log("ActionAnswered")
        assert (failed.data["attempt"], failed.data["status"], failed.data["final"]) == (1, 503, False)
        assert (answered.data["attempt"], answered.data["status"], answered.data["verdict"]) == (2, 200, "continue")


async def test_retry_after_is_honoured_where_it_fits_into_the_deadline() -> None:
    async with open_house({"login.after": [hook("/plain", id="it")]}, settings=quick("it")) as house:
        await house.register()
        house.sink.script("/plain", [Reply(503, headers=(("Retry-After", "1"),)), Reply()])
        assert (await house.sign_in()).completed
        first, second = house.sink.received
        assert second.at - first.at >= 0.95
        house.sink.script("/plain", Reply(503, headers=(("Retry-After", "120"),)))
        await fails(house, await house.start("login"))
        assert len(house.sink.received) == 3, "coming back sooner than asked helps no one"


async def test_all_tries_together_take_no_longer_than_the_deadline() -> None:
    settings = {"actions": {"it": {"timeout": "250ms", "retry": {"attempts": 50, "initial": "5ms", "maximum": "5ms"}}}}
    async with open_house({"login.after": [hook("/plain", id="it")]}, settings=settings) as house:

        def slow(_: object) -> Reply:
            house.clock.advance(0.1)  # by the engine's own clock, which counts the deadline, each try takes this long
            return Reply(500)

        house.sink.script("/plain", slow)
        await house.register()
        await fails(house, await house.start("login"))
        assert len(house.called()) == 3


async def test_the_clock_ends_the_wait_for_an_answer() -> None:
    async with open_house({"login.before": [hook("/plain")]}) as house:
        house.sink.script("/plain", Reply(fault="hang"))
        begun = asyncio.create_task(house.start("login"))
        await house.sink.wait(1)
        house.clock.advance(31)
        with pytest.raises(ActionFailed) as failed:
            await begun
        assert failed.value.reason == "timeout"
        assert house.clock.now() - NOON == timedelta(seconds=31)


async def test_no_error_text_holds_the_address_or_the_body() -> None:
    async with open_house({"login.after": [hook("/plain?key=hush", id="it")]}) as house:
        house.sink.script("/plain", Reply(404, b"secret words of the target"))
        await house.register()
        with pytest.raises(LimenError) as failed:
            await house.sign_in()
        text = (
            str(failed.value) + repr(failed.value) + "".join(str(entry.body()) for entry in house.log("ActionFailed"))
        )
        assert not any(word in text for word in ("hush", "secret words", ADA, PASSWORD))
