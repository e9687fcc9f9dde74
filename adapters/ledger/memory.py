"""The ledger of a log in memory: gone with it, and the reference for what tables do."""

from collections.abc import Iterator, Sequence
from threading import Lock
from uuid import UUID
from weakref import WeakKeyDictionary

from limen.adapters.ledger.entry import EventRow
from limen.adapters.ledger.tables import CheckpointRow, LedgerTables, NodeTile, size_of
from limen.adapters.ledger.tile import LeafTile
from limen.adapters.store.application import EventLog
from limen.adapters.store.recorder import LogRow, VaultRecorder


class MemoryLedgerTables(LedgerTables):
    """Rows in dictionaries."""

    def __init__(self, recorder: VaultRecorder) -> None:
        self._recorder = recorder
        self._lock = Lock()
        self.leaves: dict[int, LeafTile] = {}
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.signed: dict[int, CheckpointRow] = {}

    @classmethod
    def of(cls, log: EventLog) -> "MemoryLedgerTables":
        """The one ledger of a log."""
        if log not in _LEDGERS:
            _LEDGERS[log] = cls(log.vault)
        return _LEDGERS[log]

    def prepare(self) -> None:
        """They are there."""

    def events(self, start: int, limit: int) -> Sequence[EventRow]:
        return [_row(one) for one in self._recorder.log_rows(max(start, 1) - 1, limit)]

    def event(self, stream: str, version: int) -> EventRow | None:
        return next((_row(one) for one in self._recorder.stream_log(UUID(stream)) if one[2] == version), None)

    def count(self, start: int) -> int:
        return max(self.head() - max(start, 1) + 1, 0)

    def head(self) -> int:
        return self._recorder.max_notification_id() or 0

    def leaf_tile(self, number: int | None = None) -> LeafTile | None:
        return self.leaves.get(max(self.leaves, default=0) if number is None else number)

    def leaf_tiles(self, start: int, limit: int) -> Sequence[LeafTile]:
        return [self.leaves[number] for number in sorted(self.leaves) if number >= start][:limit]

    def tile_at(self, position: int) -> LeafTile | None:
        found = [tile for tile in self.leaves.values() if tile.numbers(tile.positions)[0] <= position]
        return max(found, key=lambda tile: tile.number, default=None)

    def node_tile(self, level: int, number: int) -> bytes:
        return self.nodes.get((level, number), b"")

    def checkpoint(self, number: int | None = None) -> CheckpointRow | None:
        return self.signed.get(max(self.signed, default=0) if number is None else number)

    def checkpoints(self) -> Iterator[CheckpointRow]:
        return iter([self.signed[number] for number in sorted(self.signed)])

    def keep(self, size: int, leaves: Sequence[LeafTile], nodes: Sequence[NodeTile]) -> bool:
        with self._lock:
            if size_of(self.leaf_tile()) != size:
                return False
            self.leaves.update((tile.number, tile) for tile in leaves)
            self.nodes.update(((level, number), hashes) for level, number, hashes in nodes)
            return True

    def keep_checkpoint(self, row: CheckpointRow) -> bool:
        return self.signed.setdefault(row.number, row) is row

    def close(self) -> None:
        """It lasts as long as its log."""


def _row(row: LogRow) -> EventRow:
    return (row[0], row[1].replace("-", ""), *row[2:])


_LEDGERS: WeakKeyDictionary[EventLog, MemoryLedgerTables] = WeakKeyDictionary()
