"""Reservation: an identifier (an address, a user name) belongs to one identity at a time.

The stream's id is a keyed hash of the normalized identifier (`Keyring.derive`), so uniqueness needs no index: two
registrations of the same identifier append the same version of the same stream, and only one of them can.
"""

from typing import ClassVar
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.event import DomainEvent


class ReservationEvent(DomainEvent):
    """Base of the events of a reservation's stream."""

    stream: ClassVar[str] = "reservation"


class IdentifierReserved(ReservationEvent):
    """The identifier belongs to this identity from now on."""

    identity_id: UUID


class IdentifierReleased(ReservationEvent):
    """The identity gave the identifier up, or was erased: it is free."""

    identity_id: UUID


class Reservation(Aggregate):
    """Who holds the identifier, if anybody."""

    stream: ClassVar[str] = "reservation"

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.holder: UUID | None = None

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says."""
        match event:
            case IdentifierReserved():
                self.holder = event.identity_id
            case IdentifierReleased():
                self.holder = None
            case _:
                pass
