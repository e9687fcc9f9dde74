"""The flows: one row a flow, as it stands."""

from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.events import EVENT_TYPES, DomainEvent
from limen.domain.flow import Flow
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
)
_ACTIONS = ("ActionsPlanned", "ActionStarted", "ActionAnswered", "ActionCanceled", "ActionFailed")
"""Events of a flow that change nothing in its row."""


class _Listed(Flow):
    """The flow's own fold decides; the row only keeps what it needs to go on."""

    started: str

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
        return flow

    def write(self) -> Row:
        return {
            "flow": self.kind.value,
            "state": self.state,
            "method": self.method,
            "started": self.started,
            "identity": optional(identity_of(self)),
            "back": self.back,
            "person": optional(self.identity_id),
        }


def identity_of(flow: Flow) -> UUID | None:
    """Whose flow it is. Who registers is nobody until the registration is completed."""
    return flow.identity_id if flow.kind is not FlowKind.REGISTRATION or flow.state == "completed" else None


FLOWS = View(
    name="flows",
    layout=2,
    events=events_of("flow", EVENT_TYPES, without=_ACTIONS),
    columns=_COLUMNS,
    order="started",
    chosen=("flow", "state", "identity"),
    begin=_Listed.begin,
    read=_Listed.read,
    take=_Listed.apply,
    write=_Listed.write,
)
