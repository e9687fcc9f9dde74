"""Ory's format: what Ory's event streams would say of each of limen's events, and what is kept from them."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from limen.adapters.bus.about import About
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.destination import Destination
from limen.adapters.bus.ory.events import SILENT, TOLD, OryEvent, ory_events
from limen.adapters.bus.source import LogSource
from limen.adapters.sink import Reply
from limen.adapters.store import LogStore
from limen.adapters.store.mapper import EventMapper
from limen.domain.events import EVENT_TYPES
from tests.support.engine import ADA, PASSWORD, House, ignore, messages, open_house, parse, quick

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "ory-events.md"
STORED = json.loads((ROOT / "tests" / "domain" / "stored_events.json").read_text())

STREAM = UUID("7d1f0e3a-1111-4e58-9a3c-0d2f6a1b2c01")
FLOW = "7d1f0e3a-2222-4e58-9a3c-0d2f6a1b2c02"
PERSON = "7d1f0e3a-3333-4e58-9a3c-0d2f6a1b2c03"
SESSION = "7d1f0e3a-4444-4e58-9a3c-0d2f6a1b2c04"
TRIGGER = "7d1f0e3a-5555-4e58-9a3c-0d2f6a1b2c05"
TIME = "2026-03-02T12:00:00.123456Z"
PROJECT = "7d1f0e3a-6666-4e58-9a3c-0d2f6a1b2c06"

LOGIN = About(
    kind="login",
    method="password",
    configuration=TRIGGER,
    phase="after",
    flow=FLOW,
    flow_type="browser",
    identity=PERSON,
    trigger=TRIGGER,
    refresh=False,
    requested_aal="aal1",
)
WELCOME = {"hook": "web_hook", "id": "welcome", "position": 0, "phase": "after", "method": "password"}

NAMED = {"SelfServiceFlowName": "login", "SelfServiceStrategyUsed": "login"}
ASKED = {"LoginRequestedAAL": "aal1", "LoginRequestedPrivilegedSession": "false"}
SHOWN = {**NAMED, "FlowID": FLOW, "SelfServiceFlowType": "browser", "SelfServiceMethodUsed": "password"}
HOOK = {**NAMED, "WebhookID": "welcome", "WebhookTriggerID": TRIGGER}

ATTRIBUTES = {
    "CourierMessageChannel",
    "CourierMessageID",
    "CourierMessageTemplateType",
    "Error",
    "ErrorReason",
    "FlowID",
    "FlowRefresh",
    "FlowRequestedAAL",
    "IdentityID",
    "LoginRequestedAAL",
    "LoginRequestedPrivilegedSession",
    "Reason",
    "SelfServiceFlowName",
    "SelfServiceFlowType",
    "SelfServiceMethodUsed",
    "SelfServiceSSOProviderUsed",
    "SelfServiceStrategyUsed",
    "SessionAAL",
    "SessionID",
    "WebhookAttemptNumber",
    "WebhookID",
    "WebhookResponseStatusCode",
    "WebhookTriggerID",
}
"""Those of Kratos' attributes that limen gives."""

NAMES = {
    *(
        f"{kind}{end}"
        for kind in ("Login", "Registration", "Recovery", "Verification", "Settings")
        for end in ("Succeeded", "Failed")
    ),
    *("LoginInitiated", "RegistrationInitiated", "IdentityCreated", "IdentityUpdated", "IdentityDeleted"),
    *("SessionIssued", "SessionChanged", "SessionRevoked"),
    *("WebhookDelivered", "WebhookSucceeded", "WebhookFailed"),
    *("CourierMessageDispatched", "CourierMessageAbandoned"),
}
"""Those of Ory's names that limen gives."""


def told(type: str, fields: Mapping[str, Any], about: About = LOGIN) -> list[OryEvent]:
    return ory_events(type, fields, about, stream=STREAM, version=7, time=TIME, project=PROJECT)


def attributes(type: str, fields: Mapping[str, Any], about: About = LOGIN) -> dict[str, dict[str, str]]:
    return {event.name: event.body["eventAttributes"] for event in told(type, fields, about)}


def of(kind: str, **parts: Any) -> About:
    return dataclasses.replace(LOGIN, kind=kind, **parts)


def delivery(channel: str, action: str) -> About:
    return dataclasses.replace(LOGIN, channel=channel, hook=channel, action=action)


def own_types() -> set[str]:
    """limen's events, without those of other tests and the bases that nobody records."""
    mine = {name: event for name, event in EVENT_TYPES.items() if event.__module__.startswith("limen.domain.")}
    return {name for name, event in mine.items() if not event.__subclasses__()}


