"""Examples: one made-up event of each type, told as the relay tells real ones.

They stand in the contract for consumers. All of them are about one person who signs in: the same id is the same thing.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from limen.adapters.bus import names
from limen.adapters.bus.about import Abouts
from limen.adapters.bus.contract.catalogue import kinds_of
from limen.adapters.bus.envelope import SOURCE, Envelope, Fact, seal
from limen.domain.event import EVENT_TYPES, DomainEvent

_TIME: Final = "2026-03-02T12:00:00Z"
_SOON: Final = "2026-03-02T12:00:45Z"
_LATER: Final = "2026-03-02T13:00:00Z"
_POSITION: Final = 1042
_DIGEST: Final = "f56f91f42fb79a08e00effbabb1c6f45a0603aeb98016fbb9da038c8fdea45da"
_ACTION: Final = {"hook": "web_hook", "id": "welcome", "position": 0, "phase": "after", "method": "password"}
_PLANNED: Final = {
    **_ACTION,
    "source": "/selfservice/flows/login/after/password/hooks/0",
    "timing": "before_commit",
    "origin": "configured",
    "rule": "method",
    "delivery": None,
}
_AUTHENTICATION: Final = {"method": "password", "aal": "aal1", "completed_at": _TIME}

_VALUES: Final[Mapping[str, Any]] = {
    "aal": "aal1",
    "action": "welcome",
    "after": 0,
    "attempt": 1,
    "authentication": _AUTHENTICATION,
    "authentications": [_AUTHENTICATION],
    "awaited": False,
    "changed": ["traits"],
    "channel": "web_hook",
    "code_expires_at": "2026-03-02T12:15:00Z",
    "context": "2.1",
    "credentials": ["password"],
    "deadline": _SOON,
    "detail": "",
    "document": {"selfservice": {"methods": {"password": {"enabled": True}}}, "secrets": {"cookie": ["***"]}},
    "duration": 12.5,
    "expires_at": _LATER,
    "final": True,
    "format": "jsonl",
    "held": [],
    "handlers": ["registration.after.password=no_throwaways"],
    "hook": "web_hook",
    "kind": "login",
    "lease": _SOON,
    "method": "password",
    "modified": [],
    "next_at": _SOON,
    "phase": "after",
    "position": 0,
    "reason": "upstream",
    "refresh": False,
    "request_digest": _DIGEST,
    "requested_aal": "aal1",
    "resent": False,
    "response_digest": _DIGEST,
    "rule": "method",
    "since": None,
    "started": [],
    "status": 200,
    "through": 1041,
    "type": "password",
    "until": _TIME,
    "verdict": "continue",
    "what": "generated",
}
"""What stands in a field of that name, where it is no id."""

_OWN_VALUES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ActionAnswered": {"action": _ACTION},
    "ActionCanceled": {"action": _ACTION},
    "ActionFailed": {"action": _ACTION, "status": 503},
    "ActionStarted": {"action": _ACTION},
    "ActionsPlanned": {"actions": [_PLANNED]},
    "ChallengeSent": {"method": "code"},
    "CodeTried": {"right": False},
    "DeliveryAttempted": {"status": 503},
    "DeliveryCanceled": {"reason": "erased"},
    "DeliveryScheduled": {"rule": None, "source": None},
    "DeliveryParked": {"attempt": 10, "status": 503},
    "FlowFailed": {"reason": "action_failed", "deliveries": []},
    "FlowInitiated": {"type": "browser", "session_id": None, "started_by": None, "identity_id": None},
    "FlowOpenedChallenged": {"method": "code"},
    "FlowReleased": {"reason": "abandoned"},
    "MethodRefused": {"reason": "credentials", "deliveries": []},
    "LockoutLifted": {"reason": "login"},
    "LoginMissed": {"until": _LATER},
    "PersonalDataExported": {"reason": "request 4711 of the supervisory authority"},
    "CredentialMissed": {"type": "totp"},
    "CredentialRemoved": {"type": "totp"},
    "CredentialUnlocked": {"type": "totp"},
    "CredentialUsed": {"type": "totp"},
    "FormAdvanced": {"method": "profile", "step": "credentials"},
    "FlowRedirected": {"method": "oidc", "provider": "google"},
    "FlowTurned": {"method": "oidc", "reason": "known"},
    "SecretsShown": {"method": "lookup_secret"},
    "SessionRevoked": {"reason": "logout"},
    "SessionStrengthened": {"aal": "aal2"},
    "SubmissionDismissed": {"reason": "no_method"},
}
"""Where an event says something else, or has a field like no other."""

_FORM: Final = {
    "values": {"identifier": "ada@example.org"},
    "messages": [{"id": 4000006, "text": "That did not match.", "type": "error"}],
}
_ADDRESS: Final = {
    "id": str(uuid5(NAMESPACE_URL, "urn:limen:example:address")),
    "value": "ada@example.org",
    "via": "email",
    "created_at": _TIME,
    "updated_at": _TIME,
    "verified": False,
    "status": "sent",
    "verified_at": None,
}
_CLEAR: Final[Mapping[str, Any]] = {
    "challenge": {"address": "ada@example.org", "via": "email", "values": {"email": "ada@example.org"}},
    "device": {
        "id": str(uuid5(NAMESPACE_URL, "urn:limen:example:device")),
        "ip_address": "203.0.113.9",
        "user_agent": "a",
    },
    "form": _FORM,
    "profile": {
        "schema_id": "person",
        "traits": {"email": "ada@example.org"},
        "state": "active",
        "state_changed_at": _TIME,
        "metadata_public": None,
        "metadata_admin": None,
        "external_id": None,
        "organization_id": None,
        "verifiable": [_ADDRESS],
        "recovery": [_ADDRESS],
    },
    "request": {
        "method": "GET",
        "url": "https://id.example.org/self-service/login/browser",
        "client_ip": "203.0.113.9",
        "user_agent": "a browser",
        "return_to": None,
        "transient_payload": None,
    },
    "submission": {"transient_payload": {}},
}
"""What a sealed field of that name holds."""

_FIRST: Final = (
    "CodeTried",
    "ConfigurationPublished",
    "DeliveryScheduled",
    "FlowInitiated",
    "IdentifierReserved",
    "IdentityRegistered",
    "LoginMissed",
    "PersonalDataExported",
    "SessionIssued",
)
"""The events that a stream begins with."""

_FLOW: Final = ("FlowInitiated", "FlowOpened", "MethodSubmitted")
"""How a flow begins."""

_EARLY: Final = {
    "FlowOpenedChallenged": 2,
    "FlowRejected": 2,
    "FlowFailed": 2,
    "SubmissionDismissed": 3,
    "FlowExpired": 3,
}
"""What comes in the place of one of these, by its version."""


def example(event: type[DomainEvent], *, personal_data: bool = False) -> Envelope:
    """A made-up event as it goes to a destination that gets personal data, or does not."""
    kind = kinds_of(event)[0] if event.stream == "flow" else _VALUES["kind"]
    stream, name, version = _id(event.stream), event.__name__, _version(event)
    fields = _fields(event, kind)
    about = Abouts(lambda stream: _history(stream, kind)).of(stream, event.stream, version, name, fields)
    fact = Fact(_POSITION, stream, version, name, _TIME, fields)
    return seal(fact, about, topic=names.TOPIC, source=SOURCE, opener=_open if personal_data else None)


def _open(sealed: Mapping[str, Any]) -> Any:
    return _CLEAR[sealed["sealed"]]


def _history(stream: str, kind: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """How the streams that an example names have begun."""
    begun = _FLOW if stream == _id("flow") else [name for name in _FIRST if _id(EVENT_TYPES[name].stream) == stream]
    for version, name in enumerate(begun, 1):
        yield version, name, _fields(EVENT_TYPES[name], kind)


def _version(event: type[DomainEvent]) -> int:
    name = event.__name__
    if event.stream != "flow":
        return 1 if name in _FIRST else 2
    return _FLOW.index(name) + 1 if name in _FLOW else _EARLY.get(name, len(_FLOW) + 1)


def _fields(event: type[DomainEvent], kind: str) -> dict[str, Any]:
    """The fields as the log has them. A sealed one holds its own name in the place of what nobody can read."""
    own = {**_OWN_VALUES.get(event.__name__, {}), **({"kind": kind} if event.__name__ == "FlowInitiated" else {})}
    given = {name: own[name] if name in own else _value(name) for name in _names(event)}
    made = event.model_validate(
        {"originator_id": _id(event.stream), "originator_version": 1, "timestamp": _TIME, **given}
    )
    return made.model_dump(mode="json", include=set(given))


def _names(event: type[DomainEvent]) -> list[str]:
    return [name for name in event.model_fields if name not in DomainEvent.model_fields]


def _value(name: str) -> Any:
    if name in _CLEAR:
        return {"sealed": name, "key": _id("identity")}
    if name in _VALUES:
        return _VALUES[name]
    many = {"deliveries": "delivery", "reservations": "reservation", "session_ids": "session"}
    if name in many:
        return [_id(many[name])]
    return _id(name.removesuffix("_id"))


@lru_cache
def _id(name: str) -> str:
    """The id of a thing in the examples; a UUID of no use elsewhere."""
    return str(uuid5(NAMESPACE_URL, f"urn:limen:example:{name}"))
