"""Address change: whether a recorded change of profile would have waited for its new address, or been refused."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from limen.domain.identity_schemas import IdentitySchemas
from limen.domain.new_addresses import new_addresses, unverifiable
from limen.domain.profile import Address, Profile

_NOBODY = UUID(int=0)
_NEVER = datetime.min.replace(tzinfo=UTC)


def held(schemas: IdentitySchemas, ctx: Mapping[str, Any], *, remade: bool) -> bool | None:
    """Whether these schemas let `verify_new_address` stop a change that its context shows; None where nobody knows.

    `remade`: the schemas are others than the recorded ones, so that the addresses are what these make of the traits.
    """
    was, is_ = ctx["previous_identity"], ctx["identity"]
    if was["schema_id"] not in schemas or is_["schema_id"] not in schemas:
        return None
    before, after = (Profile(one["schema_id"], one["traits"], verifiable=_listed(one)) for one in (was, is_))
    if is_["state"] != "active":
        return False
    if remade:
        after = _remade(schemas, after)
    return bool(unverifiable(schemas, before, after) or new_addresses(schemas, before, after))


def _listed(identity: Mapping[str, Any]) -> tuple[Address, ...]:
    listed = identity.get("verifiable_addresses") or ()
    return tuple(_address(one["value"], one["via"], verified=one["verified"]) for one in listed)


def _remade(schemas: IdentitySchemas, profile: Profile) -> Profile:
    verified = {(one.via, one.value) for one in profile.verifiable if one.verified}
    wanted = schemas[profile.schema_id].verifiable(profile.traits)
    addresses = tuple(_address(value, via, verified=(via, value) in verified) for value, via in wanted)
    return Profile(profile.schema_id, profile.traits, verifiable=addresses)


def _address(value: str, via: str, *, verified: bool) -> Address:
    return Address(_NOBODY, value, via, _NEVER, _NEVER, verified=verified)
