"""Catalogue: the events that reach a bus, and the kinds under which each does."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from limen.adapters.bus import names
from limen.domain.events import EVENT_TYPES, DomainEvent
from limen.domain.machine import FLOWS

_OWN: Final = "limen.domain."


@lru_cache
def published() -> Mapping[str, type[DomainEvent]]:
    """limen's events by name, by stream and then by their definition; without the bases, which nobody records."""
    own = [
        (name, event)
        for name, event in EVENT_TYPES.items()
        if event.__module__.startswith(_OWN)
        and not any(one.__module__.startswith(_OWN) for one in event.__subclasses__())
    ]
    return dict(sorted(own, key=lambda item: names.SUBJECTS.index(item[1].stream)))


def kinds_of(event: type[DomainEvent]) -> tuple[str, ...]:
    """What may stand for `<kind>` in an event's subject: the flows whose table has it, else its kind of stream."""
    if event.stream != "flow":
        return (event.stream,)
    return tuple(
        kind.value
        for kind, table in FLOWS.items()
        if event.__name__ in (table.creation, *(row.event for row in table.rows))
    )
