"""What a view is: rows folded from events, one event after the other.

A row is a mapping from column to text, number or None (identifiers as UUID text, times as `instant` writes them), so
that any database can hold it. Folding is pure and sees each event exactly once: the rows it changed and the position
of the last event are stored in one transaction.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from limen.domain.event import DomainEvent

Value = str | int | None
Row = Mapping[str, Value]
S = TypeVar("S")

NOBODY = UUID(int=0)
"""The id of a state that was read from a row: its row's id is known to who reads and writes it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `kind` is how it is stored: `text` or `integer`. A `fixed` one is the same from the first row on."""

    name: str
    kind: Literal["text", "integer"] = "text"
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class View(Generic[S]):
    """A table with a fold.

    `layout` counts up with every change of columns, indexes or fold: the new table is then filled from the first event.
    `columns` begin with `id`; `order` names the column that lists are sorted by, `chosen` those that lists are often
    chosen by, one or several together: the database keeps an index for each. One that is not `listed` is only ever
    asked for some of its rows, so that it needs no index for the whole.

    The fold goes over a state of the view's own, so that a row is read and written once for many events: `begin` makes
    it of the first event, or `read` of the row that is there; `take` takes an event in; `write` gives the row, all but
    its id.

    `key` says which row an event belongs to, None for one that belongs to no row; without it there is one row a stream.
    It is the row's id, or where `added` anything that tells rows apart.
    Events named in `opened` are handed to `key` and `begin` with the first event of their stream, which says what they
    do not. It is read from the log, so the fold stays a function of the log alone.

    Where `added`, all columns that are not fixed are numbers that only ever grow: a state starts at nothing with every
    page, what it comes to is added to the row that is there, and no row is read back. `write` gives the id as well.
    """

    name: str
    layout: int
    events: tuple[str, ...]
    columns: tuple[Column, ...]
    order: str
    begin: Callable[[DomainEvent, DomainEvent], S]
    take: Callable[[S, DomainEvent], None]
    write: Callable[[S], Row]
    read: Callable[[Row], S] | None = None
    chosen: tuple[str | tuple[str, ...], ...] = ()
    listed: bool = True
    added: bool = False
    key: Callable[[DomainEvent, DomainEvent], Hashable | None] | None = None
    opened: frozenset[str] = frozenset()

    def fold(self, row: Row | None, events: Sequence[DomainEvent], first: DomainEvent | None = None) -> Row:
        """The row, but for its id, after these events (one at least), from the row before; `first` began the stream."""
        state = self.begin(events[0], first or events[0]) if row is None or self.read is None else self.read(row)
        for event in events:
            self.take(state, event)
        return self.joined(row, self.write(state))

    def joined(self, before: Row | None, row: Row) -> Row:
        """The row as it is kept, from the one kept before and the one that was written."""
        if before is None or not self.added:
            return row
        grows = [column.name for column in self.columns if not column.fixed]
        return {**before, **{name: int(before[name] or 0) + int(row[name] or 0) for name in grows}}


AnyView = View[Any]


def instant(at: datetime) -> str:
    """A time as text that sorts: UTC, always with microseconds, `2026-05-04T03:02:01.000000Z`."""
    text = at.isoformat(timespec="microseconds")
    if not text.endswith("+00:00"):
        text = at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{text[:-6]}Z"


def within(event: DomainEvent, first: DomainEvent) -> str:
    """When something happened in a stream, and never before it began: the clocks of several processes differ."""
    return instant(max(event.timestamp, first.timestamp))


def optional(id_: UUID | None) -> str | None:
    """A UUID as text, or None."""
    return str(id_) if id_ is not None else None


def events_of(stream: str, types: Mapping[str, type[DomainEvent]], *, without: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the events of one kind of stream."""
    return tuple(name for name, type_ in types.items() if type_.stream == stream and name not in without)
