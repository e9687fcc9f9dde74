"""What a configuration says, read and checked: the model the engine works with.

The files themselves (a Kratos configuration and limen's own `limen.yml`) are read by `limen.adapters.configuration`,
which resolves every URI in them; what arrives here is complete and needs no I/O.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal

from limen.domain.action import Action, ActionSettings, Retry

SESSION_COOKIE = "ory_kratos_session"
"""The name of the session's cookie, unless `session.cookie.name` gives another (Kratos' default)."""


class FlowKind(StrEnum):
    """The five self-service flows."""

    LOGIN = "login"
    REGISTRATION = "registration"
    RECOVERY = "recovery"
    VERIFICATION = "verification"
    SETTINGS = "settings"


Phase = Literal["before", "after", "failed", "logout"]
"""The two sides of a flow; `failed` and `logout` are the triggers of `limen.yml`: a failed login, and a logout."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where actions stand: a flow, a phase and, after some flows, a method (None is the default list).

    A logout belongs to no flow: `flow` is None there.
    """

    flow: FlowKind | None
    phase: Phase
    method: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.flow, self.phase, self.method) if part)


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """One flow's part of the file. An absent flow has its defaults: enabled as in Kratos, no actions, one hour."""

    enabled: bool = True
    lifespan: timedelta = timedelta(hours=1)
    ui_url: str | None = None
    before: tuple[Action, ...] = ()
    after: tuple[Action, ...] = ()
    after_methods: Mapping[str, tuple[Action, ...]] = field(default_factory=dict)
    return_url: str | None = None
    """`after.default_browser_return_url`; methods' own are in `return_urls`."""
    return_urls: Mapping[str, str] = field(default_factory=dict)
    use: str = "code"
    """Recovery and verification: which method the flow offers (`use`, `code` or `link`)."""
    notify_unknown_recipients: bool = False
    privileged_session_max_age: timedelta = timedelta(hours=1)
    required_aal: str = "aal1"
    style: str = "unified"
    """Login: `unified` or `identifier_first`; registration: `unified` or `profile_first`."""


@dataclass(frozen=True, slots=True)
class MethodSettings:
    """`selfservice.methods.<name>`: whether it is on, and its `config` (its `lifespan` as a timedelta)."""

    enabled: bool = False
    passwordless_enabled: bool = False
    mfa_enabled: bool = False
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)


_OFF = MethodSettings()


@dataclass(frozen=True, slots=True)
class HttpGuard:
    """Where web hooks may go (`clients.http`) and what they are told (`clients.web_hook`)."""

    disallow_private_ip_ranges: bool = False
    private_ip_exception_urls: tuple[str, ...] = ()
    header_allowlist: tuple[str, ...] | None = None
    """Canonical header names; None is the default list of actions.md."""


@dataclass(frozen=True, slots=True)
class HasherSettings:
    """`hashers`. `memory` in KiB, `cost` is bcrypt's."""

    algorithm: Literal["argon2", "bcrypt"] = "argon2"
    memory: int = 131072
    iterations: int = 1
    parallelism: int = 2
    salt_length: int = 16
    key_length: int = 32
    cost: int = 12


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """`courier.smtp`: where messages go. None keeps them in memory."""

    connection_uri: str | None = field(default=None, repr=False)
    from_address: str = "noreply@localhost"
    from_name: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    local_name: str = "localhost"


@dataclass(frozen=True, slots=True)
class KeySecrets:
    """`secrets`: the first of each signs or seals, all of them verify or open."""

    default: tuple[str, ...] = field(default=(), repr=False)
    cookie: tuple[str, ...] = field(default=(), repr=False)
    cipher: tuple[str, ...] = field(default=(), repr=False)

    @property
    def master(self) -> tuple[str, ...]:
        """What wraps the vault's keys: `cipher`, else `default`."""
        return self.cipher or self.default


