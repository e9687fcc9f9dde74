"""What the two databases do alike."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from operator import itemgetter
from typing import Any, ClassVar

from eventsourcing.persistence import Tracking

from limen.adapters.views import statements
from limen.adapters.views.reading import Page
from limen.adapters.views.tables import Filling, ViewTables, Wanted
from limen.projections.folding import Folding, deal
from limen.projections.view import AnyView, Row, Value


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

    def fill(self, fillings: Sequence[Filling], page: Page, *, indexed: bool) -> dict[str, int]:
        with self.writing() as cursor:
            positions = {one.table: self._opened(cursor, one, indexed=indexed) for one in fillings}
            current = [one for one in fillings if positions[one.table] == one.after]
            foldings = [self._folding(cursor, one, page) for one in current]
            deal(foldings, page.raw, page.decode, page.firsts)
            for one, folding in zip(current, foldings, strict=True):
                self._write(cursor, one, folding)
                self._insert_tracking(cursor, Tracking(one.table, page.upto))
                positions[one.table] = page.upto
        return positions

    def _opened(self, cursor: Any, filling: Filling, *, indexed: bool) -> int:
        """The position of a table, which is made where there is none and something is to be filled in from 0 on."""
        stored = self._max_tracking_id(filling.table, cursor)
        if stored is None and filling.after == 0:
            view, table = filling.view, filling.table
            for statement in (statements.create(view, table), *(statements.index(view, table) if indexed else ())):
                cursor.execute(statement)
        return stored or 0

    def _folding(self, cursor: Any, filling: Filling, page: Page) -> Folding:
        view, table = filling.view, filling.table
        return Folding(view, filling.after, lambda ids: self._present(cursor, view, table, ids), page.raw)

    def _write(self, cursor: Any, filling: Filling, folding: Folding) -> None:
        columns = itemgetter(*(column.name for column in filling.view.columns[1:]))
        values = [(id_, *columns(row)) for id_, row in folding.rows()]
        if values:
            cursor.executemany(statements.upsert(filling.view, filling.table, self.mark), values)

    def _present(self, cursor: Any, view: AnyView, table: str, keys: Sequence[str]) -> dict[str, Row]:
        present: dict[str, Row] = {}
        for start in range(0, len(keys), statements.KEYS_AT_ONCE):
            some = keys[start : start + statements.KEYS_AT_ONCE]
            cursor.execute(statements.select_among(view, table, "id", len(some), self.mark), some)
            present.update((str(row["id"]), row) for row in (self.named(view, one) for one in cursor.fetchall()))
        return present

    @staticmethod
    def named(view: AnyView, row: Any) -> Row:
        """A fetched row by the names of its columns."""
        if isinstance(row, Mapping):
            return row
        return dict(zip((column.name for column in view.columns), row, strict=True))

    def rows(
        self, view: AnyView, table: str, where: Mapping[str, Value], since: str | None, limit: int | None
    ) -> Iterator[Row]:
        statements.known_columns(view, where)
        if not self.position(table):
            return
        params = [*where.values(), *(value for value in (since, limit) if value is not None)]
        given = {"since": since is not None, "limit": limit is not None}
        statement = statements.select(view, table, where, self.mark, **given)
        for row in self.reading(statement, params):
            yield self.named(view, row)

    def page(self, view: AnyView, table: str, wanted: Wanted, limit: int) -> list[Row]:
        statements.known_columns(view, wanted.where)
        if not self.position(table):
            return []
        statement = statements.select(view, table, wanted.where, self.mark, limit=True, **wanted.given())
        return [self.named(view, row) for row in self.reading(statement, wanted.params(limit))]

    def count_some(self, view: AnyView, table: str, wanted: Wanted, limit: int) -> int:
        statements.known_columns(view, wanted.where)
        if not self.position(table):
            return 0
        statement = statements.count_some(view, table, wanted.where, self.mark, **wanted.given())
        return int(next(iter(self.reading(statement, wanted.params(limit))))[0])

    def among(self, view: AnyView, table: str, column: str, values: Sequence[str]) -> list[Row]:
        statements.known_columns(view, [column])
        found: list[Row] = []
        if not self.position(table):
            return found
        for start in range(0, len(values), statements.KEYS_AT_ONCE):
            some = values[start : start + statements.KEYS_AT_ONCE]
            statement = statements.select_among(view, table, column, len(some), self.mark)
            found += [self.named(view, row) for row in self.reading(statement, some)]
        return found

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

    def replace(self, view: AnyView, table: str, by: str) -> bool:
        with self.writing() as cursor:
            reached = self._max_tracking_id(by, cursor)
            if reached is None:
                return True
            if reached < (self._max_tracking_id(table, cursor) or 0):
                return False
            self._forget(cursor, table)
            cursor.execute(f"ALTER TABLE {by} RENAME TO {table}")
            self._forget(cursor, by)
            for statement in statements.index(view, table):
                cursor.execute(statement)
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
