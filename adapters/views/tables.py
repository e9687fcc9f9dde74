"""The tables of views, and the position each has reached: `eventsourcing`'s tracking recorders with rows beside it.

A table and its position share one name, `view_<name>_v<layout>`, and change in one transaction: every event is counted
once, whoever else is at it.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eventsourcing.persistence import TrackingRecorder

from limen.adapters.views.reading import Page
from limen.projections.view import AnyView, Row, Value


@dataclass(frozen=True, slots=True)
class Filling:
    """A table that is to take a page in, and the position from which on."""

    view: AnyView
    table: str
    after: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of a view: with these values, `since` or more in its order, and `before` a place there (order and id)."""

    where: Mapping[str, Value]
    since: str | None = None
    before: tuple[str, str] | None = None

    def params(self, limit: int) -> list[Value]:
        """The values, in the order of a statement's parameters."""
        since = [self.since] if self.since is not None else []
        return [*self.where.values(), *since, *(self.before or ()), limit]

    def given(self) -> dict[str, bool]:
        """Which bounds there are."""
        return {"since": self.since is not None, "before": self.before is not None}


class ViewTables(TrackingRecorder):
    """A tracking recorder that keeps rows too. A table exists exactly when it has a position."""

    def position(self, table: str) -> int:
        """The position in the log up to which the table is filled; 0 where there is none."""
        return self.max_tracking_id(table) or 0

    @abstractmethod
    def fill(self, fillings: Sequence[Filling], page: Page, *, indexed: bool) -> dict[str, int]:
        """Takes a page in and moves the positions on, all in one transaction; a table that is not there is made.

        Gives the position each table has then: another than the page's when somebody else was first; then that table is
        as it was. `indexed`: whether a new table has its indexes from the beginning.
        """

    @abstractmethod
    def rows(
        self, view: AnyView, table: str, where: Mapping[str, Value], since: str | None, limit: int | None
    ) -> Iterator[Row]:
        """The rows that have these values, and `since` or more in `view.order`: the highest there first."""

    @abstractmethod
    def page(self, view: AnyView, table: str, wanted: Wanted, limit: int) -> list[Row]:
        """The first rows of those that are wanted, the highest in `view.order` first."""

    @abstractmethod
    def count_some(self, view: AnyView, table: str, wanted: Wanted, limit: int) -> int:
        """How many rows are wanted; `limit` where there are so many or more."""

    @abstractmethod
    def among(self, view: AnyView, table: str, column: str, values: Sequence[str]) -> list[Row]:
        """The rows with one of these values in a column, in no order."""

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
    def replace(self, view: AnyView, table: str, by: str) -> bool:
        """Puts one table in the place of another, with its indexes; False when it is not as far as that one yet.

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


def table_of(view: AnyView) -> str:
    """The name of a view's table."""
    return f"view_{view.name}_v{view.layout}"


def older(view: AnyView, names: Sequence[str]) -> list[str]:
    """Those of these tables that hold the view as an earlier layout had it."""
    beginning = f"view_{view.name}_v"
    layouts = {name: name.removeprefix(beginning) for name in names if name.startswith(beginning)}
    return [name for name, layout in layouts.items() if layout.isdecimal() and int(layout) < view.layout]
