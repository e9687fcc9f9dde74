"""What the two databases do alike."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

from eventsourcing.persistence import PersistenceError

from limen.adapters.ledger import statements
from limen.adapters.ledger.entry import EventRow
from limen.adapters.ledger.tables import CheckpointRow, LedgerTables, NodeTile, size_of
from limen.adapters.ledger.tile import LeafTile
from limen.adapters.store.writer import unusable

FETCHED = 500
"""Checkpoints read at a time."""


class SqlLedgerTables(LedgerTables):
    """Tables in a database. `mark` is how it writes a parameter; `select` is how events are read."""

    mark: ClassVar[str]
    blob: ClassVar[str]
    position: ClassVar[str]
    select: ClassVar[str]

    def __init__(self) -> None:
        self._there: set[str] = set()

    @abstractmethod
    def writing(self) -> AbstractContextManager[Any]:
        """A cursor in a transaction that nobody else writes ledgers beside."""

    @abstractmethod
    def reading(self, statement: str, params: Sequence[Any]) -> list[Sequence[Any]]:
        """The rows a statement gives."""

    @abstractmethod
    def tables(self) -> set[str]:
        """Those of the ledger's tables that exist."""

    @abstractmethod
    def stream_param(self, stream: str) -> Any:
        """A stream (32 hex digits) as the events table has it."""

    def prepare(self) -> None:
        if self.tables() != set(statements.TABLES):
            with self.writing() as cursor:
                for statement in statements.create(self.blob):
                    cursor.execute(statement)

    # -- the log

    def events(self, start: int, limit: int) -> Sequence[EventRow]:
        where = f"WHERE {self.position} >= {self.mark} ORDER BY {self.position} LIMIT {self.mark}"
        return self.reading(f"{self.select} {where}", (start, limit))

    def event(self, stream: str, version: int) -> EventRow | None:
        where = f"WHERE originator_id = {self.mark} AND originator_version = {self.mark}"
        return next(iter(self.reading(f"{self.select} {where}", (self.stream_param(stream), version))), None)

    def count(self, start: int) -> int:
        found = self.reading(f"SELECT COUNT(*) FROM stored_events WHERE {self.position} >= {self.mark}", (start,))
        return int(found[0][0])

    def head(self) -> int:
        found = self.reading(f"SELECT MAX({self.position}) FROM stored_events", ())
        return int(found[0][0] or 0)

    # -- the ledger

    def leaf_tile(self, number: int | None = None) -> LeafTile | None:
        if number is None:
            return _tile(self._rows("ledger_leaves", statements.LAST_LEAVES, ()))
        return _tile(self._rows("ledger_leaves", statements.leaves(self.mark), (number,)))

    def leaf_tiles(self, start: int, limit: int) -> Sequence[LeafTile]:
        rows = self._rows("ledger_leaves", statements.leaves_from(self.mark), (start, limit))
        return [tile for tile in (_tile([row]) for row in rows) if tile is not None]

    def tile_at(self, position: int) -> LeafTile | None:
        return _tile(self._rows("ledger_leaves", statements.leaves_at(self.mark), (position,)))

    def node_tile(self, level: int, number: int) -> bytes:
        found = self._rows("ledger_nodes", statements.nodes(self.mark), (level, number))
        return _as_bytes(found[0][0]) if found else b""

    def checkpoint(self, number: int | None = None) -> CheckpointRow | None:
        if number is None:
            found = self._rows("ledger_checkpoints", statements.LAST_CHECKPOINT, ())
        else:
            found = self._rows("ledger_checkpoints", statements.checkpoint(self.mark), (number,))
        return CheckpointRow(*found[0]) if found else None

    def checkpoints(self) -> Iterator[CheckpointRow]:
        after = -1
        statement = statements.CHECKPOINTS.replace(" ORDER", f" WHERE number > {self.mark} ORDER")
        while page := self._rows("ledger_checkpoints", f"{statement} LIMIT {FETCHED}", (after,)):
            yield from (CheckpointRow(*row) for row in page)
            after = page[-1][0]

    def keep(self, size: int, leaves: Sequence[LeafTile], nodes: Sequence[NodeTile]) -> bool:
        with self.writing() as cursor:
            cursor.execute(statements.LAST_LEAVES)
            if size_of(_tile(cursor.fetchall())) != size:
                return False
            for one in leaves:
                first = one.numbers(one.positions)[0]
                row = (one.number, one.hashes, one.positions, one.streams, one.versions, first)
                cursor.execute(statements.put_leaves(self.mark), row)
            for node in nodes:
                cursor.execute(statements.put_nodes(self.mark), node)
        return True

    def keep_checkpoint(self, row: CheckpointRow) -> bool:
        with self.writing() as cursor:
            cursor.execute(statements.put_checkpoint(self.mark), (row.number, row.size, row.note))
            return bool(cursor.rowcount == 1)

    def _rows(self, table: str, statement: str, params: Sequence[Any]) -> list[Sequence[Any]]:
        """The rows of a table that may not be there: never made yet, or dropped by somebody."""
        if table not in self._there:
            self._there = self.tables()
            if table not in self._there:
                return []
        return self.reading(statement, params)


@contextmanager
def usable() -> Iterator[None]:
    """A failure of the database is `StoreUnusable`."""
    try:
        yield
    except PersistenceError as error:
        raise unusable(error) from error


def _tile(rows: Sequence[Any]) -> LeafTile | None:
    if not rows:
        return None
    row = list(rows[0].values()) if isinstance(rows[0], dict) else rows[0]
    return LeafTile(int(row[0]), *map(_as_bytes, row[1:]))


def _as_bytes(value: Any) -> bytes:
    """A column as it should be; nothing where somebody has put something else there."""
    return value if isinstance(value, bytes) else b""
