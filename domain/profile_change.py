"""Profile change: what a completed flow writes of a person: the profile, the identifiers it holds, its credentials."""

from collections.abc import Sequence
from uuid import UUID

from limen.domain.credentials import record_credentials
from limen.domain.decision import Decision
from limen.domain.holding import hold
from limen.domain.identity import AddressVerified, IdentityRegistered, TraitsChanged
from limen.domain.people import People
from limen.domain.profile import Profile
from limen.domain.work import Work

PARTS = (
    *("traits", "schema_id", "state", "metadata_public", "metadata_admin", "external_id", "organization_id"),
    *("verifiable", "recovery"),
)
"""The parts of a profile, as a change names them."""


class ProfileChange:
    """Writes the people of one configuration."""

    def __init__(self, people: People) -> None:
        self.people = people

    async def record(self, work: Work, decision: Decision) -> None:
        """Registers the identity or changes its profile, with its credentials. Raises `Taken`."""
        identity, flow_id, at = decision.identity, work.flow.id, decision.at
        new = decision.registers
        if new:
            reservations = await self._reserve(work, decision, ())
            if decision.key is not None:
                work.step.put.append(decision.key)
            identity.record(
                IdentityRegistered,
                at,
                flow_id=flow_id,
                profile=self.people.keyring.seal(identity.id, decision.profile.record()),
                reservations=reservations,
                credentials=tuple(decision.credentials),
            )
        else:
            changed = _changed(decision.previous, decision.profile)
            if changed:
                identity.record(
                    TraitsChanged,
                    at,
                    flow_id=flow_id,
                    profile=self.people.keyring.seal(identity.id, decision.profile.record()),
                    changed=changed,
                    reservations=await self._reserve(work, decision, identity.reservations),
                )
        await record_credentials(work, self.people, decision, new=new)

    async def _reserve(self, work: Work, decision: Decision, held: Sequence[UUID]) -> tuple[UUID, ...]:
        """Takes what the new profile needs, gives back what it no longer does. Raises `Taken`."""
        wanted = self.people.reservations(decision.profile)
        await hold(work, self.people, decision, wanted, held)
        return wanted

    def verified(self, work: Work, decision: Decision) -> None:
        """Records addresses shown to be the person's, where the profile is not written anew anyway."""
        for address in decision.profile.verifiable:
            if (address.via, address.value) in decision.verified and not address.verified:
                decision.identity.record(AddressVerified, decision.at, flow_id=work.flow.id, address_id=address.id)
        if decision.verified and decision.identity.verified:
            decision.profile = decision.identity.confirm(decision.profile)


def _changed(before: Profile | None, after: Profile) -> tuple[str, ...]:
    """The parts of a profile that differ."""
    if before is None:
        return ()
    return tuple(part for part in PARTS if getattr(before, part) != getattr(after, part))
