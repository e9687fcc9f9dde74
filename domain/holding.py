"""Holding: taking what must be somebody's alone, and giving it back."""

from collections.abc import Sequence
from uuid import UUID

from limen.domain.decision import Decision
from limen.domain.people import People
from limen.domain.reservation import IdentifierReleased, IdentifierReserved, Reservation
from limen.domain.work import Work


class Taken(Exception):
    """An identifier, or an account at a provider, belongs to somebody else already: to `holder`."""

    def __init__(self, holder: UUID, reservation: UUID) -> None:
        self.holder = holder
        self.reservation = reservation
        super().__init__(holder)


async def hold(work: Work, people: People, decision: Decision, wanted: Sequence[UUID], held: Sequence[UUID]) -> None:
    """Takes what is wanted, gives back what is held and no longer wanted. Raises `Taken`."""
    for id_ in wanted:
        if id_ in held:
            continue  # it is theirs: giving it back would have been an event of this identity
        reservation = await people.streams.load(Reservation, id_)
        if reservation.holder is not None and reservation.holder != decision.identity.id:
            raise Taken(reservation.holder, id_)
        if reservation.holder is None:
            reservation.record(IdentifierReserved, decision.at, identity_id=decision.identity.id)
            work.add(reservation)
    for id_ in held:
        if id_ not in wanted:
            reservation = await people.streams.load(Reservation, id_)
            reservation.record(IdentifierReleased, decision.at, identity_id=decision.identity.id)
            work.add(reservation)
