"""Assurance: how many factors a session has shown, and how many it must have shown.

`aal1` is one factor, `aal2` two (NIST SP 800-63B §4). `highest_available` asks for as many as the person has, as in
Kratos: `selfservice.flows.settings.required_aal` and `session.whoami.required_aal`.
"""

from urllib.parse import urlencode
from uuid import UUID

from limen.domain.code_factor import code_addresses
from limen.domain.configuration import Configuration, FlowKind
from limen.domain.errors import RequestRefused
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.key_mode import second
from limen.domain.profile import Profile
from limen.domain.rules import Rules
from limen.domain.session import Session

HIGHEST = "highest_available"
SECOND_FACTORS = ("webauthn", "totp", "lookup_secret")
"""The methods whose credential is a second factor, in the order a form offers them.

`webauthn` is one unless it is passwordless. `code` is one too where `mfa_enabled` says so: it has no credential.
"""


def is_second_factor(configuration: Configuration, method: str) -> bool:
    """Whether the credential of a method is a second factor, and no first one."""
    return method in SECOND_FACTORS and not configuration.method(method).config.get("passwordless")


def second_factors(rules: Rules, identity: Identity, profile: Profile) -> tuple[str, ...]:
    """The second factors somebody has and the configuration switches on."""
    held, configuration = identity.credentials, rules.configuration
    ways = [
        name
        for name in SECOND_FACTORS
        if name in held and configuration.method(name).enabled and is_second_factor(configuration, name)
        if name != "webauthn" or second(identity, name)  # a key that signs in by itself stays one
    ]
    return tuple(["code", *ways] if code_addresses(rules, profile) else ways)


def asks_second_factor(flow: Flow) -> bool:
    """Whether a login asks for a second factor: whatever is given in it is one."""
    return flow.kind is FlowKind.LOGIN and flow.requested_aal != "aal1"


def demand(
    rules: Rules,
    required: str,
    session: Session,
    identity: Identity,
    profile: Profile,
    return_to: str | None = None,
) -> None:
    """Raises `RequestRefused` (`session_aal2_required`) where the session has shown less than is required.

    Its `redirect_browser_to` is where the second factor is asked for; `return_to` where that leads back to.
    """
    if required != HIGHEST or session.aal != "aal1" or not second_factors(rules, identity, profile):
        return
    raise RequestRefused(
        "session_aal2_required",
        "this needs the second factor; start a login with aal='aal2' first",
        redirect_browser_to=login_url(rules.configuration, aal="aal2", return_to=return_to),
    )


def login_url(configuration: Configuration, *, return_to: str | None, **asked: str) -> str:
    """Where a browser starts a login that asks for more."""
    query = asked | ({"return_to": return_to} if return_to else {})
    return f"{_base(configuration)}self-service/login/browser?{urlencode(query)}"


def settings_url(configuration: Configuration, flow_id: UUID) -> str:
    """Where a settings flow is submitted: what a browser comes back to once it has shown more."""
    return f"{_base(configuration)}self-service/settings?flow={flow_id}"


def _base(configuration: Configuration) -> str:
    base = configuration.base_url
    return base if base.endswith("/") else base + "/"
