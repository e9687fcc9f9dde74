"""The sessions: one row a session, as it stands, without its device."""

from datetime import datetime
from uuid import UUID

from limen.domain.events import EVENT_TYPES, DomainEvent
from limen.domain.session import Session, SessionIssued, SessionRefreshed, SessionRevoked, SessionStrengthened
from limen.projections.view import NOBODY, Column, Row, View, events_of, instant

_COLUMNS = (
    Column("id", fixed=True),
    Column("identity", fixed=True),
    Column("flow", fixed=True),
    Column("state"),
    Column("issued", fixed=True),
    Column("authenticated"),
    Column("expires"),
    Column("aal"),
    Column("methods"),
    Column("revoked"),
    Column("reason"),
)


class _Listed(Session):
    """The session's own fold decides. Beside it: which flow began it, by which methods, and how it ended."""

    flow: str

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.methods: tuple[str, ...] = ()
        self.revoked_at: str | None = None
        self.reason: str | None = None

    @classmethod
    def begin(cls, event: DomainEvent, _: DomainEvent) -> "_Listed":
        return cls(event.originator_id)

    @classmethod
    def read(cls, row: Row) -> "_Listed":
        session = cls(NOBODY)
        session.identity_id, session.flow = UUID(str(row["identity"])), str(row["flow"])
        session.issued_at = datetime.fromisoformat(str(row["issued"]))
        session.authenticated_at = datetime.fromisoformat(str(row["authenticated"]))
        session.expires_at, session.aal = datetime.fromisoformat(str(row["expires"])), str(row["aal"])
        session.methods = tuple(str(row["methods"]).split())
        session.revoked = row["revoked"] is not None
        if session.revoked:
            session.revoked_at, session.reason = str(row["revoked"]), str(row["reason"])
        return session

    def apply(self, event: DomainEvent) -> None:
        super().apply(event)
        match event:
            case SessionIssued():
                self.flow = str(event.flow_id)
                self.methods = tuple(dict.fromkeys(one.method for one in event.authentications))
            case SessionRefreshed() | SessionStrengthened():
                self.methods = tuple(dict.fromkeys((*self.methods, event.authentication.method)))
            case SessionRevoked():
                self.revoked_at, self.reason = instant(event.timestamp), event.reason
            case _:
                pass

    def write(self) -> Row:
        return {
            "identity": str(self.identity_id),
            "flow": self.flow,
            "state": "revoked" if self.revoked else "issued",
            "issued": instant(self.issued_at),
            "authenticated": instant(self.authenticated_at),
            "expires": instant(self.expires_at),
            "aal": self.aal,
            "methods": " ".join(self.methods),
            "revoked": self.revoked_at,
            "reason": self.reason,
        }


SESSIONS = View(
    name="sessions",
    layout=1,
    events=events_of("session", EVENT_TYPES),
    columns=_COLUMNS,
    order="issued",
    chosen=("identity", "state"),
    begin=_Listed.begin,
    read=_Listed.read,
    take=_Listed.apply,
    write=_Listed.write,
)
"""`state` is `issued` or `revoked`; no event says that a session's time is over, `expires` does. `flow` began it."""
