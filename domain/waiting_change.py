"""Waiting change: a change of profile whose new address has to be verified first (`verify_new_address`).

It stands in the vault, sealed under the identity's key, for as long as the flow lasts that verifies the address. The
identity says which flow that is, so that one change waits at a time. Nothing of it is in force: the address is not
reserved, and the profile stays as it was until the address is verified.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.ports import Keyring, Store, VaultKey, VaultRow
from limen.domain.profile import Address, Profile, upon

KIND = "change"
OWN_PARTS: Final = ("state", "metadata_public", "metadata_admin", "external_id", "organization_id")
"""The parts of a profile that others may change meanwhile, where the waiting change leaves them as they were."""


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """What waits. `verification` is the flow that verifies `address`, `settings` the one in which it was asked for.

    `before` is the profile that was changed into `profile`; `session` the one that asked. `transient_payload` is what
    the client sent along for the actions.
    """

    verification: UUID
    settings: UUID
    session: UUID
    via: str
    address: str = field(repr=False)
    before: Profile = field(repr=False)
    profile: Profile = field(repr=False)
    transient_payload: Any = field(default=None, repr=False)

    def row(self, keyring: Keyring, identity: UUID, expires_at: datetime) -> VaultRow:
        """The vault row that keeps it."""
        record = {
            "settings": str(self.settings),
            "session": str(self.session),
            "via": self.via,
            "address": self.address,
            "before": self.before.record(),
            "profile": self.profile.record(),
            "transient_payload": self.transient_payload,
        }
        value = keyring.encrypt(identity, json.dumps(record).encode())
        return VaultRow(self.verification, KIND, "", value, subject=identity, expires_at=expires_at)

    def outdated(self, now: Profile) -> bool:
        """Whether the identity changed meanwhile so that this would undo something of it."""
        before = self.before
        if (before.traits, before.schema_id) != (now.traits, now.schema_id):
            return True
        if named(before.verifiable) != named(now.verifiable) or named(before.recovery) != named(now.recovery):
            return True
        moved = [part for part in OWN_PARTS if getattr(before, part) != getattr(now, part)]
        return any(getattr(self.profile, part) != getattr(before, part) for part in moved)

    def upon(self, now: Profile) -> Profile:
        """The profile it makes of what is there now. Parts that it does not change, and kept addresses, stay."""
        mine, before = self.profile, self.before
        kept = {part: getattr(now, part) for part in OWN_PARTS if getattr(mine, part) == getattr(before, part)}
        return replace(
            mine,
            state_changed_at=mine.state_changed_at if "state" not in kept else now.state_changed_at,
            verifiable=tuple(map(self._sent, upon(mine.verifiable, before.verifiable, now.verifiable))),
            recovery=upon(mine.recovery, before.recovery, now.recovery),
            **kept,
        )

    def _sent(self, address: Address) -> Address:
        mine = (address.via, address.value) == (self.via, self.address)
        return replace(address, status="sent") if mine else address


def change_key(verification: UUID) -> VaultKey:
    """Where a waiting change stands."""
    return VaultKey(verification, KIND)


async def waiting_change(store: Store, keyring: Keyring, flow: Flow, identity: Identity | None) -> WaitingChange | None:
    """The change that waits for this verification; None where none does, or a later one took its place."""
    if identity is None or identity.awaited != flow.id:
        return None
    row = await store.vault(flow.id, KIND)
    if row is None:
        return None
    record: Mapping[str, Any] = json.loads(keyring.decrypt(identity.id, row.value))
    return WaitingChange(
        verification=flow.id,
        settings=UUID(record["settings"]),
        session=UUID(record["session"]),
        via=record["via"],
        address=record["address"],
        before=Profile.of(record["before"]),
        profile=Profile.of(record["profile"]),
        transient_payload=record["transient_payload"],
    )


def named(addresses: Iterable[Address]) -> frozenset[tuple[str, str]]:
    """Which addresses they are, whatever became of them."""
    return frozenset((one.via, one.value) for one in addresses)
