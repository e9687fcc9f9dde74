"""Authentication: which events of the log are one of OCSF's class of that name, as data.

Source: the Open Cybersecurity Schema Framework, class Authentication [3002] of the category Identity & Access
Management. Every attribute used here has been there since 1.3. `docs/reference/exports.md` is generated from these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

VERSION: Final = "1.8.0"
"""Of the schema, as `metadata.version` says it."""

CLASS_UID: Final = 3002
CLASS_NAME: Final = "Authentication"
CATEGORY_UID: Final = 3
CATEGORY_NAME: Final = "Identity & Access Management"


class Activity(IntEnum):
    """`activity_id`: those of the class that are said of an event here."""

    LOGON = 1
    LOGOFF = 2
    PREAUTH = 6

    @property
    def type_uid(self) -> int:
        """The class' number and the activity's in one: `class_uid * 100 + activity_id`."""
        return CLASS_UID * 100 + self


class Status(IntEnum):
    """`status_id`."""

    UNKNOWN = 0
    SUCCESS = 1
    FAILURE = 2


class Severity(IntEnum):
    """`severity_id`."""

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3


def caption(value: IntEnum) -> str:
    """What the schema calls a value."""
    return value.name.capitalize()


SIGNING_IN: Final = ("login", "recovery")
"""The flows whose submissions are tries to sign in. A registration that signs in is told by the session it issues."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is said of one type of event, of flows of some kinds alone if `flows` says so.

    `detail` is `status_detail`; where it begins with a colon, it is the event's field of that name. `known`: the record
    says whose it was; otherwise that is known only where somebody who is signed in authenticates again.
    """

    type: str
    activity: Activity
    status: Status
    severity: Severity
    message: str
    detail: str = ""
    flows: tuple[str, ...] = ()
    known: bool = True


ROWS: Final[tuple[Row, ...]] = (
    Row("SessionIssued", Activity.LOGON, Status.SUCCESS, Severity.INFORMATIONAL, "signed in", ""),
    Row("SessionRefreshed", Activity.LOGON, Status.SUCCESS, Severity.INFORMATIONAL, "authenticated again", "refresh"),
    Row("SessionRevoked", Activity.LOGOFF, Status.SUCCESS, Severity.INFORMATIONAL, "the session was ended", ":reason"),
    Row(
        "ChallengeSent",
        Activity.PREAUTH,
        Status.UNKNOWN,
        Severity.INFORMATIONAL,
        "a code or a link was asked for",
        flows=SIGNING_IN,
        known=False,
    ),
    Row(
        "MethodRefused",
        Activity.LOGON,
        Status.FAILURE,
        Severity.LOW,
        "the method refused",
        ":reason",
        SIGNING_IN,
        known=False,
    ),
    Row(
        "FlowInterrupted",
        Activity.LOGON,
        Status.FAILURE,
        Severity.LOW,
        "an action said no after the method had accepted",
        "interrupted",
        SIGNING_IN,
    ),
    Row(
        "FlowReleased",
        Activity.LOGON,
        Status.FAILURE,
        Severity.LOW,
        "the flow came back without a verdict, after the method had accepted",
        ":reason",
        SIGNING_IN,
    ),
    Row(
        "FlowRejected",
        Activity.LOGON,
        Status.FAILURE,
        Severity.LOW,
        "an action said no before anything was tried",
        "rejected",
        SIGNING_IN,
        known=False,
    ),
    Row(
        "FlowFailed",
        Activity.LOGON,
        Status.FAILURE,
        Severity.MEDIUM,
        "the flow ended without success",
        ":reason",
        SIGNING_IN,
        known=False,
    ),
)
"""One event of the log is one of OCSF's, or none."""

ROW_OF: Final[Mapping[str, Row]] = {row.type: row for row in ROWS}

_CALLED: Final = "what it came to is told"
_ACCOUNT: Final = "a change of an account, another class of OCSF's"
LEFT_OUT: Final[Mapping[str, str]] = {
    "FlowInitiated": "nothing was tried yet",
    "FlowOpened": "nothing was tried yet",
    "FlowOpenedChallenged": "nothing was tried yet",
    "MethodSubmitted": _CALLED,
    "MethodAccepted": _CALLED,
    "FlowCompleted": "where it signed somebody in, the session is told: `SessionIssued`, `SessionRefreshed`",
    "SubmissionDismissed": "no method was named, so none was tried",
    "FlowExpired": "nothing was tried any more",
    "ActionsPlanned": _CALLED,
    "ActionStarted": _CALLED,
    "ActionAnswered": _CALLED,
    "ActionCanceled": _CALLED,
    "ActionFailed": _CALLED,
    "SessionOpened": "the session itself is told",
    "SessionsClosed": "each session itself is told",
    "IdentityRegistered": _ACCOUNT,
    "TraitsChanged": _ACCOUNT,
    "TraitsChangeHeld": "the verification it waits for is told, and the change when it comes true",
    "CredentialChanged": _ACCOUNT,
    "CredentialRemoved": _ACCOUNT,
    "CredentialUsed": "where it signed somebody in, the session is told: `SessionRefreshed`",
    "CredentialUnlocked": _ACCOUNT,
    "CredentialMissed": "the refused attempt is told: `MethodRefused`",
    "SecretsShown": _ACCOUNT,
    "FormAdvanced": "how the flow ends is told",
    "FlowRedirected": "how the flow ends is told",
    "FlowTurned": "how the flow that it became ends is told",
    "SessionHandedOver": "the session itself is told",
    "SessionStrengthened": _ACCOUNT,
    "AddressVerified": _ACCOUNT,
    "IdentityErased": _ACCOUNT,
    "IdentifierReserved": _ACCOUNT,
    "IdentifierReleased": _ACCOUNT,
    "CodeTried": "the attempt is told: `MethodRefused`, `FlowFailed` or `FlowCompleted`",
    "LoginMissed": "the refused attempt is told: `MethodRefused`",
    "LockoutLifted": _ACCOUNT,
    "DeliveryScheduled": "no authentication",
    "DeliveryStarted": "no authentication",
    "DeliveryAttempted": "no authentication",
    "DeliveryDelivered": "no authentication",
    "DeliveryParked": "no authentication",
    "DeliveryCanceled": "no authentication",
    "ConfigurationPublished": "no authentication",
    "PersonalDataExported": "no authentication",
}
"""Events that are none of the class, and why."""


@dataclass(frozen=True, slots=True)
class Method:
    """How a method is told: the protocol (99 is any other, which then has the method's name) and the factor shown."""

    protocol: int
    factor: int
    factor_name: str


METHODS: Final[Mapping[str, Method]] = {
    "password": Method(99, 11, "Password"),
    "code": Method(99, 8, "Email"),
    "code_recovery": Method(99, 8, "Email"),
    "link": Method(99, 8, "Email"),
    "link_recovery": Method(99, 8, "Email"),
    "totp": Method(99, 7, "OTP"),
    "lookup_secret": Method(99, 99, "lookup_secret"),
    "webauthn": Method(99, 10, "WebAuthn"),
    "passkey": Method(99, 10, "WebAuthn"),
    "oidc": Method(4, 99, "oidc"),
}
"""By the name in the event. A method that is not here is told as another protocol and factor, by its name."""

PROTOCOLS: Final[Mapping[int, str]] = {0: "Unknown", 4: "OpenID"}
"""`auth_protocol` by its number; 99 has the method's name."""


def method_of(name: str) -> Method:
    """How a method is told."""
    return METHODS.get(name) or Method(99, 99, name)
