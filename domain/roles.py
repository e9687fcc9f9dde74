"""Roles: what each identifier and address of a person is for."""

from collections.abc import Mapping
from typing import Any, Final

from limen.domain.identifier import normalize
from limen.domain.identity_schema import IdentitySchema

VERIFIABLE: Final = "verification"
RECOVERY: Final = "recovery"
CODE: Final = "code"
"""What an address may be for: to be verified, to recover the account, to sign in by a code that is sent there.

The other roles are the other methods that an identifier signs in by.
"""

Role = tuple[str, str]
"""(role, normalized value)."""


def roles(schema: IdentitySchema, traits: Mapping[str, Any]) -> frozenset[Role]:
    """The roles of everything in these traits, as the schema says."""
    found = {
        (method, normalize(one[0] if method == CODE else one))
        for method, listed in schema.identifiers(traits).items()
        for one in listed
    }
    found |= {(VERIFIABLE, normalize(value)) for value, _ in schema.verifiable(traits)}
    return frozenset(found | {(RECOVERY, normalize(value)) for value, _ in schema.recovery(traits)})
