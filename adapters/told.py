"""What is told of a flow: as it stood, its events, its actions, its deliveries. `limen flow show` shows it.

from limen.adapters import open_log
from limen.adapters.told import tell

with open_log("sqlite:///limen.db") as log:
    told = tell(log, flow_id)
    print(told.record.flow.state, [(one["id"], one["verdict"], one["rule"]) for one in told.actions])
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.adapters.log import EventReader, FlowRecord, LogEntry
from limen.projections.timeline import actions_of
from limen.projections.view import optional


@dataclass(frozen=True, slots=True)
class Told:
    """A flow's record, and the events of its deliveries up to the same moment."""

    record: FlowRecord
    deliveries: tuple[tuple[LogEntry, ...], ...]

    @property
    def actions(self) -> list[dict[str, Any]]:
        """Every attempt of every action, in order."""
        delivered = [entry.body() for entries in self.deliveries for entry in entries]
        return actions_of([entry.body() for entry in self.record.events], delivered)

    def body(self) -> dict[str, Any]:
        """As `limen flow show --json` prints it."""
        flow = self.record.flow
        return {
            "id": str(flow.id),
            "flow": flow.kind.value,
            "state": flow.state,
            "configuration": str(flow.configuration),
            "type": flow.type,
            "method": flow.method,
            "identity": optional(flow.owner),
            "session": optional(flow.session_id),
            "version": flow.version,
            "started": _instant(flow.issued_at),
            "expires": _instant(flow.expires_at),
            "deliveries": [str(id_) for id_ in flow.deliveries],
            "started_flows": [str(id_) for id_ in started_by(self.record)],
            "events": [entry.body() for entry in self.record.events],
            "actions": self.actions,
        }


def tell(reader: EventReader, id_: UUID | str, at: int | datetime | None = None) -> Told:
    """Collects it. Raises `FlowNotFound` where there was no such flow by then."""
    record = reader.flow(id_, at)
    # a version is a moment too: that of its event
    until = None if at is None else at if isinstance(at, datetime) else record.events[-1].time
    return Told(record, tuple(reader.stream(delivery, until) for delivery in record.flow.deliveries))


def started_by(record: FlowRecord) -> Iterator[UUID]:
    """The flows that this one started by itself."""
    for entry in record.events:
        for id_ in entry.data.get("started") or ():
            yield UUID(id_)


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