# ------------------------------------------------------------------------------------------------------ the whole of it


def test_every_event_is_told_or_silent_on_purpose() -> None:
    assert TOLD.keys() | SILENT.keys() == own_types()
    assert not TOLD.keys() & SILENT.keys()
    assert all(SILENT.values())


@pytest.mark.parametrize("type", sorted(SILENT))
def test_of_the_silent_ones_nothing_is_said(type: str) -> None:
    assert told(type, {}, of("login", channel="web_hook", hook="web_hook", action="welcome")) == []


def test_the_document_is_ory_s() -> None:
    (event,) = told("IdentityErased", {})
    assert event == OryEvent(
        "IdentityDeleted",
        {
            "name": "IdentityDeleted",
            "version": "1",
            "timestamp": TIME,
            "projectId": PROJECT,
            "eventAttributes": {"IdentityID": str(STREAM), **NAMED},
        },
    )


STATES = [(name, record) for name, records in STORED.items() for record in records]


@pytest.mark.parametrize("kind", ["login", "registration", "recovery", "verification", "settings"])
def test_only_ory_s_names_and_attributes_leave_and_all_of_them_are_text(kind: str) -> None:
    abouts = [of(kind), *(of(kind, channel=one, hook=one, action="a") for one in ("web_hook", "handler", "message"))]
    seen: set[str] = set()
    for name, record in STATES:
        fields = EventMapper().state(record["stream"], record["version"], name, record["state"].encode())
        action = fields.get("action")
        for about in abouts:
            events = told(name, {**fields, **({"action": WELCOME} if isinstance(action, dict) else {})}, about)
            assert len({event.name for event in events}) == len(events)
            for event in events:
                given = event.body["eventAttributes"]
                assert given.keys() <= ATTRIBUTES
                assert all(isinstance(value, str) for value in given.values())
                seen.add(event.name)
    assert seen <= NAMES


def test_what_is_sealed_personal_or_unknown_stays_behind() -> None:
    secrets = {
        "form": {"sealed": "c2VhbGVk", "key": PERSON},
        "profile": {"traits": {"email": ADA}},
        "device": {"ip_address": "203.0.113.9"},
        "request": {"url": "https://me:secret@example.org/"},
        "detail": "203.0.113.9 refused me:secret@example.org",
        "response_digest": "d1gest",
        "brand_new": "unheard of",
    }
    for name in TOLD:
        action = {"action": {**WELCOME, "brand_new": "unheard of"}} if name.startswith("Action") else {}
        known = {"method": "password", "reason": "upstream", "attempt": 1, "status": 500, **action}
        for about in (LOGIN, delivery("web_hook", "welcome"), delivery("message", "recovery_code_valid")):
            said = json.dumps([event.body for event in told(name, {**secrets, **known}, about)])
            for part in ("c2VhbGVk", ADA, "203.0.113.9", "secret", "d1gest", "unheard"):
                assert part not in said, name


def test_fields_that_were_left_out_are_not_missed() -> None:
    assert list(attributes("FlowInterrupted", {"action": "welcome"})) == ["LoginFailed"]
    assert list(attributes("SessionRefreshed", {"aal": "aal1"})) == ["SessionChanged"]


def test_the_same_event_is_always_told_the_same() -> None:
    fields = {"action": WELCOME, "attempt": 2, "verdict": "continue", "status": 200}
    assert told("ActionAnswered", fields) == told("ActionAnswered", fields)


def test_of_a_flow_whose_kind_is_not_known_nothing_is_said() -> None:
    for name in ("FlowOpened", "FlowCompleted", "FlowFailed"):
        assert told(name, {"method": "password", "reason": "abandoned"}, About()) == []


# ---------------------------------------------------------------------------------------------------------------- flows


def test_a_login_that_opens_is_initiated_with_what_was_asked() -> None:
    again = of("login", refresh=True, requested_aal="aal2")
    assert attributes("FlowOpened", {"deliveries": []}, again) == {
        "LoginInitiated": {
            **NAMED,
            "FlowID": FLOW,
            "SelfServiceFlowType": "browser",
            "FlowRefresh": "true",
            "FlowRequestedAAL": "aal2",
        }
    }


def test_of_the_flows_that_open_ory_names_two() -> None:
    assert list(attributes("FlowOpened", {}, of("registration"))) == ["RegistrationInitiated"]
    for kind in ("recovery", "verification", "settings"):
        assert attributes("FlowOpened", {}, of(kind)) == {}


