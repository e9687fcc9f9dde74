"""Code as a second factor: which addresses it may go to.

It has no credential of its own. Whoever has an address that signs in by code has it, where the configuration says
`selfservice.methods.code.mfa_enabled` (Kratos).
"""

from limen.domain.profile import Profile
from limen.domain.rules import Rules

VIA = "email"
"""The only way a code can be sent yet."""


def code_addresses(rules: Rules, profile: Profile) -> tuple[str, ...]:
    """The addresses a second factor's code may go to, in Kratos' order; none where that is switched off."""
    code, schema = rules.configuration.method("code"), rules.schemas.get(profile.schema_id)
    if not (code.enabled and code.mfa_enabled) or schema is None:
        return ()
    return tuple(value for value, via in schema.identifiers(profile.traits).get("code", ()) if via == VIA)
