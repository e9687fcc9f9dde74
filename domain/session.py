"""Session: who is signed in, since when, by which methods, on which device."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from limen.domain.aggregate import Aggregate
from limen.domain.event import DomainEvent
from limen.domain.sealed import Sealed


class SessionEvent(DomainEvent):
    """Base of the events of a session's stream."""

    stream: ClassVar[str] = "session"


class Authentication(BaseModel):
    """One completed authentication: `method` (password, code, code_recovery …), its assurance level and its time.

    `provider` is the id of the OpenID provider it went through.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    aal: str
    completed_at: datetime
    provider: str | None = None


def _no_provider(*fields: str) -> Callable[[dict[str, Any]], None]:
    """The step from a version that knew no providers."""

    def upcast(state: dict[str, Any]) -> None:
        for name in fields:
            for one in state[name] if isinstance(state[name], list) else [state[name]]:
                one["provider"] = None

    return upcast


class SessionIssued(SessionEvent):
    """A session began. `device` (sealed): id, ip_address, user_agent. The token's hash is in the vault."""

    class_version: ClassVar[int] = 2

    identity_id: UUID
    flow_id: UUID
    expires_at: datetime
    aal: str
    authentications: tuple[Authentication, ...]
    device: Sealed

    upcast_v1_v2: ClassVar = staticmethod(_no_provider("authentications"))


class SessionRefreshed(SessionEvent):
    """The person authenticated again within the session; id and token stay (Kratos: `refresh=true`)."""

    class_version: ClassVar[int] = 2

    flow_id: UUID
    expires_at: datetime
    aal: str
    authentication: Authentication
    device: Sealed

    upcast_v1_v2: ClassVar = staticmethod(_no_provider("authentication"))


class SessionStrengthened(SessionEvent):
    """A factor was set up, and so shown, within the session; it lasts as long as before (Kratos: settings)."""

    class_version: ClassVar[int] = 2

    flow_id: UUID
    aal: str
    authentication: Authentication

    upcast_v1_v2: ClassVar = staticmethod(_no_provider("authentication"))


class SessionHandedOver(SessionEvent):
    """A native app exchanged its two codes for the session's token, which was made then: once and no more."""

    flow_id: UUID


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