def test_a_completed_login() -> None:
    fields = {"method": "password", "identity_id": PERSON, "session_id": SESSION, "deliveries": [TRIGGER]}
    assert attributes("FlowCompleted", fields) == {
        "LoginSucceeded": {
            **SHOWN,
            **ASKED,
            "IdentityID": PERSON,
            "SessionID": SESSION,
            "SelfServiceSSOProviderUsed": "",
        }
    }


def test_a_completed_registration_is_a_login_too_where_it_signs_in() -> None:
    fields = {"method": "code", "identity_id": PERSON, "session_id": None}
    apart = attributes("FlowCompleted", fields, of("registration"))
    assert list(apart) == ["RegistrationSucceeded"]
    assert apart["RegistrationSucceeded"]["SelfServiceSSOProviderUsed"] == ""
    assert apart["RegistrationSucceeded"]["SelfServiceMethodUsed"] == "code"
    signed_in = attributes("FlowCompleted", {**fields, "session_id": SESSION}, of("registration"))
    assert list(signed_in) == ["RegistrationSucceeded", "LoginSucceeded"]
    assert signed_in["LoginSucceeded"]["SessionID"] == SESSION
    assert "SessionID" not in signed_in["RegistrationSucceeded"]


@pytest.mark.parametrize("kind", ["recovery", "verification", "settings"])
def test_the_other_flows_succeed_with_method_and_person(kind: str) -> None:
    fields = {"method": "code", "identity_id": PERSON, "session_id": SESSION}
    assert attributes("FlowCompleted", fields, of(kind)) == {
        f"{kind.capitalize()}Succeeded": {
            "SelfServiceFlowName": kind,
            "SelfServiceStrategyUsed": kind,
            "FlowID": FLOW,
            "SelfServiceFlowType": "browser",
            "SelfServiceMethodUsed": "code",
            "IdentityID": PERSON,
        }
    }


@pytest.mark.parametrize(
    ("type", "fields", "method", "reason"),
    [
        ("MethodRefused", {"method": "code", "reason": "wrong_code"}, "code", "wrong_code"),
        ("SubmissionDismissed", {"reason": "no_method"}, "", "no_method"),
        ("FlowInterrupted", {"action": "welcome"}, "password", "interrupted"),
        ("FlowReleased", {"reason": "action_failed"}, "password", "action_failed"),
        ("FlowRejected", {"action": "welcome"}, "", "rejected"),
        ("FlowFailed", {"reason": "too_many_codes"}, "password", "too_many_codes"),
        ("FlowExpired", {}, "", "expired"),
    ],
)
def test_whatever_ends_without_success_has_failed(
    type: str, fields: Mapping[str, Any], method: str, reason: str
) -> None:
    for kind in ("login", "registration", "recovery", "verification", "settings"):
        ((name, given),) = attributes(type, fields, of(kind)).items()
        assert name == f"{kind.capitalize()}Failed"
        assert given["SelfServiceMethodUsed"] == method
        assert given["Reason"] == given["ErrorReason"] == reason
        assert given["FlowID"] == FLOW
        assert (given.keys() >= ASKED.keys()) == (kind == "login")


def test_whose_attempt_failed_is_said_only_where_it_is_known() -> None:
    refused = {"method": "password", "reason": "credentials"}
    assert "IdentityID" not in attributes("MethodRefused", refused)["LoginFailed"]
    assert attributes("MethodRefused", refused, of("settings"))["SettingsFailed"]["IdentityID"] == PERSON
    assert attributes("FlowInterrupted", {"action": "a"})["LoginFailed"]["IdentityID"] == PERSON
    nobody_yet = attributes("FlowInterrupted", {"action": "a"}, of("registration"))
    assert "IdentityID" not in nobody_yet["RegistrationFailed"]


# ----------------------------------------------------------------------------------------------- web hooks and messages


@pytest.mark.parametrize("verdict", ["continue", "modify", "ignored"])
def test_a_web_hook_that_answered(verdict: str) -> None:
    fields = {"action": WELCOME, "attempt": 2, "verdict": verdict, "status": 204, "duration": 1.5}
    assert attributes("ActionAnswered", fields) == {
        "WebhookDelivered": {**HOOK, "WebhookAttemptNumber": "2", "WebhookResponseStatusCode": "204"},
        "WebhookSucceeded": HOOK,
    }


def test_a_web_hook_that_interrupted_has_failed() -> None:
    fields = {"action": WELCOME, "attempt": 1, "verdict": "interrupt", "status": 400}
    said = attributes("ActionAnswered", fields)
    assert list(said) == ["WebhookDelivered", "WebhookFailed"]
    assert said["WebhookFailed"] == {**HOOK, "Error": "interrupt", "ErrorReason": "interrupt"}


