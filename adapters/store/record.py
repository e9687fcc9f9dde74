"""A step made ready to be written: parameters only, so that nothing about it can fail for its neighbours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Mapper, StoredEvent

from limen.domain.errors import StoreConflict
from limen.domain.ports import Step, VaultRow

Params = tuple[Any, ...]


@dataclass(slots=True)
class VaultWork:
    """What steps do to the tables beside the log, as SQL parameters, in the order in which it is done.

    Removals come first, so a step that drops all codes of a flow and puts a new one leaves the new one; and `bind`
    comes after `put`, so it finds the rows of its own step.
    """

    drop: list[Params] = field(default_factory=list)
    done: list[Params] = field(default_factory=list)
    put: list[Params] = field(default_factory=list)
    unique: list[Params] = field(default_factory=list)
    bind: list[Params] = field(default_factory=list)
    due: list[Params] = field(default_factory=list)

    def extend(self, other: "VaultWork") -> None:
        """Takes in work that touches other owners and deliveries, so that the order does not matter."""
        self.drop += other.drop
        self.done += other.done
        self.put += other.put
        self.unique += other.unique
        self.bind += other.bind
        self.due += other.due


@dataclass(slots=True)
class Record:
    """One step: its stored events, its vault work, and the owners and deliveries the latter touches."""

    events: list[StoredEvent]
    vault: VaultWork | None
    touched: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a database likes its parameters: ids, and instants (aware datetimes, or None)."""

    id: Callable[[UUID], Any]
    time: Callable[[datetime], Any]

    def record(self, step: Step, mapper: Mapper[UUID]) -> Record:
        """Makes a step ready. Raises whatever is wrong with it, before anyone else's step is concerned."""
        events = [mapper.to_stored_event(event) for event in step.events]
        if not (step.put or step.unique or step.bind or step.drop or step.due or step.done):
            return Record(events, None, frozenset())
        one = self.id
        touched = {key.owner for key in step.drop} | set(step.done)
        touched.update(row.owner for row in step.put)
        touched.update(row.owner for row in step.unique)
        touched.update(owner for owner, _ in step.bind)
        touched.update(delivery for delivery, _ in step.due)
        # The last of several for one place wins, and goes to the database alone: PostgreSQL refuses a statement that
        # writes one row twice.
        work = VaultWork(
            drop=[(one(key.owner), key.kind, key.name) for key in step.drop],
            done=[(one(delivery),) for delivery in step.done],
            put=list({(row.owner, row.kind, row.name): self.row(row) for row in step.put}.values()),
            unique=[self.row(row) for row in step.unique],
            bind=[(one(subject), one(owner)) for owner, subject in step.bind],
            due=[(one(delivery), self.time(at)) for delivery, at in dict(step.due).items()],
        )
        return Record(events, work, frozenset(touched))

    def row(self, row: VaultRow) -> Params:
        """A vault row in the order of its table's columns."""
        subject = None if row.subject is None else self.id(row.subject)
        expires = None if row.expires_at is None else self.time(row.expires_at)
        return (self.id(row.owner), row.kind, row.name, subject, row.value, expires)


def merge(records: Sequence[Record]) -> tuple[list[StoredEvent], list[VaultWork]]:
    """A whole batch as one: all events in order, and the vault work in as few groups as keep the order per owner."""
    if len(records) == 1:
        only = records[0]
        return only.events, [only.vault] if only.vault is not None else []
    events: list[StoredEvent] = []
    groups: list[VaultWork] = []
    seen: set[UUID] = set()
    for record in records:
        events += record.events
        if record.vault is None:
            continue
        if not groups or not seen.isdisjoint(record.touched):
            groups.append(VaultWork())
            seen = set()
        seen |= record.touched
        groups[-1].extend(record.vault)
    return events, groups


Outcome = StoreConflict | None
"""How one step of a batch ended: written, or refused because its streams had moved on."""
