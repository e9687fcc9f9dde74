"""Throttle: how often a second factor may be guessed at, over all flows of an account.

NIST SP 800-63B §5.2.2: no more than 100 consecutive failed attempts on an account, with growing pauses before that.
Stricter than Kratos, which counts no wrong code of an authenticator or of a list at all, and those of a mailed one in
one flow alone. Whoever gets here has shown the first factor; a right code, a new credential, or an operator
(`limen.domain.unlocking`) sets the count back.
"""

from datetime import datetime, timedelta
from uuid import UUID

from limen.domain.errors import FlowBusy, FlowNotFound, StoreConflict
from limen.domain.identity import CredentialMissed, Identity
from limen.domain.people import People
from limen.domain.ports import Clock, Step
from limen.domain.streams import ATTEMPTS

FREE = 10
"""Wrong codes in a row that cost no pause."""
FIRST = timedelta(seconds=30)
"""The pause after the next one; it doubles with each."""
LONGEST = timedelta(hours=1)
UNGUESSABLE = ("webauthn", "passkey")
"""What cannot be guessed costs no pause; what is counted against it (a counter that went back) is for the record."""
LIMIT = 100
"""Wrong codes in a row after which the factor counts no more until it is replaced, or unlocked."""


def held_back(identity: Identity, method: str, now: datetime) -> datetime | None:
    """Until when no code of this method is looked at; None when one is. `datetime.max` (UTC) is for good."""
    failed = identity.failed.get(method)
    if failed is None or failed.count < FREE or method in UNGUESSABLE:
        return None
    if failed.count >= LIMIT:
        return datetime.max.replace(tzinfo=now.tzinfo)
    until = failed.last + min(FIRST * 2 ** min(failed.count - FREE, 10), LONGEST)
    return until if now < until else None


async def miss(people: People, clock: Clock, identity: Identity, method: str, flow_id: UUID) -> None:
    """Counts a wrong code, before the answer is given: whoever goes away in between has had their try."""
    for _ in range(ATTEMPTS):
        identity.record(CredentialMissed, clock.now(), flow_id=flow_id, type=method)
        try:
            await people.streams.append(Step(), identity)
        except StoreConflict:
            fresh = await people.identity(identity.id)
            if fresh is None:
                raise FlowNotFound(flow_id, "the person it was of has been erased") from None
            identity = fresh
            continue
        return
    raise FlowBusy(flow_id)