@pytest.mark.parametrize(
    ("status", "final", "names"),
    [
        (503, False, ["WebhookDelivered"]),
        (503, True, ["WebhookDelivered", "WebhookFailed"]),
        (None, False, []),
        (None, True, ["WebhookFailed"]),
    ],
)
def test_each_answer_is_delivered_and_the_last_failure_is_the_hook_s(
    status: int | None, final: bool, names: list[str]
) -> None:
    action = {"action": WELCOME, "attempt": 3, "reason": "upstream", "status": status, "final": final}
    assert list(attributes("ActionFailed", action)) == names
    sent = {"attempt": 3, "reason": "upstream", "status": status}
    ended = "DeliveryParked" if final else "DeliveryAttempted"
    assert list(attributes(ended, sent, delivery("web_hook", "a"))) == names


def test_a_hook_whose_template_failed_or_said_cancel_asked_nobody() -> None:
    untold = {name: value for name, value in HOOK.items() if name != "WebhookTriggerID"}
    failed = {"action": WELCOME, "attempt": 1, "reason": "template", "duration": 0.1}
    assert attributes("ActionFailed", failed) == {
        "WebhookFailed": {**untold, "Error": "template", "ErrorReason": "template"}
    }
    assert attributes("ActionCanceled", {"action": WELCOME, "duration": 0.1}) == {"WebhookSucceeded": untold}


def test_actions_that_are_no_web_hooks_are_none_of_ory_s() -> None:
    for other in ("python", "bus", "session", "revoke_active_sessions", "require_verified_address"):
        action = {**WELCOME, "hook": other}
        assert told("ActionAnswered", {"action": action, "attempt": 1, "verdict": "continue", "status": 200}) == []
        assert told("ActionFailed", {"action": action, "attempt": 1, "reason": "handler"}) == []
        assert told("ActionCanceled", {"action": action}) == []
    for name in ("DeliveryDelivered", "DeliveryAttempted", "DeliveryParked"):
        assert told(name, {"attempt": 1, "reason": "handler", "status": None}, delivery("handler", "a")) == []


def test_a_delivered_web_hook() -> None:
    fields = {"attempt": 2, "verdict": "continue", "status": 200, "duration": 3.1}
    assert attributes("DeliveryDelivered", fields, delivery("web_hook", "welcome")) == {
        "WebhookDelivered": {**HOOK, "WebhookAttemptNumber": "2", "WebhookResponseStatusCode": "200"},
        "WebhookSucceeded": HOOK,
    }


def test_a_message_is_dispatched_or_abandoned_and_its_tries_are_not_told() -> None:
    about = delivery("message", "recovery_code_valid")
    message = {
        **NAMED,
        "CourierMessageID": str(STREAM),
        "CourierMessageChannel": "email",
        "CourierMessageTemplateType": "recovery_code_valid",
    }
    assert attributes("DeliveryDelivered", {"attempt": 1, "status": None}, about) == {
        "CourierMessageDispatched": message
    }
    assert attributes("DeliveryAttempted", {"attempt": 1, "reason": "courier", "status": None}, about) == {}
    assert attributes("DeliveryParked", {"attempt": 9, "reason": "courier", "status": None}, about) == {
        "CourierMessageAbandoned": message
    }


# ------------------------------------------------------------------------------------------------ identities, sessions


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("IdentityRegistered", "IdentityCreated"),
        ("TraitsChanged", "IdentityUpdated"),
        ("CredentialChanged", "IdentityUpdated"),
        ("IdentityErased", "IdentityDeleted"),
    ],
)
def test_an_identity_is_named_and_nothing_said_of_it(type: str, name: str) -> None:
    assert attributes(type, {"flow_id": FLOW, "type": "password"}) == {name: {**NAMED, "IdentityID": str(STREAM)}}


@pytest.mark.parametrize(
    ("type", "fields", "name", "aal"),
    [
        ("SessionIssued", {"identity_id": PERSON, "aal": "aal1"}, "SessionIssued", {"SessionAAL": "aal1"}),
        ("SessionRefreshed", {"aal": "aal2"}, "SessionChanged", {"SessionAAL": "aal2"}),
        ("SessionRevoked", {"reason": "logout", "flow_id": None}, "SessionRevoked", {}),
    ],
)
def test_a_session_and_whose_it_is(type: str, fields: Mapping[str, Any], name: str, aal: dict[str, str]) -> None:
    alone = About(identity=PERSON)
    assert attributes(type, fields, alone) == {name: {"IdentityID": PERSON, "SessionID": str(STREAM), **aal}}


