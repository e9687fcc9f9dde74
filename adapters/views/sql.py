"""What the two databases do alike."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from eventsourcing.persistence import Tracking

from limen.adapters.views import statements
from limen.adapters.views.tables import ViewTables, folded
from limen.domain.event import DomainEvent
from limen.projections.view import Row, Value, View


class SqlViewTables(ViewTables):
    """Tables in a database. `mark` is how it writes a parameter, `tracking` its table of positions."""

    mark: ClassVar[str]
    tracking: ClassVar[str]

    @abstractmethod
    def writing(self) -> AbstractContextManager[Any]:
        """A transaction that nobody else writes views beside: what is read in it stays true until its end."""

    @abstractmethod
    def reading(self, statement: str, params: Sequence[Value]) -> Iterator[Sequence[Any]]:
        """The rows a statement gives, as they come."""

    @abstractmethod
    def _max_tracking_id(self, application_name: str, c: Any, /) -> int | None: ...

    @abstractmethod
    def _insert_tracking(self, c: Any, tracking: Tracking, /) -> None: ...

    def fold(self, view: View, table: str, after: int, upto: int, events: Sequence[DomainEvent]) -> int:
        with self.writing() as cursor:
            stored = self._max_tracking_id(table, cursor)
            if (stored or 0) != after:
                return stored or 0
            if stored is None:
                cursor.execute(statements.create(view, table))
            keys = list(dict.fromkeys(str(view.key(event)) for event in events))
            changed = folded(view, self._present(cursor, view, table, keys), events)
            if changed:
                values = [[row[column.name] for column in view.columns] for row in changed.values()]
                cursor.executemany(statements.upsert(view, table, self.mark), values)
            self._insert_tracking(cursor, Tracking(table, upto))
        return upto

    def _present(self, cursor: Any, view: View, table: str, keys: Sequence[str]) -> dict[str, Row]:
        present: dict[str, Row] = {}
        for start in range(0, len(keys), statements.KEYS_AT_ONCE):
            some = keys[start : start + statements.KEYS_AT_ONCE]
            cursor.execute(statements.select_keys(view, table, len(some), self.mark), some)
            present.update((str(row["id"]), row) for row in (self.named(view, one) for one in cursor.fetchall()))
        return present

    @staticmethod
    def named(view: View, row: Any) -> Row:
        """A fetched row by the names of its columns."""
        if isinstance(row, Mapping):
            return row
        return dict(zip((column.name for column in view.columns), row, strict=True))

    def rows(self, view: View, table: str, where: Mapping[str, Value], limit: int | None) -> Iterator[Row]:
        statements.known_columns(view, where)
        if not self.position(table):
            return
        params = [*where.values(), *([limit] if limit is not None else [])]
        statement = statements.select(view, table, where, self.mark, limit=limit is not None)
        for row in self.reading(statement, params):
            yield self.named(view, row)

    def ids(self, table: str, beginning: str, limit: int) -> list[str]:
        if not self.position(table):
            return []
        # a range instead of LIKE, which would not use the key
        found = self.reading(statements.select_ids(table, self.mark), (beginning, f"{beginning}g", limit))
        return [str(row[0]) for row in found]

    def count(self, table: str) -> int:
        if not self.position(table):
            return 0
        return int(next(iter(self.reading(f"SELECT COUNT(*) FROM {table}", ())))[0])

    def drop(self, table: str) -> None:
        with self.writing() as cursor:
            self._forget(cursor, table)

    def replace(self, table: str, by: str) -> bool:
        with self.writing() as cursor:
            reached = self._max_tracking_id(by, cursor)
            if reached is None:
                return True
            if reached < (self._max_tracking_id(table, cursor) or 0):
                return False
            self._forget(cursor, table)
            cursor.execute(f"ALTER TABLE {by} RENAME TO {table}")
            self._forget(cursor, by)
            self._insert_tracking(cursor, Tracking(table, reached))
        return True

    def move(self, name: str, position: int) -> None:
        with self.writing() as cursor:
            self._unmark(cursor, name)
            self._insert_tracking(cursor, Tracking(name, position))

    def marks(self, beginning: str) -> dict[str, int]:
        statement = f"SELECT application_name, notification_id FROM {self.tracking} ORDER BY application_name"
        return {str(name): int(at) for name, at in self.reading(statement, ()) if str(name).startswith(beginning)}

    def _forget(self, cursor: Any, table: str) -> None:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        self._unmark(cursor, table)

    def _unmark(self, cursor: Any, name: str) -> None:
        statement = f"DELETE FROM {self.tracking} WHERE application_name = {self.mark}"
        cursor.execute(statement, (name,))
