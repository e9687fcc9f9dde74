"""New addresses: what a change of profile brings that nobody has shown to be theirs (`verify_new_address`)."""

from limen.domain.identifier import normalize
from limen.domain.identity_schemas import IdentitySchemas
from limen.domain.profile import Address, Profile
from limen.domain.roles import CODE, RECOVERY, VERIFIABLE, Role, roles


def new_addresses(schemas: IdentitySchemas, before: Profile | None, after: Profile) -> list[Address]:
    """The verifiable addresses that a change brings and that nobody has shown to be theirs yet.

    One that was there is new too where it comes to sign in or to recover: nobody has shown it to be theirs either.
    """
    known = {(one.via, one.value) for one in before.verifiable} if before is not None else frozenset()
    gains = {value for role, value in _gained(schemas, before, after) if role != VERIFIABLE}
    return [
        one
        for one in after.verifiable
        if not one.verified and ((one.via, one.value) not in known or normalize(one.value) in gains)
    ]


def unverifiable(schemas: IdentitySchemas, before: Profile | None, after: Profile) -> list[str]:
    """What comes to recover the account, or to be sent codes that sign in, and is no address to verify.

    The schema says of such a trait `recovery` or `code` and not `verification`: no code could show whose it is. One
    that was verified while it was something else has been shown already. A name that a password goes with is no
    address: nothing is ever sent there.
    """
    shown = {normalize(one.value) for one in before.verifiable if one.verified} if before is not None else set[str]()
    shown |= {normalize(one.value) for one in after.verifiable}
    gains = {value for role, value in _gained(schemas, before, after) if role in (RECOVERY, CODE)}
    return sorted(gains - shown)


def _gained(schemas: IdentitySchemas, before: Profile | None, after: Profile) -> frozenset[Role]:
    """Both are read by the schemas of now: one that changed meanwhile brings nothing of itself."""
    had = roles(schemas[before.schema_id], before.traits) if before is not None else frozenset[Role]()
    return roles(schemas[after.schema_id], after.traits) - had
