"""Modification: what an action's answer replaces in an identity before it is stored.

Each part is replaced whole. Which addresses there are, the traits say; which of them are verified, a list of verifiable
addresses does: those that it gives as verified, and no other (as in Kratos).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from limen.domain.identifier import normalize
from limen.domain.message import Message
from limen.domain.people import People
from limen.domain.profile import Address, Profile
from limen.domain.ui import messages


class Unfit(Exception):
    """The modified identity breaks its schema: answered to the user, on the fields."""

    def __init__(self, faults: tuple[Message, ...]) -> None:
        self.faults = faults
        super().__init__("the modified identity does not fit its schema")


def modify(people: People, profile: Profile, changes: Mapping[str, Any], now: datetime) -> Profile:
    """The profile after an action's changes. Raises `Unfit` when the result breaks the identity schema."""
    schema_id = changes.get("schema_id", profile.schema_id)
    if schema_id not in people.rules.schemas:
        raise Unfit((messages.generic(f"there is no identity schema '{schema_id}'"),))
    state = changes.get("state", profile.state)
    if state not in ("active", "inactive"):
        raise Unfit((messages.generic("an identity is 'active' or 'inactive'"),))
    changed = replace(
        profile,
        schema_id=schema_id,
        traits=changes.get("traits", profile.traits),
        state=state,
        state_changed_at=profile.state_changed_at if state == profile.state else now,
        metadata_public=changes.get("metadata_public", profile.metadata_public),
        metadata_admin=changes.get("metadata_admin", profile.metadata_admin),
        external_id=(changes["external_id"] or None) if "external_id" in changes else profile.external_id,
    )
    faults = people.faults(changed)
    if faults:
        raise Unfit(tuple(faults))
    return _given(people.addressed(changed, now), changes, now)


def _given(profile: Profile, changes: Mapping[str, Any], now: datetime) -> Profile:
    """Takes over what the answer says of the addresses that the traits call for."""
    if "verifiable_addresses" not in changes:
        return profile
    said = {(one.get("via", "email"), normalize(one["value"])): one for one in changes["verifiable_addresses"]}
    addresses = (_as_said(one, said.get((one.via, normalize(one.value)), {}), now) for one in profile.verifiable)
    return replace(profile, verifiable=tuple(addresses))


def _as_said(address: Address, said: Mapping[str, Any], now: datetime) -> Address:
    if said.get("verified"):
        return address if address.verified else address.confirmed(now)
    status = said.get("status") or ("pending" if address.verified else address.status)
    return replace(address, verified=False, status=status, verified_at=None)
