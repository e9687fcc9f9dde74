"""The flows: one row a flow, as it stands."""

from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.events import EVENT_TYPES, DomainEvent
from limen.domain.flow import Flow
from limen.domain.flow_events import FlowInterrupted, FlowRejected, MethodRefused
from limen.projections.view import NOBODY, Column, Row, View, events_of, instant, optional

_COLUMNS = (
    Column("id", fixed=True),
    Column("flow", fixed=True),
    Column("state"),
    Column("method"),
    Column("started", fixed=True),
    Column("identity"),
    Column("back"),
    Column("person"),
    Column("refused", "integer"),
    Column("interrupted", "integer"),
    Column("network", fixed=True),
)
_ACTIONS = ("ActionsPlanned", "ActionStarted", "ActionAnswered", "ActionCanceled", "ActionFailed")
"""Events of a flow that change nothing in its row."""


class _Listed(Flow):
    """The flow's own fold decides; the row only keeps what it needs to go on."""

    started: str
    refused = interrupted = 0

    @classmethod
    def begin(cls, event: DomainEvent, _: DomainEvent) -> "_Listed":
        flow = cls(event.originator_id)
        flow.started = instant(event.timestamp)
        return flow

    @classmethod
    def read(cls, row: Row) -> "_Listed":
        flow = cls(NOBODY)
        flow.started, flow.kind = str(row["started"]), FlowKind(str(row["flow"]))
        flow.state, flow.back = str(row["state"]), str(row["back"])
        flow.method = str(row["method"]) if row["method"] is not None else None
        flow.identity_id = UUID(str(row["person"])) if row["person"] is not None else None
        flow.network = UUID(str(row["network"])) if row["network"] is not None else None
        flow.refused, flow.interrupted = int(row["refused"] or 0), int(row["interrupted"] or 0)
        return flow

    def take(self, event: DomainEvent) -> None:
        kind = type(event)
        if kind is MethodRefused:
            self.refused = 1
        elif kind is FlowInterrupted or kind is FlowRejected:
            self.interrupted = 1
        self.apply(event)

    def write(self) -> Row:
        return {
            "flow": self.kind.value,
            "state": self.state,
            "method": self.method,
            "started": self.started,
            "identity": optional(self.owner),
            "back": self.back,
            "person": optional(self.identity_id),
            "refused": self.refused,
            "interrupted": self.interrupted,
            "network": optional(self.network),
        }


FLOWS = View(
    name="flows",
    layout=3,
    events=events_of("flow", EVENT_TYPES, without=_ACTIONS),
    columns=_COLUMNS,
    order="started",
    chosen=("flow", "state", "identity", "refused", "interrupted", "network"),
    begin=_Listed.begin,
    read=_Listed.read,
    take=_Listed.take,
    write=_Listed.write,
)
"""`refused` is 1 where a method was refused at least once; `interrupted` where an action said no, before or after a
submission. `network` is the keyed hash of the one it was asked for from. `back` and `person` are for the fold alone.
"""
