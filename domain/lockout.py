"""Lockout: how many failed logins an identifier is allowed before none is tried for a while. Off unless configured.

One counter an identifier, whether anybody holds it or not: that an identifier is locked says nothing about an account.
(One counter an account would: whoever locks one name of it and finds another one locked knows that both are somebody's,
and the same person's.) Its stream is named by a keyed hash, like that of a reservation.

NIST SP 800-63B §5.2.2 asks for a limit on consecutive failed attempts. What is counted are guesses at a secret, in
every login flow; what an OpenID provider or an authenticator says is none. A right login lifts the lockout, and so do a
registration, a recovery and an operator.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.configuration import LockoutSettings
from limen.domain.event import DomainEvent

LIMIT = 100
"""Misses that are remembered: no threshold is higher."""


class LockoutEvent(DomainEvent):
    """Base of the events of a lockout's stream."""

    stream: ClassVar[str] = "lockout"


class LoginMissed(LockoutEvent):
    """A wrong password or code was given for the identifier. `until`: this was one too many; none is tried before."""

    flow_id: UUID
    method: str
    until: datetime | None = None


class LockoutLifted(LockoutEvent):
    """What was counted counts no more. `reason`: login, registration, recovery, operator."""

    flow_id: UUID | None = None
    reason: str


class Lockout(Aggregate):
    """The failed logins of an identifier."""

    stream: ClassVar[str] = "lockout"

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.misses: tuple[datetime, ...] = ()
        """When the misses came that count towards the next lockout."""
        self.until: datetime | None = None

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says. After a lockout the count begins anew."""
        match event:
            case LoginMissed():
                self.misses = () if event.until else (*self.misses, event.timestamp)[-LIMIT:]
                self.until = event.until or self.until
            case LockoutLifted():
                self.misses, self.until = (), None
            case _:
                pass

    def locked(self, now: datetime) -> datetime | None:
        """Until when nothing is tried; None when something is."""
        return self.until if self.until is not None and now < self.until else None

    def miss(self, settings: LockoutSettings, at: datetime, flow_id: UUID, method: str) -> None:
        """Counts a wrong password or code. What was being tried while the lockout began counts no more."""
        if self.locked(at):
            return
        recent = sum(at - one < settings.window for one in self.misses)
        until = at + settings.duration if recent + 1 >= settings.threshold else None
        self.record(LoginMissed, at, flow_id=flow_id, method=method, until=until)

    def lift(self, at: datetime, reason: str, flow_id: UUID | None = None) -> bool:
        """Forgets what was counted; False where there was nothing."""
        if not self.misses and self.until is None:
            return False
        self.record(LockoutLifted, at, flow_id=flow_id, reason=reason)
        return True
