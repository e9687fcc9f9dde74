"""Views of a log in memory: gone with it."""

from collections.abc import Iterator, Mapping, Sequence

from eventsourcing.persistence import Tracking
from eventsourcing.popo import POPOTrackingRecorder

from limen.adapters.views.statements import known_columns
from limen.adapters.views.tables import ViewTables, folded
from limen.domain.event import DomainEvent
from limen.projections.view import Row, Value, View


class MemoryViewTables(POPOTrackingRecorder, ViewTables):
    """Rows in a dictionary, under the recorder's lock."""

    def __init__(self) -> None:
        super().__init__()
        self._tables: dict[str, dict[str, Row]] = {}

    def fold(self, view: View, table: str, after: int, upto: int, events: Sequence[DomainEvent]) -> int:
        with self._database_lock:
            stored = self.position(table)
            if stored != after:
                return stored
            rows = self._tables.setdefault(table, {})
            rows.update(folded(view, rows, events))
            self._insert_tracking(Tracking(table, upto))
        return upto

    def rows(self, view: View, table: str, where: Mapping[str, Value], limit: int | None) -> Iterator[Row]:
        known_columns(view, where)
        with self._database_lock:
            found = [row for row in self._tables.get(table, {}).values() if where.items() <= row.items()]
        found.sort(key=lambda row: (str(row[view.order]), str(row["id"])), reverse=True)
        return iter(found[:limit])

    def ids(self, table: str, beginning: str, limit: int) -> list[str]:
        return sorted(id_ for id_ in self._tables.get(table, {}) if id_.startswith(beginning))[:limit]

    def count(self, table: str) -> int:
        return len(self._tables.get(table, {}))

    def drop(self, table: str) -> None:
        with self._database_lock:
            self._tables.pop(table, None)
            self._max_tracking_ids.pop(table, None)

    def replace(self, table: str, by: str) -> bool:
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
