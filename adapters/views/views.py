"""Views: brought up to date when they are asked, rebuilt beside themselves, their positions in sight."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from limen.adapters.store.application import EventLog
from limen.adapters.views.tables import ViewTables, table_of
from limen.domain.event import DomainEvent
from limen.projections import VIEWS
from limen.projections.view import Row, Value, View

PAGE_EVENTS = 1000
"""Events folded in one transaction."""

Progress = Callable[[int, int], None]
"""Called with the position reached and the one to reach."""


@dataclass(frozen=True, slots=True)
class Status:
    """How far a view has come: its `position` in the log, the log's own `head`, and its number of `rows`."""

    name: str
    position: int
    head: int
    rows: int

    @property
    def lag(self) -> int:
        """Positions it is behind."""
        return self.head - self.position


class Views:
    """The views of one log. Made by `open_views`; a context manager."""

    def __init__(self, log: EventLog, tables: ViewTables, *, owned: bool) -> None:
        self._log = log
        self._tables = tables
        self._owned = owned

    def rows(
        self,
        view: View,
        where: Mapping[str, Value] | None = None,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Row]:
        """The rows with these values, the newest first, as of now. Raises `ValueError` for an unknown column."""
        self.catch_up(view, progress)
        return self._tables.rows(view, table_of(view), where or {}, limit)

    def ids(self, view: View, beginning: str, *, limit: int) -> list[str]:
        """The ids that begin so, `limit` at most."""
        self.catch_up(view)
        return self._tables.ids(table_of(view), beginning, limit)

    def catch_up(self, view: View, progress: Progress | None = None) -> int:
        """Takes in what was appended since; gives the position reached."""
        return self._fill(view, table_of(view), progress)

    def rebuild(self, view: View, progress: Progress | None = None) -> int:
        """Folds the whole log into a new table, which then takes the place of the old one; gives its position.

        Until then the old one is as it was. No action runs. Two processes that rebuild the same view fill one table.
        """
        table, side = table_of(view), f"{table_of(view)}_new"
        self._tables.drop(side)
        while True:
            self._fill(view, side, progress)
            if self._tables.replace(table, side):
                return self._tables.position(table)

    def status(self) -> list[Status]:
        """Of every view, as it stands; nothing is caught up."""
        head = self._head()
        places = [(view.name, table_of(view)) for view in VIEWS.values()]
        return [Status(name, self._tables.position(one), head, self._tables.count(one)) for name, one in places]

    def close(self) -> None:
        """Closes what was opened for it."""
        self._tables.close()
        if self._owned:
            self._log.close()

    def __enter__(self) -> "Views":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- following the log

    def _head(self) -> int:
        return self._log.vault.max_notification_id() or 0

    def _fill(self, view: View, table: str, progress: Progress | None) -> int:
        head, position = self._head(), self._tables.position(table)
        while position < head:
            upto, events = self._page(view, position, head)
            position = self._tables.fold(view, table, position, upto, events)
            if progress is not None:
                progress(min(position, head), head)
        return position

    def _page(self, view: View, after: int, head: int) -> tuple[int, list[DomainEvent]]:
        """The next events of a view up to `head`, and the position that is reached with them."""
        found = self._log.vault.log_rows(after, PAGE_EVENTS, view.events)
        upto = min(found[-1][0], head) if len(found) == PAGE_EVENTS else head
        event = self._log.event_mapper.event
        return upto, [event(*row[1:]) for row in found if row[0] <= upto]
