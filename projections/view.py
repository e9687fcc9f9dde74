"""What a view is: rows folded from events, one event after the other.

A row is a mapping from column to text, number or None (identifiers as UUID text, times as `instant` writes them), so
that any database can hold it. Folding is pure and sees each event exactly once: the rows it changed and the position
of the last event are stored in one transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from limen.domain.event import DomainEvent

Value = str | int | None
Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `kind` is how it is stored: `text` or `integer`."""

    name: str
    kind: Literal["text", "integer"] = "text"


@dataclass(frozen=True, slots=True)
class View:
    """A table with a fold.

    `layout` counts up with every change of columns or fold: the new table is then filled from the first event. `key`
    says which row an event belongs to; `fold` gives the row after the event, from the row before it (None where there
    was none). `columns` begin with `id`; `order` names the column that lists are sorted by.
    """

    name: str
    layout: int
    events: tuple[str, ...]
    columns: tuple[Column, ...]
    order: str
    key: Callable[[DomainEvent], UUID]
    fold: Callable[[Row | None, DomainEvent], Row]


def instant(at: datetime) -> str:
    """A time as text that sorts: UTC, always with microseconds, `2026-05-04T03:02:01.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def optional(id_: UUID | None) -> str | None:
    """A UUID as text, or None."""
    return str(id_) if id_ is not None else None


def stream_of(event: DomainEvent) -> UUID:
    """The key of a view that has one row a stream."""
    return event.originator_id
