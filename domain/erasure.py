"""Erasure: a person is taken out of the record without breaking it.

Their keys and vault rows go, with those of the flows that were theirs; what the events say of them stays sealed for
ever. Their identifiers become free, their sessions end. Run again after a crash, it finishes what is left.
"""

from uuid import UUID

from limen.domain.errors import RequestRefused, StoreConflict
from limen.domain.identity import Identity, IdentityErased
from limen.domain.mention import forget_mentioned
from limen.domain.ports import Step
from limen.domain.reservation import IdentifierReleased, Reservation
from limen.domain.session import Session, SessionRevoked
from limen.domain.streams import ATTEMPTS, Streams
from limen.domain.tools import Tools


async def erase(tools: Tools, streams: Streams, identity_id: UUID) -> int:
    """Erases an identity; returns the number of vault rows deleted. Raises `RequestRefused` when there is none."""
    async with streams.turn(identity_id):
        identity = await _erased(tools, streams, identity_id)
    subjects = [identity_id, *identity.past_reservations]
    deleted = await forget_mentioned(streams.store, identity.past_reservations)
    deleted += await streams.store.forget(subjects)
    tools.keyring.forget(identity_id)
    return deleted


async def _erased(tools: Tools, streams: Streams, identity_id: UUID) -> Identity:
    """The identity, after its erasure was recorded."""
    for _ in range(ATTEMPTS):
        identity = await streams.load(Identity, identity_id)
        if not identity.version:
            raise RequestRefused("identity_not_found", f"there is no identity {identity_id}")
        try:
            if not identity.erased:
                await _record(tools, streams, identity)
        except StoreConflict:
            continue
        return identity
    raise StoreConflict([identity_id])


async def _record(tools: Tools, streams: Streams, identity: Identity) -> None:
    now = tools.clock.now()
    others: list[Session | Reservation] = []
    for id_ in identity.live_sessions(now):
        session = await streams.load(Session, id_)
        if session.active(now):
            session.record(SessionRevoked, now, reason="erased")
            others.append(session)
    for id_ in identity.every_reservation:
        reservation = await streams.load(Reservation, id_)
        if reservation.holder == identity.id:
            reservation.record(IdentifierReleased, now, identity_id=identity.id)
            others.append(reservation)
    identity.record(IdentityErased, now)
    await streams.append(Step(), identity, *others)
