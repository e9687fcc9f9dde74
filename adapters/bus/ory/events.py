"""Ory's format: what Ory's event streams would say of a recorded event, for consumers that read them already.

Source: Ory's page on live event streams (the document and the names), and Kratos 26.2 (which attributes a name has, and
what makes Kratos say it). All attributes are text, as that page has it. An attribute that limen does not know, or that
is none of a consumer's business (addresses, URLs, bodies), is left out.

`docs/reference/ory-events.md` is the same as tables, with what Kratos does differently.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from limen.adapters.bus.about import About

Fields = Mapping[str, Any]
Attributes = dict[str, Any]
Said = Iterator[tuple[str, Attributes]]

SCHEMA_VERSION: Final = "1"
"""The one version of Ory's document that there is."""

WEB_HOOK: Final = "web_hook"
"""The hook and the channel of a web hook: no other kind of action is one of Ory's."""


@dataclass(frozen=True, slots=True)
class OryEvent:
    """One event as Ory's streams have it.

    `body` is the whole JSON document: `name`, `version`, `timestamp`, `projectId`, `eventAttributes`.
    """

    name: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Recorded:
    type: str
    fields: Fields
    about: About
    stream: str


def ory_events(
    type: str,
    fields: Fields,
    about: About,
    *,
    stream: UUID,
    version: int,  # noqa: ARG001 - part of which event it is; Ory's document has no place for it
    time: str,
    project: str,
) -> list[OryEvent]:
    """What Ory would say of one recorded event, in this order; nothing where it says nothing.

    `fields` are the event's as plain JSON values; sealed ones are never looked at. `time` is RFC 3339. No two of the
    events that one recorded event gives have the same name.
    """
    say = TOLD.get(type)
    if say is None:
        return []
    return [
        OryEvent(name, _document(name, {**_flow_name(about), **attributes}, time, project))
        for name, attributes in say(_Recorded(type, fields, about, str(stream)))
    ]


def _document(name: str, attributes: Attributes, time: str, project: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": SCHEMA_VERSION,
        "timestamp": time,
        "projectId": project,
        "eventAttributes": {key: _text(value) for key, value in attributes.items() if value is not None},
    }


