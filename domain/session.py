"""Session: who is signed in, since when, by which methods, on which device."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from limen.domain.aggregate import Aggregate
from limen.domain.event import DomainEvent
from limen.domain.sealed import Sealed


class SessionEvent(DomainEvent):
    """Base of the events of a session's stream."""

    stream: ClassVar[str] = "session"


class Authentication(BaseModel):
    """One completed authentication: `method` (password, code, code_recovery …), its assurance level and its time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    aal: str
    completed_at: datetime


class SessionIssued(SessionEvent):
    """A session began. `device` (sealed): id, ip_address, user_agent. The token's hash is in the vault."""

    identity_id: UUID
    flow_id: UUID
    expires_at: datetime
    aal: str
    authentications: tuple[Authentication, ...]
    device: Sealed


class SessionRefreshed(SessionEvent):
    """The person authenticated again within the session; id and token stay (Kratos: `refresh=true`)."""

    flow_id: UUID
    expires_at: datetime
    aal: str
    authentication: Authentication
    device: Sealed


class SessionStrengthened(SessionEvent):
    """A factor was set up, and so shown, within the session; it lasts as long as before (Kratos: settings)."""

    flow_id: UUID
    aal: str
    authentication: Authentication


class SessionRevoked(SessionEvent):
    """The session ended before its time. `reason`: logout, revoke_active_sessions, erased."""

    reason: str
    flow_id: UUID | None = None


class Session(Aggregate):
    """The state of a session, folded from its events."""

    stream: ClassVar[str] = "session"

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.identity_id: UUID
        self.issued_at: datetime
        self.authenticated_at: datetime
        self.expires_at: datetime
        self.aal = "aal1"
        self.authentications: tuple[Authentication, ...] = ()
        self.devices: tuple[Sealed, ...] = ()
        self.revoked = False

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says."""
        match event:
            case SessionIssued():
                self.identity_id = event.identity_id
                self.issued_at = self.authenticated_at = event.timestamp
                self.expires_at, self.aal = event.expires_at, event.aal
                self.authentications, self.devices = event.authentications, (event.device,)
            case SessionRefreshed():
                self.authenticated_at, self.expires_at, self.aal = event.timestamp, event.expires_at, event.aal
                self.authentications += (event.authentication,)
                self.devices += (event.device,)
            case SessionStrengthened():
                self.aal = event.aal
                self.authentications += (event.authentication,)
            case SessionRevoked():
                self.revoked = True
            case _:
                pass

    def active(self, now: datetime) -> bool:
        """Whether it still counts."""
        return self.version > 0 and not self.revoked and now < self.expires_at
