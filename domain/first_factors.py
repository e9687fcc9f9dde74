"""First factors: the ways somebody can sign in by alone.

Each takes its credential, and what it is found by: a password or a passwordless `webauthn` key without an identifier
signs nobody in, nor does `code` without an address.
"""

from collections.abc import Collection

from limen.domain.configuration import Configuration
from limen.domain.identity import Identity
from limen.domain.identity_schema import IdentitySchema
from limen.domain.key_mode import signs_in
from limen.domain.profile import Profile

FIRST_FACTORS = ("password", "oidc", "passkey")
"""The methods whose credential signs in by itself; `webauthn` does where it is passwordless, `code` by an address."""


def linked_providers(identity: Identity | None) -> tuple[str, ...]:
    """The ids of the OpenID providers somebody can sign in with."""
    return tuple(one.name for one in identity.held.get("oidc", ())) if identity is not None else ()


def first_factors(
    configuration: Configuration,
    identity: Identity,
    profile: Profile,
    schema: IdentitySchema,
    without: Collection[str] = (),
) -> tuple[str, ...]:
    """The methods somebody can sign in by, `without` credentials that are about to go."""
    held = [name for name in identity.credentials if name not in without]
    named = schema.identifiers(profile.traits)
    ways = [name for name in FIRST_FACTORS if name in held and configuration.method(name).enabled]
    if "password" in ways and not named.get("password"):
        ways.remove("password")
    if "oidc" in ways and not _configured(configuration).intersection(linked_providers(identity)):
        ways.remove("oidc")  # a provider that is gone signs nobody in
    webauthn, code = configuration.method("webauthn"), configuration.method("code")
    alone = webauthn.enabled and webauthn.config.get("passwordless")
    if "webauthn" in held and alone and signs_in(identity, "webauthn") and named.get("webauthn"):
        ways.append("webauthn")
    reached = named.get("code") or (code_falls_back(configuration) and schema.verifiable(profile.traits))
    if code.enabled and code.passwordless_enabled and reached:
        ways.append("code")
    return tuple(ways)


def code_falls_back(configuration: Configuration) -> bool:
    """Whether a code signs in by any address to be verified (Kratos: `missing_credential_fallback_enabled`)."""
    return configuration.method("code").config.get("missing_credential_fallback_enabled") is True


def _configured(configuration: Configuration) -> set[str]:
    return {one["id"] for one in configuration.method("oidc").config.get("providers", ())}
