"""A step made ready to be written: parameters only, so that nothing about it can fail for its neighbours.

All lists are flat, one value after the other, as SQL statements of many rows take them; `rows` cuts them up again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from limen.adapters.store.mapper import EventMapper
from limen.domain.errors import StoreConflict
from limen.domain.ports import Step, VaultRow

Outcome = StoreConflict | None
"""How one step of a batch ended: written, or refused because its streams had moved on."""

EVENT, ROW, KEY, PAIR = 4, 6, 3, 2
"""Values in a row: an event's, a vault row's, a vault key's, and those of `bind` and `due`."""


def rows(flat: Sequence[Any], width: int) -> Iterator[tuple[Any, ...]]:
    """A flat list as rows of so many values."""
    return zip(*[iter(flat)] * width, strict=True)


def same(one: UUID) -> UUID:
    """For a database that takes UUIDs as they are."""
    return one


def utc(at: datetime) -> datetime:
    """For a database that takes instants as they are. Raises `ValueError` for one without a time zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return at.astimezone(UTC)


@dataclass(slots=True)
class VaultWork:
    """What steps do to the tables beside the log, in the order in which it is done.

    Removals come first, so a step that drops all codes of a flow and puts a new one leaves the new one; and `bind`
    comes after `put`, so it finds the rows of its own step.
    """

    drop: list[Any] = field(default_factory=list)
    """(owner, kind, name): an empty kind or name is any."""
    done: list[Any] = field(default_factory=list)
    """(delivery)"""
    put: list[Any] = field(default_factory=list)
    """(owner, kind, name, subject, value, expires_at)"""
    unique: list[Any] = field(default_factory=list)
    """The same."""
    bind: list[Any] = field(default_factory=list)
    """(owner, subject)"""
    due: list[Any] = field(default_factory=list)
    """(delivery, at)"""

    def extend(self, other: "VaultWork") -> None:
        """Takes in work of a later step. The order is kept only where both touch different places."""
        self.drop += other.drop
        self.done += other.done
        self.put += other.put
        self.unique += other.unique
        self.bind += other.bind
        self.due += other.due

    def touched(self) -> set[Any]:
        """The owners and deliveries it concerns."""
        owners = {*self.put[::ROW], *self.unique[::ROW], *self.drop[::KEY], *self.bind[::PAIR]}
        return owners.union(self.due[::PAIR], self.done)


@dataclass(slots=True)
class Record:
    """One step. `events` holds (stream, version, topic, state) of each."""

    events: list[Any]
    vault: VaultWork | None

    @property
    def work(self) -> list[VaultWork]:
        """Its vault work as a list of groups."""
        return [] if self.vault is None else [self.vault]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a database likes its parameters: streams, other ids, and instants (aware datetimes)."""

    stream: Callable[[UUID], Any]
    id: Callable[[UUID], Any]
    time: Callable[[datetime], Any]

    def record(self, step: Step, mapper: EventMapper) -> Record:
        """Makes a step ready. Raises whatever is wrong with it, before anyone else's step is concerned."""
        events: list[Any] = []
        stream, columns = self.stream, mapper.columns
        for event in step.events:
            events += (stream(event.originator_id), event.originator_version, *columns(event))
        if not (step.put or step.unique or step.bind or step.drop or step.due or step.done):
            return Record(events, None)
        one, work = self.id, VaultWork()
        for key in step.drop:
            work.drop += (one(key.owner), key.kind, key.name)
        for row in step.put:
            work.put += self.row(row)
        for row in step.unique:
            work.unique += self.row(row)
        for owner, subject in step.bind:
            work.bind += (one(owner), one(subject))
        for delivery, at in step.due:
            work.due += (one(delivery), self.time(at))
        work.done += map(one, step.done)
        return Record(events, work)

    def row(self, row: VaultRow) -> tuple[Any, ...]:
        """A vault row in the order of its table's columns."""
        if "\0" in row.kind or "\0" in row.name or not isinstance(row.value, bytes):
            raise ValueError("a vault row has a kind and a name without NUL, and bytes for its value")
        subject = None if row.subject is None else self.id(row.subject)
        expires = None if row.expires_at is None else self.time(row.expires_at)
        return (self.id(row.owner), row.kind, row.name, subject, row.value, expires)


def merge(records: Sequence[Record]) -> tuple[list[Any], list[VaultWork]]:
    """A whole batch as one: all events in order, and the vault work in as few groups as keep its order by place."""
    if len(records) == 1:
        return records[0].events, records[0].work
    events: list[Any] = []
    groups: list[VaultWork] = []
    seen: set[Any] = set()
    for record in records:
        events += record.events
        if record.vault is None:
            continue
        touched = record.vault.touched()
        if not groups or not seen.isdisjoint(touched):
            groups.append(VaultWork())
            seen = set()
        seen |= touched
        groups[-1].extend(record.vault)
    return events, groups


def as_stored(flat: Sequence[Any]) -> list[StoredEvent]:
    """Flat events as `eventsourcing`'s."""
    return [StoredEvent(*row) for row in rows(flat, EVENT)]
