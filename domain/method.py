"""The port of authentication methods: a submission comes in, a verdict comes out.

A method looks at the submission and says what it means; it appends nothing and changes nothing. The engine turns the
verdict into a transition.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from limen.domain.assurance import is_second_factor
from limen.domain.code import SentCode
from limen.domain.configuration import Configuration, FlowKind
from limen.domain.flow import Flow
from limen.domain.identity import Held, Identity
from limen.domain.linking import Linkable
from limen.domain.message import Message
from limen.domain.people import People
from limen.domain.ports import Mail
from limen.domain.profile import Profile
from limen.domain.request import Request
from limen.domain.waiting_change import WaitingChange


@dataclass(frozen=True, slots=True)
class Submission:
    """What a method is given.

    `values` are the submitted fields; `kept` what the form kept of earlier ones; `challenge` the address a code went
    to; `pending` the secret that the flow keeps for this method (`Factor.prepare`, `Shown`). In settings, at a second
    factor and when a session is refreshed, `identity` and `profile` are the signed-in person's. `waiting` is the change
    of profile that a verification is to make true. `request` is the one it came with; `returned` says that it brings
    back somebody who was sent elsewhere; `claim` is what a native app is given then to show that it is them.
    """

    flow: Flow
    values: Mapping[str, Any] = field(repr=False)
    kept: Mapping[str, Any] = field(repr=False)
    people: People
    now: datetime
    challenge: Mapping[str, Any] | None = field(default=None, repr=False)
    code: SentCode | None = None
    identity: Identity | None = None
    profile: Profile | None = field(default=None, repr=False)
    pending: str | None = field(default=None, repr=False)
    waiting: WaitingChange | None = None
    request: Request = field(default_factory=Request, repr=False)
    returned: bool = False
    claim: str | None = field(default=None, repr=False)

    def waits_for(self, address: str) -> bool:
        """Whether a change of profile waits until this address is verified: a code may go there all the same."""
        return self.waiting is not None and self.waiting.address == address

    @property
    def schema_id(self) -> str:
        """The identity schema by which what was submitted is read: the person's own, else the flow's.

        Whoever registers gets it: `people.compose(traits, now, schema_id=submission.schema_id)`.
        """
        return self.profile.schema_id if self.profile else self.people.rules.schema_of(self.flow)


@dataclass(frozen=True, slots=True)
class Refused:
    """No. `reason` is a class of reasons (never personal data); `values` is what the form keeps.

    `identity_id` is whose identifier was given, where it is somebody's: for the record alone, no client gets to see it.
    `pending` is what the flow keeps for this method from now on: a new challenge, where the last one is used up; what a
    provider said, so that nobody is sent there twice.
    """

    reason: str
    messages: tuple[Message, ...]
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    identity_id: UUID | None = None
    pending: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Yes.

    `identity` is who it is (login, recovery, verification); `profile` what they shall be (registration, settings).
    `credentials` are secrets to store, by type, and `held` what they hold that nobody else may have. `authentication`
    is what the session will say (`code_recovery`). `verified` are the (via, value) of addresses shown to be the
    person's. `removed` are credential types to be given up; `spent` a secret as it is once the code just given counts
    no more, by type. `used`: a code was right that has no credential in the vault: wrong ones before it are forgotten.
    `proven`: the credential set up here counts as shown in this session.

    `provider` is the id of the OpenID provider it went through. `signs_in`: a registration signs in, or does not,
    whether or not `session` is listed; `then_login` is what a login that follows it keeps for this method.
    `linkable`: what may be added to the account that has the address already. `pending` is what the flow keeps for this
    method where an action stops it.
    """

    identity: Identity | None = None
    profile: Profile | None = field(default=None, repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    held: Mapping[str, tuple[Held, ...]] = field(default_factory=dict)
    authentication: str = ""
    aal: str = "aal1"
    verified: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    removed: tuple[str, ...] = ()
    spent: Mapping[str, str] = field(default_factory=dict, repr=False)
    used: bool = False
    proven: bool = False
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    provider: str | None = None
    signs_in: bool | None = None
    then_login: str | None = field(default=None, repr=False)
    linkable: Linkable | None = field(default=None, repr=False)
    pending: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Challenged:
    """A code is due, or a link (then `code` is its token).

    `identity` None means nobody is known there: everything looks the same, and the mail is withheld.
    """

    address: str = field(repr=False)
    via: str
    code: str = field(repr=False)
    lifespan: float
    identity: Identity | None = None
    mail: Mail | None = None
    resent: bool = False
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """Secrets are to be shown: `what` is generated or revealed. `pending` is what the flow keeps until it is confirmed.

    `values` tell the form which; they hold no secret.
    """

    what: str
    pending: str | None = field(default=None, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Advanced:
    """The form goes a step on (or back): `step` as in `FormAdvanced`. Nothing is proven yet.

    `pending` is what the flow keeps for this method until the next submission; `messages` and `values` are the form's.
    `error` is Kratos' error id where an adapter answers with an error.
    """

    step: str
    messages: tuple[Message, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    pending: str | None = field(default=None, repr=False)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Away:
    """The person goes elsewhere, to `url`, and comes back through `Engine.resume`.

    `pending` is what the flow keeps for this method until then (state, nonce, verifier); `provider` the id of where.
    """

    url: str = field(repr=False)
    pending: str = field(repr=False)
    provider: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Turned:
    """It is the wrong kind of flow for this person: it goes on as one of `kind`, by the same method.

    `reason` as in `FlowTurned`; `pending` is what that flow keeps for the method, `values` what is submitted to it.
    `held` is the account at a provider that nobody here has yet.
    """

    kind: FlowKind
    reason: str
    pending: str = field(repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Exhausted:
    """One wrong code too many: the flow ends. `identity_id` as in `Refused`."""

    messages: tuple[Message, ...]
    identity_id: UUID | None = None


AWAY = "browser_location_change_required"
"""Kratos' error id where a browser has to go elsewhere first, or to ask an authenticator."""

LOWER_COUNTER = "lower_counter"
"""The reason where the counter of a key went back: it is counted, for the key may have been copied."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """No, and a new flow says so in `messages` (Kratos: a link that is wrong, was used, or is too old; an old code).

    The old one stays as it is, unless this was one try too many (`ends`). `reason` and `identity_id` as in `Refused`.
    """

    reason: str
    messages: tuple[Message, ...]
    ends: bool = False
    identity_id: UUID | None = None


Verdict = Refused | Accepted | Challenged | Shown | Advanced | Away | Turned | Exhausted | Replaced


def offers(configuration: Configuration, kind: FlowKind, method: str, requested_aal: str = "aal1") -> bool:
    """Whether a configuration switches a method on for this kind of flow."""
    settings, style = configuration.method(method), configuration.flow(kind).style
    second = kind is FlowKind.LOGIN and requested_aal != "aal1"
    if method == "code" and second:
        return settings.enabled and settings.mfa_enabled
    if kind is FlowKind.LOGIN and is_second_factor(configuration, method) != second:
        return False
    if method == "identifier_first":
        return style == method
    if method == "profile" and kind is FlowKind.REGISTRATION:
        return settings.enabled and style == "profile_first"
    if method == "webauthn" and kind is FlowKind.REGISTRATION:
        return settings.enabled and bool(settings.config.get("passwordless"))
    if method == "code" and kind in (FlowKind.LOGIN, FlowKind.REGISTRATION):
        return settings.enabled and settings.passwordless_enabled
    if method in ("code", "link"):
        return settings.enabled and configuration.flow(kind).use == method
    return settings.enabled


class Method(Protocol):
    """An authentication method."""

    name: str
    flows: frozenset[FlowKind]
    """The flows it belongs to."""

    async def submit(self, submission: Submission) -> Verdict:
        """Judges a submission."""
