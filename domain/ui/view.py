"""What a form is drawn from: the flow as far as a client may see it, and what decides which fields it has."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from limen.domain.configuration import FlowKind, MethodSettings
from limen.domain.identity_schema import IdentitySchema
from limen.domain.message import Message

_OFF = MethodSettings()
_PASSED = frozenset({"finishing", "completed"})


@dataclass(frozen=True, slots=True)
class FormView:
    """One flow at one moment.

    `state` is limen's own (design.md §4), `active` the method that is under way. `methods` and `schema` come from the
    configuration the flow is pinned to. `traits` are the signed-in identity's (settings); `values` what was typed and
    is kept: `identifier`, `email`, and `traits`, which replaces the identity's as a whole. A password is never kept,
    and one in `values` is not shown. `address` is where a code went, None before. `return_url` is where verification
    goes on to. `recovered_until` stands in the settings that a recovery opened, until something else is said. `style`
    is the flow's, `use` the method of recovery and verification, and `screen` where a form in steps stands
    (`limen.domain.screen`). `held` are the second factors the person has; `addresses` where a code that is one may go;
    `shown` their secrets by method, where they are to be shown; `owned` the credentials they may sign in by, None where
    nobody is known yet. `linked` are the ids of the OpenID providers they can sign in with; `unlinkable`: they have
    another way in than those.
    """

    kind: FlowKind
    flow_id: UUID
    state: str
    type: Literal["api", "browser"] | str = "api"
    active: str | None = None
    methods: Mapping[str, MethodSettings] = field(default_factory=dict)
    schema: Mapping[str, Any] | IdentitySchema = field(default_factory=dict)
    traits: Mapping[str, Any] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    messages: Sequence[Message] = ()
    csrf_token: str = ""
    refresh: bool = False
    requested_aal: str = "aal1"
    address: str | None = None
    base_url: str = "http://127.0.0.1:4433/"
    return_url: str | None = None
    recovered_until: datetime | None = None
    style: str = "unified"
    screen: str | None = None
    use: str = "code"
    held: Collection[str] = ()
    addresses: Sequence[str] = field(default=(), repr=False)
    shown: Mapping[str, Any] = field(default_factory=dict, repr=False)
    owned: Collection[str] | None = None
    linked: Collection[str] = ()
    unlinkable: bool = False

    @property
    def browser(self) -> bool:
        """Whether it is a browser's flow, whose forms carry a CSRF token."""
        return self.type == "browser"

    @property
    def code_sent(self) -> bool:
        """Whether the form asks for a code: one is on its way, or was, while the verdict is worked on."""
        return self.state == "sent_email" or (
            self.active == "code"
            and self.address is not None
            and (self.state == "authenticating" or self.state in _PASSED)
        )

    @property
    def passed(self) -> bool:
        """Whether the submission was accepted (Kratos: `passed_challenge`, in settings `success`)."""
        return self.state in _PASSED

    def method(self, name: str) -> MethodSettings:
        """The settings of a method; absent means off."""
        return self.methods.get(name, _OFF)

    @property
    def by_password(self) -> bool:
        """Whether passwords are on."""
        return self.method("password").enabled

    @property
    def by_code(self) -> bool:
        """Whether one may sign in and up by a code alone."""
        code = self.method("code")
        return code.enabled and code.passwordless_enabled

    @property
    def by_passkey(self) -> bool:
        """Whether one may sign in and up by a passkey."""
        return self.method("passkey").enabled

    @property
    def by_key(self) -> bool:
        """Whether one may sign in and up by a security key alone: in a browser, where `webauthn` is passwordless."""
        webauthn = self.method("webauthn")
        return self.browser and webauthn.enabled and bool(webauthn.config.get("passwordless"))

    def has(self, method: str) -> bool:
        """Whether the person may have such a credential: whoever confirms that it is them is offered no other."""
        return self.owned is None or not self.refresh or method in self.owned

    def trait(self, name: str) -> Any:
        """The plain value to show in the field of a trait (`traits.name.first`); None where there is none."""
        typed = self.values.get("traits")
        value: Any = self.traits if typed is None else typed
        for part in name.split(".")[1:]:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value if isinstance(value, str | int | float) else None