# ---------------------------------------------------------------------------------------------------------- real flows


async def streamed(house: House) -> list[tuple[str, dict[str, str]]]:
    """What a relay would send of all that was recorded: names and attributes, in order."""
    store = house.engine.streams.store
    assert isinstance(store, LogStore)
    destination = Destination(BusAddress.of("memory:"), format="ory", project=PROJECT)
    source, after = LogSource(store.application, destination), 0
    bodies: list[dict[str, Any]] = []
    while True:
        reached, envelopes = await source.page(after)
        if reached == after:
            return [(body["name"], body["eventAttributes"]) for body in bodies]
        assert len({envelope.id for envelope in envelopes}) == len(envelopes)
        bodies += [json.loads(envelope.data) for envelope in envelopes]
        after = reached


async def test_a_person_who_registers_and_signs_in_as_ory_would_tell_it() -> None:
    hooks = {
        "registration.after.password": [ignore("/welcome", id="welcome"), {"hook": "session"}],
        "login.after.password": [parse("/risk", id="risk")],
    }
    async with open_house(hooks, settings=quick("risk")) as house:
        house.sink.script("/risk", [Reply(503), Reply(200), messages((ADA, 4002, "not now"))])
        registered = await house.register()
        await house.until("DeliveryDelivered", 2)  # the hook, and the code that verifies the address
        signed_in = await house.sign_in()
        await house.sign_in()
        await house.sign_in(password="not the password")
        await house.engine.logout(signed_in.session_token)
        told = await streamed(house)
        triggers = {path: house.sink.of(path)[0].header("Ory-Webhook-Trigger-ID") for path in ("/welcome", "/risk")}
    names = [name for name, _ in told]
    assert registered.identity is not None
    person = registered.identity["id"]

    first = names.index("LoginInitiated")  # what the worker sends comes in its own time
    assert sorted(names[:first]) == sorted(
        [
            "RegistrationInitiated",
            *("IdentityCreated", "SessionIssued", "RegistrationSucceeded", "LoginSucceeded"),
            *("WebhookDelivered", "WebhookSucceeded", "CourierMessageDispatched"),
        ]
    )
    rest = told[first:]
    assert [name for name, _ in rest] == [
        *("LoginInitiated", "WebhookDelivered", "WebhookDelivered", "WebhookSucceeded"),
        *("LoginSucceeded", "SessionIssued"),
        *("LoginInitiated", "WebhookDelivered", "WebhookFailed", "LoginFailed"),
        *("LoginInitiated", "LoginFailed", "SessionRevoked"),
    ]
    delivered = [given for name, given in rest if name == "WebhookDelivered"]
    assert [(one["WebhookAttemptNumber"], one["WebhookResponseStatusCode"]) for one in delivered] == [
        ("1", "503"),
        ("2", "200"),
        ("1", "400"),
    ]
    assert {one["WebhookTriggerID"] for one in delivered[:2]} == {triggers["/risk"]}
    welcome = next(given for name, given in told if name == "WebhookSucceeded" and given["WebhookID"] == "welcome")
    assert welcome["WebhookTriggerID"] == triggers["/welcome"]
    succeeded = next(given for name, given in rest if name == "LoginSucceeded")
    assert succeeded["IdentityID"] == person
    assert succeeded["LoginRequestedAAL"] == "aal1"
    assert succeeded["LoginRequestedPrivilegedSession"] == "false"
    revoked = rest[-1][1]
    assert (revoked["IdentityID"], revoked["SessionID"]) == (person, succeeded["SessionID"])
    assert ADA not in json.dumps(told)
    assert PASSWORD not in json.dumps(told)


# ------------------------------------------------------------------------------------------------------------ the page


def test_the_page_names_every_event_name_and_attribute() -> None:
    text = PAGE.read_text()
    for name in (*TOLD, *SILENT, *NAMES, *ATTRIBUTES):
        assert f"`{name}`" in text, name


def test_the_example_of_the_page_is_what_is_sent() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    shown = json.loads(example)
    given = shown["eventAttributes"]
    about = of("login", flow=given["FlowID"], identity=given["IdentityID"], flow_type=given["SelfServiceFlowType"])
    fields = {
        "method": given["SelfServiceMethodUsed"],
        "identity_id": given["IdentityID"],
        "session_id": given["SessionID"],
    }
    (event,) = ory_events(
        "FlowCompleted",
        fields,
        about,
        stream=UUID(given["FlowID"]),
        version=9,
        time=shown["timestamp"],
        project=shown["projectId"],
    )
    assert event.body == shown
