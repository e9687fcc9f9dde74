"""The identities: one row an identity, with nothing in it that says who the person is."""

from datetime import datetime
from uuid import UUID

from limen.domain.events import EVENT_TYPES, DomainEvent
from limen.domain.identity import Identity, IdentityErased, SessionOpened
from limen.projections.view import NOBODY, Column, Row, View, events_of, instant

_COLUMNS = (
    Column("id", fixed=True),
    Column("state"),
    Column("created", fixed=True),
    Column("updated"),
    Column("erased"),
    Column("credentials"),
    Column("sessions", "integer"),
    Column("last_session"),
)


class _Listed(Identity):
    """The identity's own fold decides. Beside it: how many sessions it opened, the last of them when, erased when."""

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.created = ""
        self.opened = 0
        self.last_opened: datetime | None = None
        self.erased_at: str | None = None

    @classmethod
    def begin(cls, event: DomainEvent, _: DomainEvent) -> "_Listed":
        identity = cls(event.originator_id)
        identity.created = instant(event.timestamp)
        return identity

    @classmethod
    def read(cls, row: Row) -> "_Listed":
        identity = cls(NOBODY)
        identity.created, identity.updated_at = str(row["created"]), datetime.fromisoformat(str(row["updated"]))
        identity.credentials = tuple(str(row["credentials"]).split())
        identity.opened = int(row["sessions"] or 0)
        identity.last_opened = datetime.fromisoformat(str(row["last_session"])) if row["last_session"] else None
        identity.erased_at = str(row["erased"]) if row["erased"] is not None else None
        return identity

    def apply(self, event: DomainEvent) -> None:
        if isinstance(event, SessionOpened):  # which are open is for the sessions to say: here they are counted
            self.opened += 1
            self.last_opened = event.timestamp
            return
        super().apply(event)
        if isinstance(event, IdentityErased):
            self.erased_at = instant(event.timestamp)

    def write(self) -> Row:
        return {
            "state": "erased" if self.erased_at else "kept",
            "created": self.created,
            "updated": instant(self.updated_at),
            "erased": self.erased_at,
            "credentials": " ".join(self.credentials),
            "sessions": self.opened,
            "last_session": instant(self.last_opened) if self.last_opened else None,
        }


IDENTITIES = View(
    name="identities",
    layout=1,
    events=events_of("identity", EVENT_TYPES, without=("AddressVerified", "SessionsClosed")),
    columns=_COLUMNS,
    order="created",
    chosen=("state",),
    begin=_Listed.begin,
    read=_Listed.read,
    take=_Listed.apply,
    write=_Listed.write,
)
"""`state` is `kept` or `erased`, `credentials` their types with blanks between, `sessions` all that were ever opened.

Whether an identity is active or inactive is part of its sealed profile, so no view can say.
"""
