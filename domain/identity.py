"""Identity: a person's traits, credentials, addresses and sessions.

Traits, metadata and addresses stand sealed in the events, under the identity's own key; credentials' secrets stand in
the vault only. The profile (traits and all that goes with them) is always recorded whole: the last one holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from limen.domain.aggregate import Aggregate
from limen.domain.event import DomainEvent
from limen.domain.profile import Profile
from limen.domain.sealed import Sealed

PRUNE_FROM = 32
"""Below this number sessions are not even looked at for being over."""


class IdentityEvent(DomainEvent):
    """Base of the events of an identity's stream."""

    stream: ClassVar[str] = "identity"


class IdentityRegistered(IdentityEvent):
    """A person registered. `profile` (sealed) is `Profile.record()`; `reservations` are the identifiers taken."""

    flow_id: UUID | None
    profile: Sealed
    reservations: tuple[UUID, ...] = ()
    credentials: tuple[str, ...] = ()


class TraitsChanged(IdentityEvent):
    """The profile was replaced: traits, metadata, state or addresses. `changed` names the parts that differ."""

    flow_id: UUID | None
    profile: Sealed
    changed: tuple[str, ...] = ()
    reservations: tuple[UUID, ...] = ()


class TraitsChangeHeld(IdentityEvent):
    """A change of the profile waits until its new address is verified by the flow `verification_id`.

    What was to be changed is in the vault. A change that waited before is given up. Where it comes true,
    `TraitsChanged` names that flow; where it comes to nothing, the flow says so (`MethodRefused`, `FlowExpired`).
    """

    flow_id: UUID
    verification_id: UUID


class Held(BaseModel):
    """What a credential holds that nobody else may have: an account at the provider `name`, by its reservation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    reservation: UUID


class CredentialChanged(IdentityEvent):
    """A credential of this type was set or replaced; its secret is in the vault. `held` is all it holds from now on."""

    class_version: ClassVar[int] = 2

    flow_id: UUID | None
    type: str
    held: tuple[Held, ...] = ()

    upcast_v1_v2: ClassVar = staticmethod(lambda state: state.update({"held": []}))


class CredentialRemoved(IdentityEvent):
    """A credential of this type was removed; its secret is gone from the vault."""

    flow_id: UUID | None
    type: str


class CredentialUsed(IdentityEvent):
    """A code of this type was right and is spent: the vault says so in the same transaction.

    Of `code`, as a second factor: the flow's code is gone from the vault.
    """

    flow_id: UUID | None
    type: str


class CredentialMissed(IdentityEvent):
    """A wrong code of this type was given. They are counted until a right one comes."""

    flow_id: UUID | None
    type: str


class CredentialUnlocked(IdentityEvent):
    """An operator lets a second factor count again: the wrong codes of this type before it are forgotten."""

    type: str


CredentialEvent = CredentialChanged | CredentialRemoved | CredentialUsed | CredentialMissed | CredentialUnlocked


class AddressVerified(IdentityEvent):
    """The person showed that an address is theirs."""

    flow_id: UUID | None
    address_id: UUID


class SessionOpened(IdentityEvent):
    """A session of this identity began; here it is found again."""

    flow_id: UUID | None
    session_id: UUID
    expires_at: datetime


class SessionsClosed(IdentityEvent):
    """These sessions of this identity ended."""

    session_ids: tuple[UUID, ...]


class IdentityErased(IdentityEvent):
    """The person's key and vault rows were deleted."""


@dataclass(frozen=True, slots=True)
class Misses:
    """Wrong codes in a row, and when the last one came."""

    count: int
    last: datetime


