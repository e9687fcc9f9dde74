"""What nobody means to do and somebody does: ids of other things, cancelled calls, handlers that misbehave."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest

from limen.domain import (
    ActionContext,
    ActionFailed,
    Actions,
    FlowNotFound,
    Interrupt,
    Modify,
    Request,
    RequestRefused,
    SubmissionInvalid,
)
from tests.support.engine import ADA, PASSWORD, House, hook, identity, ignore, open_house, parse, person, uri


async def token_of(house: House) -> str:
    """The session token of a person who registered and signed in."""
    await house.register()
    token = (await house.sign_in()).session_token
    assert token is not None
    return token


async def test_the_id_of_something_else_is_not_found_and_changes_nothing() -> None:
    async with open_house() as house:
        token = await token_of(house)
        session = await house.engine.session(token)
        assert session is not None
        flow = await house.start("login")
        before = house.size
        for id_ in (session.id, session.identity.id):
            with pytest.raises(FlowNotFound):
                await house.engine.flow(id_)
            with pytest.raises(FlowNotFound):
                await house.engine.submit(id_, method="password", values={})
        for id_ in (str(flow.id), session.id, "junk"):
            with pytest.raises(RequestRefused):
                await house.engine.erase(id_)
        forged = "ory_st_" + base64.urlsafe_b64encode(flow.id.bytes + bytes(24)).decode().rstrip("=")
        assert await house.engine.session(forged) is None
        assert await house.engine.logout(forged) is False
        assert house.size == before


async def test_a_delivery_to_an_object_with_an_async_call_runs_it() -> None:
    seen: list[str] = []

    class Notify:
        async def __call__(self, context: ActionContext) -> None:
            seen.append(context.identity.traits["email"])

    actions = Actions()
    actions.after("registration", when="delivery", id="later")(Notify())
    actions.after("registration", when="after_commit", id="now")(Notify())
    async with open_house(actions=actions) as house:
        await house.register()
        await house.until("DeliveryDelivered", 3)
        assert seen == [ADA, ADA]


@pytest.mark.parametrize("terms", [{"when": "pre_commit"}, {"timeout": None}, {"timeout": "3"}, {"timeout": 0}])
def test_a_slip_in_a_registration_is_said_at_once(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"when=|timeout"):
        Actions().after("registration", **terms)


async def test_two_engines_share_handlers_and_each_adds_its_own() -> None:
    shared = Actions()
    heard: list[str] = []

    def hears(name: str) -> Callable[[ActionContext], None]:
        return lambda context: heard.append(name)

    shared.before("login", id="shared", pure=True)(hears("shared"))
    for name in ("one", "two"):
        async with open_house(actions=shared) as house:
            house.engine.before("login", id=name, pure=True)(hears(name))
            await house.start("login")
    assert heard == ["shared", "one", "shared", "two"]


async def test_a_cancelled_submission_gives_the_flow_back() -> None:
    hang = asyncio.Event()

    async def slow(context: ActionContext) -> None:
        await hang.wait()

    actions = Actions()
    actions.after("registration", id="slow")(slow)
    async with open_house(actions=actions) as house:
        flow = await house.start("registration")
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await house.engine.submit(flow.id, method="password", values=values)
        assert (await house.engine.flow(flow.id)).state == "choose_method"
        assert house.log("FlowReleased")[0].data["reason"] == "canceled"
        hang.set()
        assert (await house.engine.submit(flow.id, method="password", values=values)).completed


async def test_a_cancelled_start_is_on_record_as_failed() -> None:
    async def slow(context: ActionContext) -> None:
        await asyncio.Event().wait()

    actions = Actions()
    actions.before("login", id="slow")(slow)
    async with open_house(actions=actions) as house:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await house.start("login")
        assert house.log("FlowFailed")[0].data["reason"] == "canceled"


@pytest.mark.parametrize(
    ("raised", "said"), [(TimeoutError(), "TimeoutError"), (asyncio.CancelledError(), "Cancelled")]
)
async def test_what_a_handler_raises_is_its_failure_whatever_it_is(raised: BaseException, said: str) -> None:
    async def breaks(context: ActionContext) -> None:
        raise raised

    actions = Actions()
    actions.after("registration", id="breaks")(breaks)
    async with open_house(actions=actions) as house:
        flow = await house.start("registration")
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        with pytest.raises(ActionFailed) as failed:
            await house.engine.submit(flow.id, method="password", values=values)
        assert (failed.value.reason, failed.value.detail) == ("handler", said)
        assert (await house.engine.flow(flow.id)).state == "choose_method"


async def test_documents_that_were_handed_out_can_be_handed_back() -> None:
    async with open_house() as house:
        token = await token_of(house)
        session = await house.engine.session(token)
        assert session is not None
        flow = await house.start("settings", session_token=token)
        values = {"traits": {**session.identity.traits, "name": session.identity.traits.name or {"first": "Ada"}}}
        done = await house.engine.submit(
            flow.id, method="profile", values=values, session_token=token, transient_payload=session.identity
        )
        assert done.completed


async def test_headers_from_a_generator_reach_the_action() -> None:
    heard: list[Any] = []
    actions = Actions()
    actions.before("login", pure=True)(lambda context: heard.append(context.request_headers["User-Agent"]))
    async with open_house(actions=actions) as house:
        pairs = ((name, value) for name, value in [("user-agent", "app/1")])
        await house.engine.start("login", request=Request(headers=pairs))
    assert heard == [("app/1",)]


@pytest.mark.parametrize("return_to", ["http://[bad", "http://127.0.0.1:4455\ud800", 7, "https://evil.example"])
async def test_a_place_to_return_to_that_is_none_is_refused(return_to: Any) -> None:
    async with open_house() as house:
        with pytest.raises((RequestRefused, SubmissionInvalid)):
            await house.engine.start("login", return_to=return_to)


async def test_signing_in_while_signed_in_is_refused_as_kratos_does() -> None:
    async with open_house() as house:
        flow = await house.start("login")
        token = await token_of(house)
        with pytest.raises(RequestRefused) as refused:
            await house.engine.submit(
                flow.id, method="password", values={"identifier": ADA, "password": PASSWORD}, session_token=token
            )
        assert refused.value.id == "session_already_available"


async def test_a_second_factor_is_not_given_by_the_first_again() -> None:
    async with open_house() as house:
        token = await token_of(house)
        flow = await house.start("login", session_token=token, aal="aal2")
        values = {"identifier": ADA, "password": PASSWORD}
        refused = await house.engine.submit(flow.id, method="password", values=values, session_token=token)
        assert (refused.state, refused.flow.messages[0].id) == ("choose_method", 4010002)
        with pytest.raises(RequestRefused) as error:
            await house.engine.submit(flow.id, method="password", values=values)
        assert error.value.id == "session_aal1_required"


async def test_a_new_password_takes_a_fresh_session_and_a_new_name_does_not() -> None:
    async with open_house() as house:
        token = await token_of(house)
        house.clock.advance(5 * 3600)
        flow = await house.start("settings", session_token=token)
        for method, values in (
            ("password", {"password": "another good one"}),
            ("profile", {"traits": {"email": "else@example.org"}}),
        ):
            with pytest.raises(RequestRefused) as refused:
                await house.engine.submit(flow.id, method=method, values=values, session_token=token)
            assert refused.value.id == "session_refresh_required"
        named = {"traits": {"email": ADA, "name": {"first": "Ada"}}}
        done = await house.engine.submit(flow.id, method="profile", values=named, session_token=token)
        assert done.completed


async def test_an_address_that_only_recovers_is_no_name_to_sign_in_with() -> None:
    schema = person()
    traits = schema["properties"]["traits"]["properties"]
    del traits["email"]["ory.sh/kratos"]["credentials"]
    traits["nick"] = {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": True}}}}
    section = {"schemas": [{"id": "person", "url": uri(schema)}]}
    async with open_house(identity=section) as house:
        flow = await house.start("registration")
        values = {"traits": {"email": ADA, "nick": "Ada"}, "password": PASSWORD}
        assert (await house.engine.submit(flow.id, method="password", values=values)).completed
        login = await house.start("login")
        wrong = await house.engine.submit(login.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        assert wrong.flow.messages[0].id == 4000006
        right = await house.engine.submit(
            login.id, method="password", values={"identifier": "ADA", "password": PASSWORD}
        )
        assert right.completed


async def test_only_true_verifies_an_address() -> None:
    async def says(context: ActionContext) -> Modify:
        return Modify(verifiable_addresses=[{"value": ADA, "via": "email", "verified": "false"}])

    actions = Actions()
    actions.after("registration")(says)
    async with open_house(actions=actions) as house:
        flow = await house.start("registration")
        with pytest.raises(ActionFailed):
            await house.engine.submit(
                flow.id, method="password", values={"traits": {"email": ADA}, "password": PASSWORD}
            )
        assert not house.log("IdentityRegistered")


async def test_a_name_that_is_registered_no_more_fails_alone(tmp_path: Any) -> None:
    """Flows begun while it was there still end, deliveries of their configuration still go out."""
    store = f"sqlite:///{tmp_path}/names.db"
    actions = Actions()

    @actions.named("gate", slots=["login.after"])
    async def gate(context: ActionContext) -> Interrupt | None:
        return None

    hooks = {"login.after": [{"hook": "gate"}], "registration.before": [ignore("/seen")]}
    async with open_house(hooks, store=store, actions=actions, worker=False) as house:
        await house.register()
        login = await house.start("login")
    async with open_house({"registration.before": [hook("/other")]}, store=store) as house:
        with pytest.raises(ActionFailed) as failed:
            await house.engine.submit(login.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        assert failed.value.reason == "handler"
        assert (await house.engine.flow(login.id)).state == "choose_method"


async def test_a_parsing_action_of_a_flow_with_another_kind_of_answer_is_ignored_and_said_so() -> None:
    async with open_house({"login.after": [parse("/parse", id="it")]}) as house:
        await house.register()
        house.sink.script("/parse", identity(traits={"email": "else@example.org"}))
        login = await house.start("login")
        done = await house.engine.submit(login.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        assert done.completed
        assert [entry.data["verdict"] for entry in house.log("ActionAnswered")] == ["ignored"]


async def test_lists_and_objects_of_a_context_equal_what_they_stand_for() -> None:
    seen: list[bool] = []

    def looks(context: ActionContext) -> None:
        seen.append(context.request_headers["User-Agent"] == ["app/1"])
        seen.append(context.request_headers == {"User-Agent": ["app/1"]})
        seen.append(context.request_headers["User-Agent"] != ["app/2"])
        seen.append(not context.request_headers["User-Agent"] != ["app/1"])  # noqa: SIM202 - `!=` is what is tried

    actions = Actions()
    actions.before("login", pure=True)(looks)
    async with open_house(actions=actions) as house:
        await house.engine.start("login", request=Request(headers=[("user-agent", "app/1")]))
    assert seen == [True] * 4


def test_an_interruption_reads_messages_as_a_web_hook_answers_them() -> None:
    place = {"instance_ptr": "#/traits/email", "messages": [{"id": 7, "text": "no", "type": "error"}]}
    (message,) = Interrupt(messages=[place]).messages
    assert (message.node, message.id, message.text) == ("traits.email", 7, "no")
