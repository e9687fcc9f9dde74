"""Views: brought up to date when they are asked, rebuilt beside themselves, their positions in sight."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from limen.adapters.store.application import EventLog
from limen.adapters.store.replay import collector_paused
from limen.adapters.views.reading import PAGE_EVENTS, REBUILD_EVENTS, Pages
from limen.adapters.views.tables import Filling, ViewTables, Wanted, older, table_of
from limen.projections import VIEWS, AnyView
from limen.projections.view import Row, Value

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
        self._pages = Pages(log)
        self._tables = tables
        self._owned = owned

    def rows(
        self,
        view: AnyView,
        where: Mapping[str, Value] | None = None,
        *,
        since: str | None = None,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Row]:
        """The rows with these values, and with `since` or more in the view's order, the newest first, as of now.

        Raises `ValueError` for an unknown column.
        """
        self.catch_up(view, progress)
        return self._tables.rows(view, table_of(view), where or {}, since, limit)

    def page(self, view: AnyView, wanted: Wanted, limit: int) -> list[Row]:
        """The first rows of those wanted, the newest first. As the view stands: nothing is caught up.

        Raises `ValueError` for an unknown column.
        """
        return self._tables.page(view, table_of(view), wanted, limit)

    def count_some(self, view: AnyView, wanted: Wanted, limit: int) -> int:
        """How many rows are wanted, counted up to `limit`. As the view stands; raises `ValueError` as above."""
        return self._tables.count_some(view, table_of(view), wanted, limit)

    def among(self, view: AnyView, column: str, values: Sequence[str]) -> list[Row]:
        """The rows with one of these values in a column, in no order. As the view stands; `ValueError` as above."""
        return self._tables.among(view, table_of(view), column, values)

    def ids(self, view: AnyView, beginning: str, *, limit: int) -> list[str]:
        """The ids that begin so, `limit` at most."""
        self.catch_up(view)
        return self._tables.ids(table_of(view), beginning, limit)

    def catch_up(self, view: AnyView, progress: Progress | None = None) -> int:
        """Takes in what was appended since; gives the position reached."""
        return self.catch_up_all((view,), progress)

    def catch_up_all(self, views: Iterable[AnyView], progress: Progress | None = None) -> int:
        """The same for several views at once: what was appended since is read a single time."""
        return self._fill({table_of(view): view for view in views}, progress)

    def rebuild(self, view: AnyView, progress: Progress | None = None) -> int:
        """Folds the whole log into a new table, which then takes the place of the old one; gives its position.

        Until then the old one is as it was. No action runs. Two processes that rebuild the same view fill one table.
        Tables of the view's earlier layouts go.
        """
        return self.rebuild_all((view,), progress)[view.name]

    def rebuild_all(
        self, views: Iterable[AnyView] = tuple(VIEWS.values()), progress: Progress | None = None
    ) -> dict[str, int]:
        """The same with several views at once: the log is read a single time. Gives the position of each by name."""
        sides = {f"{table_of(view)}_new": view for view in views}
        reached = {view.name: 0 for view in sides.values()}
        for side in sides:
            self._tables.drop(side)
        while sides:
            self._fill(sides, progress, rebuilding=True)
            replaced = [side for side, view in sides.items() if self._tables.replace(view, table_of(view), side)]
            for view in map(sides.pop, replaced):
                reached[view.name] = self._tables.position(table_of(view))
                for table in older(view, self.tables):
                    self._tables.drop(table)
        return reached

    def status(self) -> list[Status]:
        """Of every view, as it stands; nothing is caught up."""
        head = self._head()
        places = [(view.name, table_of(view)) for view in VIEWS.values()]
        return [Status(name, self._tables.position(one), head, self._tables.count(one)) for name, one in places]

    @property
    def tables(self) -> list[str]:
        """The tables there are, those of earlier layouts and half-built ones among them."""
        return list(self._tables.marks("view_"))

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

    def _fill(self, views: Mapping[str, AnyView], progress: Progress | None, *, rebuilding: bool = False) -> int:
        """Brings the tables up to the head of the log, page by page, each from where it is; gives where all are."""
        head, limit = self._head(), REBUILD_EVENTS if rebuilding else PAGE_EVENTS
        positions = {table: self._tables.position(table) for table in views}
        while (after := min(positions.values())) < head:
            with collector_paused():
                page = self._pages.next(views.values(), after, head, limit)
                behind = [Filling(views[table], table, at) for table, at in positions.items() if at < page.upto]
                positions.update(self._tables.fill(behind, page, indexed=not rebuilding))
            if progress is not None:
                progress(min(*positions.values(), head), head)
        return min(positions.values())