class Identity(Aggregate):
    """The state of an identity, folded from its events. The profile stays sealed here."""

    stream: ClassVar[str] = "identity"

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.profile: Sealed
        self.created_at: datetime
        self.updated_at: datetime
        self.reservations: tuple[UUID, ...] = ()
        self.credentials: tuple[str, ...] = ()
        self.held: Mapping[str, tuple[Held, ...]] = {}
        """What credentials hold that nobody else may have, by type."""
        self.replaced: Mapping[str, int] = {}
        """The version at which a credential was replaced or removed last, by type."""
        self.spent: Mapping[str, int] = {}
        """The version at which a code was spent last, by type."""
        self.failed: Mapping[str, Misses] = {}
        """Wrong codes since the last right one, by type."""
        self.verified: Mapping[UUID, datetime] = {}
        self.awaited: UUID | None = None
        """The verification that a change of the profile waits for."""
        self.sessions: tuple[tuple[UUID, datetime], ...] = ()
        self._prune_at = PRUNE_FROM
        self.past_reservations: frozenset[UUID] = frozenset()
        self.erased = False

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says."""
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def _registered(self, event: IdentityRegistered) -> None:
        self.profile, self.reservations = event.profile, event.reservations
        self.credentials = event.credentials
        self.created_at = self.updated_at = event.timestamp
        self.past_reservations = frozenset(event.reservations)

    def _changed(self, event: TraitsChanged) -> None:
        self.profile, self.reservations = event.profile, event.reservations
        self.past_reservations = self.past_reservations.union(event.reservations)
        self.verified = {}
        self.updated_at = event.timestamp
        if self.awaited is not None and event.flow_id == self.awaited:
            self.awaited = None

    def _waits(self, event: TraitsChangeHeld) -> None:
        self.awaited = event.verification_id

    def _verified(self, event: AddressVerified) -> None:
        self.verified = {**self.verified, event.address_id: event.timestamp}

    def _opened(self, event: SessionOpened) -> None:
        self.sessions += ((event.session_id, event.expires_at),)
        if len(self.sessions) >= self._prune_at:
            self._prune(event.timestamp)

    def _closed(self, event: SessionsClosed) -> None:
        ended = frozenset(event.session_ids)
        self.sessions = tuple(pair for pair in self.sessions if pair[0] not in ended)

    def _erased(self, _: IdentityErased) -> None:
        self.erased, self.sessions = True, ()

    def _credential(self, event: CredentialEvent) -> None:
        type_ = event.type
        match event:
            case CredentialMissed():
                before = self.failed.get(type_)
                self.failed = {**self.failed, type_: Misses(before.count + 1 if before else 1, event.timestamp)}
                return
            case CredentialUsed():
                self.spent = {**self.spent, type_: event.originator_version}
            case CredentialUnlocked():
                pass
            case _:
                changed = isinstance(event, CredentialChanged)
                kept = [one for one in self.credentials if changed or one != type_]
                self.credentials = tuple(dict.fromkeys([*kept, type_] if changed else kept))
                self._hold(type_, event.held if isinstance(event, CredentialChanged) else ())
                self.replaced = {**self.replaced, type_: event.originator_version}
                self.updated_at = event.timestamp
        self.failed = {name: misses for name, misses in self.failed.items() if name != type_}

    def _hold(self, type_: str, held: tuple[Held, ...]) -> None:
        self.held = {**self.held, type_: held}
        self.past_reservations |= {one.reservation for one in held}

    def _prune(self, now: datetime) -> None:
        """Forgets sessions whose time is over, rarely enough to cost next to nothing a session."""
        self.sessions = tuple(pair for pair in self.sessions if pair[1] > now)
        self._prune_at = max(PRUNE_FROM, 2 * len(self.sessions))

    @property
    def every_reservation(self) -> tuple[UUID, ...]:
        """All that is theirs alone: the identifiers of the profile, and what credentials hold."""
        return (*self.reservations, *(one.reservation for held in self.held.values() for one in held))

    def live_sessions(self, now: datetime) -> tuple[UUID, ...]:
        """The sessions whose time is not over; whether they were ended before it, their own streams say."""
        return tuple(dict.fromkeys(session for session, until in self.sessions if until > now))

    def confirm(self, profile: Profile) -> Profile:
        """The opened profile, with the addresses that were verified since it was recorded."""
        if not self.verified:
            return profile
        return replace(
            profile,
            verifiable=tuple(
                address.confirmed(self.verified[address.id]) if address.id in self.verified else address
                for address in profile.verifiable
            ),
        )


_FOLDS: Mapping[type[DomainEvent], Any] = {
    IdentityRegistered: Identity._registered,
    TraitsChanged: Identity._changed,
    TraitsChangeHeld: Identity._waits,
    CredentialChanged: Identity._credential,
    CredentialRemoved: Identity._credential,
    CredentialUsed: Identity._credential,
    CredentialMissed: Identity._credential,
    CredentialUnlocked: Identity._credential,
    AddressVerified: Identity._verified,
    SessionOpened: Identity._opened,
    SessionsClosed: Identity._closed,
    IdentityErased: Identity._erased,
}
"""By type: a replay comes by here for every event there is."""
