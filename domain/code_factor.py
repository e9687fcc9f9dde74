"""Code as a second factor: which addresses it may go to.

It has no credential of its own. Whoever has an address that signs in by code has it, where the configuration says
`selfservice.methods.code.mfa_enabled` (Kratos). A login that is asked for with `via` offers one of them alone.
"""

from collections.abc import Mapping
from typing import Any

from limen.domain.errors import RequestRefused
from limen.domain.identifier import normalize
from limen.domain.profile import Profile
from limen.domain.request import Request
from limen.domain.rules import Rules

VIA = "email"
"""The only way a code can be sent yet."""


def code_addresses(rules: Rules, profile: Profile) -> tuple[str, ...]:
    """The addresses a second factor's code may go to, in Kratos' order; none where that is switched off."""
    code, schema = rules.configuration.method("code"), rules.schemas.get(profile.schema_id)
    if not (code.enabled and code.mfa_enabled) or schema is None:
        return ()
    return tuple(value for value, via in schema.identifiers(profile.traits).get("code", ()) if via == VIA)


def offered_addresses(rules: Rules, profile: Profile, asked: str) -> tuple[str, ...]:
    """The addresses that a login offers which was asked for at this URL: the one of the trait that `via` names, or all.

    All, too, where that one has been given up meanwhile.
    """
    addresses = code_addresses(rules, profile)
    via = _via(asked) if addresses else None
    wanted = _trait(profile.traits, via) if via else ""
    return (wanted,) if wanted in addresses else addresses


def check_via(rules: Rules, profile: Profile, asked: str) -> None:
    """Raises `RequestRefused` (`code_address_unknown`; Kratos answers 400 without an id) where `via` names no address.

    It is the name of a trait: `email`, `contact.work`.
    """
    via = _via(asked) if rules.configuration.method("code").mfa_enabled else None
    if not via:
        return
    addresses, wanted = code_addresses(rules, profile), _trait(profile.traits, via)
    if not wanted or (addresses and wanted not in addresses):
        raise RequestRefused("code_address_unknown", "'via' names no trait with an address that a code can be sent to")


def _via(asked: str) -> str | None:
    return Request(url=asked).query.get("via") if "via=" in asked else None


def _trait(traits: Any, name: str) -> str:
    """The value of a trait by its name, as an address is compared; empty where there is none."""
    for part in name.split("."):
        traits = traits.get(part) if isinstance(traits, Mapping) else None
    return normalize(traits) if isinstance(traits, str) else ""
