"""The tables of a ledger, and the events it is about: what each database does."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limen.adapters.ledger.entry import EventRow
from limen.adapters.ledger.tile import LeafTile

LOWEST = -(2**63)
"""The lowest position a database can hold: an event may have been put below the first."""

NodeTile = tuple[int, int, bytes]
"""Level, number, hashes."""


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A stored checkpoint, as it stands there now."""

    number: int
    size: int
    note: str


class LedgerTables(ABC):
    """Beside one log. Reading where nothing was ever sealed gives nothing."""

    @abstractmethod
    def prepare(self) -> None:
        """Creates the tables where there are none."""

    # -- the log

    @abstractmethod
    def events(self, start: int, limit: int) -> Sequence[EventRow]:
        """Events from a position on (that one included), in order."""

    @abstractmethod
    def event(self, stream: str, version: int) -> EventRow | None:
        """One event by its stream (32 hex digits) and version."""

    @abstractmethod
    def count(self, start: int) -> int:
        """How many events there are from a position on."""

    @abstractmethod
    def head(self) -> int:
        """The position of the newest event; 0 where there is none."""

    # -- the ledger

    @abstractmethod
    def leaf_tile(self, number: int | None = None) -> LeafTile | None:
        """A tile of leaves; the last one unless a number is given."""

    @abstractmethod
    def leaf_tiles(self, start: int, limit: int) -> Sequence[LeafTile]:
        """Tiles of leaves from a number on, in order."""

    @abstractmethod
    def tile_at(self, position: int) -> LeafTile | None:
        """The tile of leaves in which the event at a position stands, if it is sealed."""

    @abstractmethod
    def node_tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile of nodes; empty where there is none."""

    @abstractmethod
    def checkpoint(self, number: int | None = None) -> CheckpointRow | None:
        """A checkpoint; the last one unless a number is given."""

    @abstractmethod
    def checkpoints(self) -> Iterator[CheckpointRow]:
        """All of them, in order of their numbers."""

    @abstractmethod
    def keep(self, size: int, leaves: Sequence[LeafTile], nodes: Sequence[NodeTile]) -> bool:
        """Puts tiles there in one transaction; False, and nothing happens, where the ledger has not that size."""

    @abstractmethod
    def keep_checkpoint(self, row: CheckpointRow) -> bool:
        """Adds a checkpoint; False where there is one of that number."""

    @abstractmethod
    def close(self) -> None:
        """Ends what was opened for it."""


def size_of(tile: LeafTile | None) -> int:
    """How many leaves there are, by the last tile."""
    return 0 if tile is None else tile.number * 256 + tile.count
