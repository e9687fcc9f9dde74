"""People: finding identities, opening their profiles, and composing new ones from traits.

An identity is found through the reservation of its identifier, whose stream id is a keyed hash of it: never through a
projection that may lag.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from limen.domain.flow import Flow
from limen.domain.identifier import normalize
from limen.domain.identity import Identity
from limen.domain.message import Message
from limen.domain.ports import Ids, Keyring, VaultRow
from limen.domain.profile import Address, Profile
from limen.domain.reservation import Reservation
from limen.domain.roles import Role, roles
from limen.domain.rules import Rules
from limen.domain.sealed import Sealed
from limen.domain.streams import Streams

OPENED = 1024
"""How many opened profiles are at hand. Each stands beside what it was opened from, and holds for that alone."""

NOBODY = UUID(int=0)
"""Owns nothing."""


class People:
    """The identities of a store, as the rules of one configuration see them."""

    def __init__(self, streams: Streams, keyring: Keyring, ids: Ids, rules: Rules) -> None:
        self.streams = streams
        self.keyring = keyring
        self.ids = ids
        self.rules = rules
        self._opened: OrderedDict[UUID, tuple[Sealed, Profile]] = OrderedDict()
        self._missed: OrderedDict[UUID, None] = OrderedDict()
        at = datetime.min.replace(tzinfo=UTC)
        address = Address(NOBODY, "nobody@localhost", "email", at, at)
        profile = Profile("nobody", {"email": address.value}, verifiable=(address,), recovery=(address,))
        self._nobody = profile.record()

    # -- finding

    def reservation_id(self, identifier: str) -> UUID:
        """The stream that says who holds this (normalized) identifier."""
        return self.keyring.derive("identifier", identifier)

    async def holder(self, identifier: str, asked: Flow | None = None) -> Identity | None:
        """The identity that holds an identifier, written in any case.

        `asked` is the flow that wants to know; with it, finding none takes as long.
        """
        reservation = self.reservation_id(normalize(identifier))
        held = await self.streams.load(Reservation, reservation)
        if held.holder is None:
            if asked is not None:
                await self._miss(reservation, asked)
            return None
        return await self.identity(held.holder)

    async def _miss(self, reservation: UUID, asked: Flow) -> None:
        """Does, where nobody holds an identifier, what it takes to find a holder: who asks cannot time the difference.

        A holder's events are read and their profile opened once, then they are at hand. Here two events of the flow
        stand in for them, and a profile of nobody.
        """
        met = reservation in self._missed
        await self.streams.store.events(asked.id, asked.version - (0 if met else 2))
        if not met and self.keyring.ready(asked.id):
            Profile.of(self.keyring.unseal(self.keyring.seal(asked.id, self._nobody)))
        self._missed[reservation] = None
        self._missed.move_to_end(reservation)
        if len(self._missed) > OPENED:
            self._missed.popitem(last=False)

    def key_id(self, credential_id: str) -> UUID:
        """The stream that says whose a public key is, by its credential id (base64url)."""
        return self.keyring.derive("public-key", credential_id)

    async def key_reservation(self, credential_id: str) -> Reservation:
        """Whose a public key is; of version 0 where nobody ever had it."""
        return await self.streams.load(Reservation, self.key_id(credential_id))

    def account_id(self, provider: str, subject: str) -> UUID:
        """The stream that says whose an account at an OpenID provider is: `iss` and `sub` in one (OIDC Core §5.7)."""
        return self.keyring.derive("oidc", provider, subject)

    async def account_holder(self, provider: str, subject: str) -> Identity | None:
        """The identity that an account at a provider is linked to."""
        held = await self.streams.load(Reservation, self.account_id(provider, subject))
        return await self.identity(held.holder) if held.holder else None

    async def identity(self, id: UUID) -> Identity | None:
        """An identity by its id, with its key at hand; None when there is none or it was erased."""
        identity = await self.streams.load(Identity, id)
        if not identity.version or identity.erased or not await self.ready(id):
            return None
        return identity

    async def ready(self, owner: UUID) -> bool:
        """Makes the key of an owner available; False when it was erased."""
        return self.keyring.ready(owner) or await self.keyring.load(owner)

    def profile(self, identity: Identity) -> Profile:
        """The opened profile of an identity whose key is at hand."""
        sealed, known = self._opened.get(identity.id, (None, None))
        if known is None or sealed is not identity.profile or not self.keyring.ready(identity.id):
            known = Profile.of(self.keyring.unseal(identity.profile))
            self._opened[identity.id] = identity.profile, known
            if len(self._opened) > OPENED:
                self._opened.popitem(last=False)
        self._opened.move_to_end(identity.id)
        return identity.confirm(known)

    async def credential(self, identity: Identity | None, type: str) -> str | None:
        """The secret of a credential, from the vault. Nobody has none; finding that out takes the same read."""
        owner = identity.id if identity else NOBODY
        row = await self.streams.store.vault(owner, "credential", type)
        return self.keyring.decrypt(owner, row.value).decode() if row else None

    def credential_row(self, owner: UUID, type: str, secret: str) -> VaultRow:
        """The vault row that keeps a credential's secret."""
        return VaultRow(owner, "credential", type, self.keyring.encrypt(owner, secret.encode()))

    async def taken(self, profile: Profile, identity: Identity) -> UUID | None:
        """Who else holds an identifier of a profile that is to be this identity's; None where nobody does."""
        for id_ in self.reservations(profile):
            holder = (await self.streams.load(Reservation, id_)).holder
            if holder is not None and holder != identity.id:
                return holder
        return None

    # -- composing

    def faults(self, profile: Profile) -> list[Message]:
        """What the identity schema says against a profile."""
        return list(self.rules.validator.faults(profile.schema_id, profile.traits))

    def compose(
        self,
        traits: Mapping[str, Any],
        now: datetime,
        *,
        previous: Profile | None = None,
        schema_id: str | None = None,
        verified: Iterable[tuple[str, str]] = (),
    ) -> Profile:
        """A profile from traits: its addresses are what the schema makes of them, old ones keep what they were.

        Of a person that there is not yet, `schema_id` says by which schema (`Submission.schema_id`).
        """
        name = schema_id or (previous.schema_id if previous else None)
        if name is None:
            raise TypeError("a new person's profile takes a schema_id: that of the submission")
        base = previous or Profile(name, traits, state_changed_at=now)
        return self.addressed(replace(base, schema_id=name, traits=traits), now, verified)

    def addressed(self, profile: Profile, now: datetime, verified: Iterable[tuple[str, str]] = ()) -> Profile:
        """The profile with the addresses its traits call for."""
        schema = self.rules.schemas[profile.schema_id]
        traits = schema.with_defaults(profile.traits)
        shown = set(verified)
        known = {(one.via, one.value): one for one in profile.verifiable}
        verifiable = tuple(
            self._address(known.get((via, value)), value, via, now, confirmed=(via, value) in shown)
            for value, via in schema.verifiable(traits)
        )
        known = {(one.via, one.value): one for one in profile.recovery}
        recovery = tuple(
            self._address(known.get((via, value)), value, via, now) for value, via in schema.recovery(traits)
        )
        return replace(profile, traits=traits, verifiable=verifiable, recovery=recovery)

    def _address(
        self, known: Address | None, value: str, via: str, now: datetime, *, confirmed: bool = False
    ) -> Address:
        address = known or Address(self.ids.new(), value, via, now, now)
        return address.confirmed(now) if confirmed and not address.verified else address

    def identifiers(self, profile: Profile) -> tuple[str, ...]:
        """Everything that must be this person's alone: credential identifiers and addresses, normalized."""
        schema = self.rules.schemas[profile.schema_id]
        named = schema.identifiers(profile.traits)
        values = [*named.get("password", ()), *named.get("webauthn", ())]
        values += [value for value, _ in named.get("code", ())]
        values += [address.value for address in (*profile.verifiable, *profile.recovery)]
        return tuple(dict.fromkeys(map(normalize, values)))

    def roles(self, profile: Profile) -> frozenset[Role]:
        """What each identifier and address of a profile is for, as its schema says now.

        Read from the traits, not from the addresses kept, so that a schema that changed meanwhile makes no difference
        between two profiles.
        """
        return roles(self.rules.schemas[profile.schema_id], profile.traits)

    def touched(self, before: Profile, after: Profile) -> bool:
        """Whether identifiers, addresses or their `roles` may differ between two profiles: far quicker to say."""
        one = before.schema_id == after.schema_id
        return not one or self.rules.schemas[after.schema_id].touches(before.traits, after.traits)

    def identifier_of(self, profile: Profile, reservation: UUID) -> str | None:
        """The identifier of a profile that a reservation is of."""
        return next((one for one in self.identifiers(profile) if self.reservation_id(one) == reservation), None)

    def typed(self, values: Mapping[str, Any], schema_id: str) -> frozenset[UUID]:
        """The reservations of every identifier in a submission, whether anybody holds them or not."""
        named = [values.get(name) for name in ("identifier", "password_identifier", "email")]
        found = {normalize(value) for value in named if isinstance(value, str)}
        traits, schema = values.get("traits"), self.rules.schemas[schema_id]
        if isinstance(traits, Mapping):
            for method, listed in schema.identifiers(traits).items():
                found |= {normalize(one[0] if method == "code" else one) for one in listed}
            found |= {normalize(value) for value, _ in (*schema.verifiable(traits), *schema.recovery(traits))}
        return frozenset(self.reservation_id(identifier) for identifier in found if identifier)

    def challenged(self, challenge: Mapping[str, Any] | None) -> tuple[UUID, ...]:
        """The reservation of the address that the last code or link of a flow went to."""
        return (self.reservation_id(normalize(challenge["address"])),) if challenge else ()

    def reservations(self, profile: Profile) -> tuple[UUID, ...]:
        """The reservation streams of a profile: of its identifiers, and of its `external_id`, letter for letter."""
        named = [self.reservation_id(identifier) for identifier in self.identifiers(profile)]
        if profile.external_id:
            named.append(self.keyring.derive("external_id", profile.external_id))
        return tuple(named)
