"""The tables of views, and the position each has reached: `eventsourcing`'s tracking recorders with rows beside it.

A table and its position share one name, `view_<name>_v<layout>`, and change in one transaction: every event is counted
once, whoever else is at it.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence

from eventsourcing.persistence import TrackingRecorder

from limen.domain.event import DomainEvent
from limen.projections.view import Row, Value, View


class ViewTables(TrackingRecorder):
    """A tracking recorder that keeps rows too. A table exists exactly when it has a position."""

    def position(self, table: str) -> int:
        """The position in the log up to which the table is filled; 0 where there is none."""
        return self.max_tracking_id(table) or 0

    @abstractmethod
    def fold(self, view: View, table: str, after: int, upto: int, events: Sequence[DomainEvent]) -> int:
        """Takes the events between two positions in, and moves the position on, in one transaction.

        Gives the position the table has then: another than `upto` when somebody else was first; then nothing changed.
        """

    @abstractmethod
    def rows(self, view: View, table: str, where: Mapping[str, Value], limit: int | None) -> Iterator[Row]:
        """The rows that have these values, the newest by `view.order` first."""

    @abstractmethod
    def ids(self, table: str, beginning: str, limit: int) -> list[str]:
        """The ids that begin so (`beginning` in lower case), in order."""

    @abstractmethod
    def count(self, table: str) -> int:
        """How many rows there are."""

    @abstractmethod
    def drop(self, table: str) -> None:
        """Removes the table and its position, where there are any."""

    @abstractmethod
    def replace(self, table: str, by: str) -> bool:
        """Puts one table in the place of another; False when it has not come as far as that one yet.

        True as well where there is nothing (any more) to put there.
        """

    @abstractmethod
    def move(self, name: str, position: int) -> None:
        """Sets a position that belongs to no table, such as a relay's; forwards or back."""

    @abstractmethod
    def marks(self, beginning: str) -> dict[str, int]:
        """The positions whose names begin so, by name."""

    @abstractmethod
    def close(self) -> None:
        """Ends what it opened."""


def table_of(view: View) -> str:
    """The name of a view's table."""
    return f"view_{view.name}_v{view.layout}"


def folded(view: View, rows: Mapping[str, Row], events: Sequence[DomainEvent]) -> dict[str, Row]:
    """The rows that these events change, from those there are."""
    changed: dict[str, Row] = {}
    for event in events:
        key = str(view.key(event))
        changed[key] = view.fold(changed.get(key) or rows.get(key), event)
    return changed
