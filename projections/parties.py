"""Whom flows have to do with besides those whose they are: one row a flow and identity.

Whose identifier was given in vain, to whom a code went, and whom a method took them for before an action sent the flow
back. It may have been somebody else who tried, and the flow may have become somebody else's since.
"""

from typing import Any

from limen.domain.events import DomainEvent
from limen.projections.view import Column, Row, View, within

_COUNTED = {
    "MethodRefused": "refused",
    "ChallengeSent": "challenged",
    "FlowInterrupted": "interrupted",
    "FlowReleased": "released",
}


class _Party:
    """What happened to one identity in one flow."""

    def __init__(self, event: Any, first: DomainEvent) -> None:
        self.flow, self.identity = str(event.originator_id), str(event.identity_id)
        self.at = within(event, first)
        self.counts = dict.fromkeys(_COUNTED.values(), 0)

    def take(self, event: DomainEvent) -> None:
        self.counts[_COUNTED[type(event).__name__]] += 1

    def write(self) -> Row:
        named = {"id": f"{self.flow}/{self.identity}", "flow": self.flow, "identity": self.identity}
        return {**named, "at": self.at, **self.counts}


def _row_of(event: Any, _: DomainEvent) -> tuple[int, int] | None:
    return (event.originator_id.int, event.identity_id.int) if event.identity_id is not None else None


PARTIES = View(
    name="parties",
    layout=2,
    events=tuple(_COUNTED),
    columns=(
        Column("id", fixed=True),
        Column("flow", fixed=True),
        Column("identity", fixed=True),
        Column("at", fixed=True),
        *(Column(name, "integer") for name in _COUNTED.values()),
    ),
    order="at",
    listed=False,
    chosen=("identity",),
    begin=_Party,
    take=_Party.take,
    write=_Party.write,
    key=_row_of,
    opened=frozenset(_COUNTED),
    added=True,
)
"""`at` is when that first happened in the flow. Submissions that were `refused`, codes that were sent (`challenged`),
and how often the flow went back to its user, by an action that `interrupted` it or otherwise (`released`).
"""