@dataclass(frozen=True, slots=True)
class BusSettings:
    """`bus` of `limen.yml`: where events are published, and where hooks over the bus ask.

    `topic` names the stream, exchange, key or topic. `name` tells relays to several destinations apart. `types` and
    `flows` are filters; empty lets everything through. `personal_data`: whether sealed fields are sent in clear.
    """

    url: str = field(repr=False)
    topic: str = "limen"
    name: str | None = None
    personal_data: bool = False
    format: Literal["cloudevents", "ory"] = "cloudevents"
    types: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    source: str = "/limen"
    """The CloudEvents `source`; where Ory's format is spoken, its `projectId` is `project`."""
    project: str = "limen"
    publish: bool = True
    """Whether an engine publishes there while it is open; else the bus is there for hooks, and for `limen relay`."""


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """`ledger` of `limen.yml`: when an engine's process seals and signs, and with which key.

    After `events` events, at most once a second, and `interval` seconds after something happened. `key` is a PEM file
    with an Ed25519 private key, None for one in the vault; `origin` is what the log is called in its checkpoints.
    """

    seal: bool = True
    events: int = 1000
    interval: float = 60.0
    key: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class LockoutSettings:
    """`lockout` of `limen.yml`: after `threshold` failed logins within `window` none is tried for `duration`."""

    threshold: int = 10
    window: timedelta = timedelta(minutes=15)
    duration: timedelta = timedelta(minutes=15)


_PATIENT = Retry(attempts=8, initial=5.0, maximum=3600.0)


@dataclass(frozen=True, slots=True)
class Settings:
    """limen's own file, `limen.yml`, with `LIMEN_*` over it."""

    store: str | None = None
    bus: BusSettings | None = None
    actions: Mapping[str, ActionSettings] = field(default_factory=dict)
    payload_retention: timedelta = timedelta(days=30)
    contexts: Literal["asked", "all"] = "asked"
    """Whose contexts are kept as long as payloads: of actions that ask or are delivered, or of every turn of a flow."""
    worker_interval: float = 1.0
    worker_retry: Retry = _PATIENT
    template_workers: int = 2
    ledger: LedgerSettings = LedgerSettings()
    lockout: LockoutSettings | None = None
    """None is off. It decides, so it is part of the configuration's `document`."""
    login_after_oidc_registration: bool = False
    """Whether who registers through a provider goes through a login too, with its actions (Kratos: never)."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole configuration, accepted.

    `document` is what decides, in canonical form: every URI resolved, secrets masked by `***` (their values are in
    `secret_document`, for the vault). `ignored` are the pointers of what the file says and limen does not act on yet.
    """

    flows: Mapping[FlowKind, FlowSettings]
    methods: Mapping[str, MethodSettings]
    schemas: Mapping[str, Mapping[str, Any]]
    default_schema: str
    selectable_schemas: frozenset[str] = frozenset()
    """`selfservice_selectable`: those that the start of a flow may name. The default one may always be named."""
    base_url: str = "http://127.0.0.1:4433/"
    default_return_url: str | None = None
    allowed_return_urls: tuple[str, ...] = ()
    session_lifespan: timedelta = timedelta(hours=24)
    whoami_required_aal: str = "aal1"
    mitigates_enumeration: bool | None = None
    """`security.account_enumeration.mitigate`; None where the file does not say."""
    session_cookie: str = SESSION_COOKIE
    """`session.cookie.name`: under which name browsers hold the session."""
    secrets: KeySecrets = KeySecrets()
    guard: HttpGuard = HttpGuard()
    hasher: HasherSettings = HasherSettings()
    courier: CourierSettings = CourierSettings()
    settings: Settings = Settings()
    hooks: Mapping[Slot, tuple[Action, ...]] = field(default_factory=dict)
    """`hooks` of `limen.yml`: the actions over the bus. They decide, so they are part of `document`."""
    triggers: Mapping[Slot, tuple[Action, ...]] = field(default_factory=dict)
    """`triggers` of `limen.yml`: what is told of failed logins and of logouts. Part of `document` too."""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secret_document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def hides_accounts(self) -> bool:
        """Whether a login answers unknown identifiers like known ones: where it is asked to, and where it asks for the
        identifier first, unless told outright not to (better than Kratos, which does not by default)."""
        if self.mitigates_enumeration is not None:
            return self.mitigates_enumeration
        return self.flows[FlowKind.LOGIN].style == "identifier_first"

    def flow(self, kind: FlowKind) -> FlowSettings:
        """The settings of one flow."""
        return self.flows[kind]

    def method(self, name: str) -> MethodSettings:
        """The settings of one method; absent means off."""
        return self.methods.get(name, _OFF)
