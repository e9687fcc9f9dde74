"""The deliveries: one row a delivery, as it stands."""

from datetime import datetime
from uuid import UUID

from limen.domain.delivery import Delivery
from limen.domain.events import EVENT_TYPES, DomainEvent
from limen.projections.view import Column, Row, View, instant, stream_of

_COLUMNS = (
    Column("id"),
    Column("action"),
    Column("channel"),
    Column("flow"),
    Column("state"),
    Column("attempts", "integer"),
    Column("next"),
    Column("scheduled"),
)


def _fold(row: Row | None, event: DomainEvent) -> Row:
    """The delivery's own fold decides; the row only keeps what it needs to go on."""
    delivery = Delivery(event.originator_id)
    scheduled = instant(event.timestamp)
    if row is not None:
        scheduled = str(row["scheduled"])
        delivery.state, delivery.attempts = str(row["state"]), int(row["attempts"] or 0)
        delivery.action, delivery.channel = str(row["action"]), str(row["channel"])
        delivery.flow_id = UUID(str(row["flow"]))
        delivery.next_at = datetime.fromisoformat(str(row["next"])) if row["next"] else None
    delivery.apply(event)
    waits = delivery.next_at if delivery.state in ("scheduled", "waiting") else None
    return {
        "id": str(delivery.id),
        "action": delivery.action,
        "channel": delivery.channel,
        "flow": str(delivery.flow_id),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next": instant(waits) if waits else None,
        "scheduled": scheduled,
    }


DELIVERIES = View(
    name="deliveries",
    layout=1,
    events=tuple(name for name, type_ in EVENT_TYPES.items() if type_.stream == "delivery"),
    columns=_COLUMNS,
    order="scheduled",
    key=stream_of,
    fold=_fold,
)
