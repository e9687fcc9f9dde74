"""The flows: one row a flow, as it stands."""

from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.events import EVENT_TYPES, DomainEvent
from limen.domain.flow import Flow
from limen.projections.view import Column, Row, View, instant, optional, stream_of

_COLUMNS = ("id", "flow", "state", "method", "started", "identity", "back", "person")
_ACTIONS = ("ActionsPlanned", "ActionStarted", "ActionAnswered", "ActionCanceled", "ActionFailed")
"""Events of a flow that change nothing in its row."""


def _fold(row: Row | None, event: DomainEvent) -> Row:
    """The flow's own fold decides; the row only keeps what it needs to go on."""
    flow = Flow(event.originator_id)
    started = instant(event.timestamp)
    if row is not None:
        started = str(row["started"])
        flow.kind = FlowKind(str(row["flow"]))
        flow.state, flow.back = str(row["state"]), str(row["back"])
        flow.method = str(row["method"]) if row["method"] is not None else None
        flow.identity_id = UUID(str(row["person"])) if row["person"] is not None else None
    flow.apply(event)
    return {
        "id": str(flow.id),
        "flow": flow.kind.value,
        "state": flow.state,
        "method": flow.method,
        "started": started,
        "identity": optional(identity_of(flow)),
        "back": flow.back,
        "person": optional(flow.identity_id),
    }


def identity_of(flow: Flow) -> UUID | None:
    """Whose flow it is. Who registers is nobody until the registration is completed."""
    return flow.identity_id if flow.kind is not FlowKind.REGISTRATION or flow.state == "completed" else None


FLOWS = View(
    name="flows",
    layout=1,
    events=tuple(name for name, type_ in EVENT_TYPES.items() if type_.stream == "flow" and name not in _ACTIONS),
    columns=tuple(map(Column, _COLUMNS)),
    order="started",
    key=stream_of,
    fold=_fold,
)