def _text(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


# -------------------------------------------------------------------------------------------------------------- flows

_KNOWN_PERSON = ("FlowInterrupted", "FlowReleased")
"""What can only happen to a submission that a method had accepted: it is known whose it was."""

_METHOD_TRIED = (*_KNOWN_PERSON, "FlowFailed")
"""The failures that the method under way belongs to, though they do not name it."""

_REASONS: Final = {"FlowInterrupted": "interrupted", "FlowRejected": "rejected", "FlowExpired": "expired"}
"""The reasons of events that are their own reason."""


def _flow_name(about: About) -> Attributes:
    """Kratos says this of all that happens while a login or registration is submitted; the second is its old name."""
    return {"SelfServiceFlowName": about.kind, "SelfServiceStrategyUsed": about.kind}


def _of_flow(about: About, method: str) -> Attributes:
    return {"FlowID": about.flow, "SelfServiceFlowType": about.flow_type, "SelfServiceMethodUsed": method}


def _asked(about: About) -> Attributes:
    """What a login was asked for."""
    return {"LoginRequestedAAL": about.requested_aal, "LoginRequestedPrivilegedSession": about.refresh}


def _initiated(one: _Recorded) -> Said:
    about = one.about
    shown: Attributes = {"FlowID": about.flow, "SelfServiceFlowType": about.flow_type}
    if about.kind == "login":
        yield "LoginInitiated", {**shown, "FlowRefresh": about.refresh, "FlowRequestedAAL": about.requested_aal}
    elif about.kind == "registration":
        yield "RegistrationInitiated", shown


def _succeeded(one: _Recorded) -> Said:
    """A registration that signs in is a login as well, in Kratos' words."""
    about, fields = one.about, one.fields
    kind, session = about.kind, fields.get("session_id")
    if kind is None:
        return
    shown = {**_of_flow(about, fields["method"]), "IdentityID": fields.get("identity_id")}
    if kind in ("login", "registration"):
        through = about.provider if fields["method"] == "oidc" else None
        shown["SelfServiceSSOProviderUsed"] = through or ""  # a flow that another one became was sent nowhere itself
    if kind != "login":
        yield f"{kind.capitalize()}Succeeded", shown
    if kind == "login" or (kind == "registration" and session is not None):
        yield "LoginSucceeded", {**shown, **_asked(about), "SessionID": session}


def _failed(one: _Recorded) -> Said:
    about, fields = one.about, one.fields
    kind = about.kind
    if kind is None:
        return
    method = fields.get("method") or (about.method if one.type in _METHOD_TRIED else None) or ""
    reason = _REASONS.get(one.type) or fields["reason"]
    shown = {**_of_flow(about, method), "Reason": reason, "ErrorReason": reason}
    if kind == "login":
        shown |= _asked(about)
    if kind == "settings" or (one.type in _KNOWN_PERSON and kind != "registration"):
        shown["IdentityID"] = about.identity
    yield f"{kind.capitalize()}Failed", shown


# ---------------------------------------------------------------------------------------------- identities and sessions


def _identity(name: str) -> Callable[[_Recorded], Said]:
    def say(one: _Recorded) -> Said:
        yield name, {"IdentityID": one.stream}

    return say


def _session(name: str) -> Callable[[_Recorded], Said]:
    def say(one: _Recorded) -> Said:
        identity = one.fields.get("identity_id") or one.about.identity
        yield name, {"IdentityID": identity, "SessionID": one.stream, "SessionAAL": one.fields.get("aal")}

    return say


# ----------------------------------------------------------------------------------------------- web hooks and messages


def _called(fields: Fields, hook: Attributes) -> Said:
    """Kratos says `WebhookDelivered` of each answer, whatever its status, and of no attempt that had none."""
    if fields.get("status") is not None:
        yield (
            "WebhookDelivered",
            {**hook, "WebhookAttemptNumber": fields["attempt"], "WebhookResponseStatusCode": fields["status"]},
        )


def _given_up(hook: Attributes, reason: str) -> Said:
    yield "WebhookFailed", {**hook, "Error": reason, "ErrorReason": reason}


def _action(one: _Recorded) -> Said:
    """A web hook that its flow waited for. One that stopped the flow has failed, in Kratos' words."""
    action, fields = one.fields["action"], one.fields
    if action["hook"] != WEB_HOOK:
        return
    asked = one.type != "ActionCanceled" and fields.get("reason") != "template"
    hook = {"WebhookID": action["id"], "WebhookTriggerID": one.about.trigger if asked else None}
    yield from _called(fields, hook)
    if one.type == "ActionFailed":
        if fields.get("final", True):
            yield from _given_up(hook, fields["reason"])
    elif fields.get("verdict") == "interrupt":
        yield from _given_up(hook, "interrupt")
    else:  # a template that said cancel is a success, too
        yield "WebhookSucceeded", hook


def _delivery(one: _Recorded) -> Said:
    about, fields = one.about, one.fields
    if about.channel == "message":
        yield from _message(one)
    elif about.channel == WEB_HOOK:
        hook = {"WebhookID": about.action, "WebhookTriggerID": about.trigger}
        yield from _called(fields, hook)
        if one.type == "DeliveryDelivered":
            yield "WebhookSucceeded", hook
        elif one.type == "DeliveryParked":
            yield from _given_up(hook, fields["reason"])


def _message(one: _Recorded) -> Said:
    name = {"DeliveryDelivered": "CourierMessageDispatched", "DeliveryParked": "CourierMessageAbandoned"}.get(one.type)
    if name is not None:
        yield (
            name,
            {
                "CourierMessageID": one.stream,
                "CourierMessageChannel": "email",  # the only one there is
                "CourierMessageTemplateType": one.about.action,
            },
        )


# ------------------------------------------------------------------------------------------------- which says what

TOLD: Final[Mapping[str, Callable[[_Recorded], Said]]] = {
    "FlowOpened": _initiated,
    "FlowOpenedChallenged": _initiated,
    "FlowCompleted": _succeeded,
    "MethodRefused": _failed,
    "SubmissionDismissed": _failed,
    "FlowInterrupted": _failed,
    "FlowReleased": _failed,
    "FlowRejected": _failed,
    "FlowFailed": _failed,
    "FlowExpired": _failed,
    "ActionAnswered": _action,
    "ActionCanceled": _action,
    "ActionFailed": _action,
    "DeliveryAttempted": _delivery,
    "DeliveryDelivered": _delivery,
    "DeliveryParked": _delivery,
    "IdentityRegistered": _identity("IdentityCreated"),
    "TraitsChanged": _identity("IdentityUpdated"),
    "CredentialChanged": _identity("IdentityUpdated"),
    "CredentialRemoved": _identity("IdentityUpdated"),
    "IdentityErased": _identity("IdentityDeleted"),
    "SessionIssued": _session("SessionIssued"),
    "SessionRefreshed": _session("SessionChanged"),
    "SessionStrengthened": _session("SessionChanged"),
    "SessionRevoked": _session("SessionRevoked"),
}
"""The events that Ory has words for, by their type, and what it says of them."""

SILENT: Final[Mapping[str, str]] = {
    "FlowInitiated": "Kratos waits for the actions before it: FlowOpened",
    "MethodSubmitted": "how it ends is said",
    "MethodAccepted": "how it ends is said",
    "SecretsShown": "nothing has changed",
    "FormAdvanced": "how the flow ends is said",
    "FlowRedirected": "how the flow ends is said",
    "FlowTurned": "how the flow that it became ends is said",
    "ChallengeSent": "the message is said: DeliveryDelivered",
    "ActionsPlanned": "a plan is nothing that happened to anybody",
    "ActionStarted": "its answer is said",
    "DeliveryScheduled": "its end is said",
    "DeliveryStarted": "its end is said",
    "DeliveryCanceled": "nothing was sent, and nothing will be",
    "CredentialUsed": "the flow's success is said",
    "CredentialUnlocked": "an operator's doing, not a person's",
    "CredentialMissed": "the flow's failure is said: MethodRefused",
    "CodeTried": "the flow's outcome is said: MethodRefused or FlowCompleted",
    "LoginMissed": "the flow's failure is said: MethodRefused",
    "LockoutLifted": "Kratos has no lockouts",
    "TraitsChangeHeld": "nothing has changed yet: IdentityUpdated follows when it does",
    "AddressVerified": "Kratos says VerificationSucceeded alone: FlowCompleted",
    "SessionOpened": "said of the session: SessionIssued",
    "SessionsClosed": "said of each session: SessionRevoked",
    "SessionHandedOver": "said when it was issued: SessionIssued",
    "IdentifierReserved": "part of what is said of the identity",
    "IdentifierReleased": "part of what is said of the identity",
    "PersonalDataExported": "an operator's doing, not a person's",
    "ConfigurationPublished": "Ory's are events of projects, on its own network",
}
"""The events that Ory says nothing of, and why."""
