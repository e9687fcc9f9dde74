"""The base of every stream: fold events into state, and collect the new ones until they are appended."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

from limen.domain.event import DomainEvent

E = TypeVar("E", bound=DomainEvent)


class Aggregate:
    """State folded from one stream.

    Folding never runs a callback, handler or action: it only copies facts, so replay has no side effects. `pending`
    holds the events decided but not yet appended.
    """

    stream: ClassVar[str]
    """The kind of stream it is folded from, as its events name it."""

    id: UUID
    version: int

    def __init__(self, id: UUID) -> None:
        self.id = id
        self.version = 0
        self.pending: list[DomainEvent] = []

    @classmethod
    def replay(cls, id: UUID, events: Iterable[DomainEvent]) -> Self:
        """The state after these events, oldest first."""
        aggregate = cls(id)
        for event in events:
            aggregate.fold(event)
        return aggregate

    def fold(self, event: DomainEvent) -> None:
        """Takes in one event that has happened."""
        self.apply(event)
        self.version = event.originator_version

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says into the state; each aggregate says how."""
        raise NotImplementedError(type(self).__name__)  # the base has no state of its own to copy into

    def record(self, event_type: type[E], at: datetime, **fields: Any) -> E:
        """Decides: makes the next event of this stream, folds it, and keeps it for the append."""
        event = event_type(originator_id=self.id, originator_version=self.version + 1, timestamp=at, **fields)
        self.fold(event)
        self.pending.append(event)
        return event

    def clone(self) -> Self:
        """A copy to decide on, so that a decision that comes to nothing leaves no trace."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.pending = list(self.pending)
        return copy

    def collect_events(self) -> Sequence[DomainEvent]:
        """The new events, which are forgotten here (`eventsourcing.domain.CollectEventsProtocol`)."""
        pending, self.pending = self.pending, []
        return pending
