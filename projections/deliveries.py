"""The deliveries: one row a delivery, as it stands."""

from datetime import datetime
from uuid import UUID

from limen.domain.delivery import Delivery
from limen.domain.events import EVENT_TYPES, DomainEvent
from limen.projections.view import NOBODY, Column, Row, View, events_of, instant, optional

_COLUMNS = (
    Column("id", fixed=True),
    Column("action", fixed=True),
    Column("channel", fixed=True),
    Column("flow", fixed=True),
    Column("state"),
    Column("attempts", "integer"),
    Column("next"),
    Column("scheduled", fixed=True),
)


class _Listed(Delivery):
    """The delivery's own fold decides; the row only keeps what it needs to go on."""

    scheduled: str

    @classmethod
    def begin(cls, event: DomainEvent, _: DomainEvent) -> "_Listed":
        delivery = cls(event.originator_id)
        delivery.scheduled = instant(event.timestamp)
        return delivery

    @classmethod
    def read(cls, row: Row) -> "_Listed":
        delivery = cls(NOBODY)
        delivery.scheduled = str(row["scheduled"])
        delivery.state, delivery.attempts = str(row["state"]), int(row["attempts"] or 0)
        delivery.action, delivery.channel = str(row["action"]), str(row["channel"])
        delivery.flow_id = UUID(str(row["flow"])) if row["flow"] is not None else None
        delivery.next_at = datetime.fromisoformat(str(row["next"])) if row["next"] else None
        return delivery

    def write(self) -> Row:
        waits = self.next_at if self.state in ("scheduled", "waiting") else None
        return {
            "action": self.action,
            "channel": self.channel,
            "flow": optional(self.flow_id),
            "state": self.state,
            "attempts": self.attempts,
            "next": instant(waits) if waits else None,
            "scheduled": self.scheduled,
        }


DELIVERIES = View(
    name="deliveries",
    layout=4,
    events=events_of("delivery", EVENT_TYPES),
    columns=_COLUMNS,
    order="scheduled",
    chosen=("state", "action", "flow", ("action", "state")),
    begin=_Listed.begin,
    read=_Listed.read,
    take=_Listed.apply,
    write=_Listed.write,
)
"""`flow` is None for what a logout scheduled."""
