"""Where submissions come from, if not from where the flow was asked for: one row a flow and network, by its keyed hash.

The network that a flow was asked for from stands in the view of flows.
"""

from typing import Any

from limen.domain.events import DomainEvent
from limen.domain.flow_events import FlowInitiated
from limen.projections.view import Column, Row, View, within


class _Origin:
    """What came to one flow from one other network."""

    def __init__(self, event: Any, first: DomainEvent) -> None:
        self.flow, self.network = str(event.originator_id), str(event.network)
        self.at = within(event, first)
        self.submitted = 0

    def take(self, _: DomainEvent) -> None:
        self.submitted += 1

    def write(self) -> Row:
        named = {"id": f"{self.flow}/{self.network}", "flow": self.flow, "network": self.network}
        return {**named, "at": self.at, "submitted": self.submitted}


def _row_of(event: Any, first: DomainEvent) -> tuple[int, int] | None:
    network = event.network
    if network is None or (isinstance(first, FlowInitiated) and first.network == network):
        return None
    return event.originator_id.int, network.int


_EVENTS = ("MethodSubmitted", "SubmissionDismissed")

ORIGINS = View(
    name="origins",
    layout=2,
    events=_EVENTS,
    columns=(
        Column("id", fixed=True),
        Column("flow", fixed=True),
        Column("network", fixed=True),
        Column("at", fixed=True),
        Column("submitted", "integer"),
    ),
    order="at",
    listed=False,
    chosen=("network",),
    begin=_Origin,
    take=_Origin.take,
    write=_Origin.write,
    key=_row_of,
    opened=frozenset(_EVENTS),
    added=True,
)
"""`at` is when the first submission came from there, `submitted` how many did."""
