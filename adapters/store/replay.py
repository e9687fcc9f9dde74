"""Replay: every aggregate of a log, folded anew from its events. Nothing runs and nothing is written."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from limen.adapters.store.store import LogStore
from limen.domain.aggregate import Aggregate
from limen.domain.delivery import Delivery
from limen.domain.event import DomainEvent
from limen.domain.export import Export
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.lockout import Lockout
from limen.domain.published import PublishedConfiguration
from limen.domain.reservation import Reservation
from limen.domain.session import Session

HISTORY_ROWS = 500
"""Rows read at a time."""

AGGREGATES: dict[str, type[Aggregate]] = {
    "flow": Flow,
    "identity": Identity,
    "session": Session,
    "delivery": Delivery,
    "reservation": Reservation,
    "lockout": Lockout,
    "configuration": PublishedConfiguration,
    "export": Export,
}
"""What each kind of stream folds to."""


def replay(store: LogStore) -> dict[UUID, Aggregate]:
    """The aggregates of all streams as they stand, all of them in memory. Blocks until the log is read."""
    folded: dict[str, Aggregate] = {}  # by the id's text as it stands in the row: a UUID takes longer to look up
    with collector_paused():
        for _, stream, event in _decoded(store, 0, None):
            aggregate = folded.get(stream)
            if aggregate is None:
                aggregate = folded[stream] = AGGREGATES[event.stream](event.originator_id)
            aggregate.fold(event)
    return {aggregate.id: aggregate for aggregate in folded.values()}


def history(store: LogStore, after: int = 0, types: Sequence[str] | None = None) -> Iterator[tuple[int, DomainEvent]]:
    """The events of all streams above a position, each with its own. Blocks while it reads.

    They are decoded one at a time, as they are asked for: one that is folded and dropped before the next is made finds
    its memory still warm, and takes two thirds of the time.
    """
    for position, _, event in _decoded(store, after, types):
        yield position, event


def _decoded(store: LogStore, after: int, types: Sequence[str] | None) -> Iterator[tuple[int, str, DomainEvent]]:
    recorder, event = store.application.vault, store.application.event_mapper.event
    while rows := recorder.log_rows(after, HISTORY_ROWS, types):
        for after, stream, version, topic, state in rows:
            yield after, stream, event(stream, version, topic, state)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Folding makes no cycles, and what it makes is kept: looking for garbage meanwhile takes longer than folding."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
