"""Lockout: how many failed logins an identifier is allowed before none is tried for a while. Off unless configured.

One counter an identifier, whether anybody holds it or not: that an identifier is locked says nothing about an account.
(One counter an account would: whoever locks one name of it and finds another one locked knows that both are somebody's,
and the same person's.) Its stream is named by a keyed hash, like that of a reservation.

NIST SP 800-63B §5.2.2 asks for a limit on consecutive failed attempts. What is counted are guesses at a secret, in
every login flow; what an OpenID provider or an authenticator says is none. A right login lifts the lockout, and so do a
registration, a recovery and an operator.

Codes of six digits that are sent to an address are counted beside it, in every flow and always: a recovery is as good
as a password. That count locks nobody out, else a stranger could keep the owner from recovering: after `FREE` wrong
ones what is sent is a code that cannot be guessed, until a right one comes.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.configuration import LockoutSettings
from limen.domain.event import DomainEvent

LIMIT = 100
"""Misses that are remembered: no threshold is higher."""
FREE = 10
"""Wrong codes in a row that an address is allowed, over all flows (800-63B §5.2.2: no more than 100)."""
OPERATOR = "operator"


class LockoutEvent(DomainEvent):
    """Base of the events of a lockout's stream."""

    stream: ClassVar[str] = "lockout"


class LoginMissed(LockoutEvent):
    """A wrong password or code was given for the identifier. `until`: this was one too many; none is tried before."""

    flow_id: UUID
    method: str
    until: datetime | None = None


class CodeTried(LockoutEvent):
    """A code was given in a flow that had sent it to this address: a wrong one, if it was one of six digits.

    `right`: so the wrong ones before it are forgotten; recorded where there are any.
    """

    flow_id: UUID
    right: bool = False


class LockoutLifted(LockoutEvent):
    """What was counted counts no more; wrong codes only by an operator.

    `reason`: login, registration, recovery, operator.
    """

    flow_id: UUID | None = None
    reason: str


class Lockout(Aggregate):
    """The failed logins of an identifier, and the wrong codes of an address."""

    stream: ClassVar[str] = "lockout"

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.misses: tuple[datetime, ...] = ()
        """When the misses came that count towards the next lockout."""
        self.until: datetime | None = None
        self.codes = 0
        """Wrong codes since the last right one."""

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says. After a lockout the count begins anew."""
        match event:
            case LoginMissed():
                self.misses = () if event.until else (*self.misses, event.timestamp)[-LIMIT:]
                self.until = event.until or self.until
            case CodeTried():
                self.codes = 0 if event.right else self.codes + 1
            case LockoutLifted():
                self.misses, self.until = (), None
                self.codes = 0 if event.reason == OPERATOR else self.codes
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
        if not self.misses and self.until is None and not (self.codes and reason == OPERATOR):
            return False
        self.record(LockoutLifted, at, flow_id=flow_id, reason=reason)
        return True

    @property
    def guessed_at(self) -> bool:
        """Whether a code of six digits counts no more."""
        return self.codes >= FREE

    def wrong_code(self, at: datetime, flow_id: UUID) -> None:
        """Counts a wrong code."""
        self.record(CodeTried, at, flow_id=flow_id)

    def right_code(self, at: datetime, flow_id: UUID) -> bool:
        """Forgets the wrong codes; False where there were none."""
        if not self.codes:
            return False
        self.record(CodeTried, at, flow_id=flow_id, right=True)
        return True
