"""Views of a log in memory: gone with it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from eventsourcing.persistence import Tracking
from eventsourcing.popo import POPOTrackingRecorder

from limen.adapters.views.reading import Page
from limen.adapters.views.statements import known_columns
from limen.adapters.views.tables import Filling, ViewTables, Wanted
from limen.projections.folding import Folding, Lookup, deal
from limen.projections.view import AnyView, Row, Value


class MemoryViewTables(POPOTrackingRecorder, ViewTables):
    """Rows in a dictionary, under the recorder's lock."""

    def __init__(self) -> None:
        super().__init__()
        self._tables: dict[str, dict[str, Row]] = {}

    def fill(self, fillings: Sequence[Filling], page: Page, *, indexed: bool) -> dict[str, int]:  # noqa: ARG002 - a dictionary has no indexes
        with self._database_lock:
            positions = {one.table: self.position(one.table) for one in fillings}
            current = [one for one in fillings if positions[one.table] == one.after]
            foldings = [Folding(one.view, one.after, self._present(one.table), page.raw) for one in current]
            deal(foldings, page.raw, page.decode, page.firsts)
            for one, folding in zip(current, foldings, strict=True):
                rows = self._tables.setdefault(one.table, {})
                for id_, row in folding.rows():
                    rows[id_] = one.view.joined(rows.get(id_), {"id": id_, **row})
                self._insert_tracking(Tracking(one.table, page.upto))
                positions[one.table] = page.upto
        return positions

    def _present(self, table: str) -> Lookup:
        rows = self._tables.get(table, {})
        return lambda ids: {id_: rows[id_] for id_ in ids if id_ in rows}

    def rows(
        self, view: AnyView, table: str, where: Mapping[str, Value], since: str | None, limit: int | None
    ) -> Iterator[Row]:
        known_columns(view, where)
        with self._database_lock:
            found = [row for row in self._tables.get(table, {}).values() if where.items() <= row.items()]
        if since is not None:
            found = [row for row in found if str(row[view.order]) >= since]
        found.sort(key=lambda row: (str(row[view.order]), str(row["id"])), reverse=True)
        return iter(found[:limit])

    def page(self, view: AnyView, table: str, wanted: Wanted, limit: int) -> list[Row]:
        found = self.rows(view, table, wanted.where, wanted.since, None)
        before = wanted.before
        earlier = (row for row in found if before is None or (str(row[view.order]), str(row["id"])) < before)
        return list(islice(earlier, limit))

    def count_some(self, view: AnyView, table: str, wanted: Wanted, limit: int) -> int:
        return len(self.page(view, table, wanted, limit))

    def among(self, view: AnyView, table: str, column: str, values: Sequence[str]) -> list[Row]:
        known_columns(view, [column])
        wanted = frozenset(values)
        with self._database_lock:
            rows = self._tables.get(table, {})
            if column == "id":
                return [rows[id_] for id_ in wanted if id_ in rows]
            return [row for row in rows.values() if row[column] in wanted]

    def ids(self, table: str, beginning: str, limit: int) -> list[str]:
        return sorted(id_ for id_ in self._tables.get(table, {}) if id_.startswith(beginning))[:limit]

    def count(self, table: str) -> int:
        return len(self._tables.get(table, {}))

    def drop(self, table: str) -> None:
        with self._database_lock:
            self._tables.pop(table, None)
            self._max_tracking_ids.pop(table, None)

    def replace(self, view: AnyView, table: str, by: str) -> bool:  # noqa: ARG002 - nor here
        with self._database_lock:
            if by not in self._tables:
                return True
            reached = self.position(by)
            if reached < self.position(table):
                return False
            rows = self._tables[by]
            self.drop(by)
            self._tables[table] = rows
            self._max_tracking_ids[table] = reached
        return True

    def move(self, name: str, position: int) -> None:
        with self._database_lock:
            self._max_tracking_ids.pop(name, None)
            self._insert_tracking(Tracking(name, position))

    def marks(self, beginning: str) -> dict[str, int]:
        with self._database_lock:
            found = sorted(self._max_tracking_ids.items())
            return {name: at for name, at in found if at is not None and name.startswith(beginning)}

    def close(self) -> None:
        self._tables.clear()
