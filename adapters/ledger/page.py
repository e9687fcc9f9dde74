"""Page: events as they are now, hashed, in columns: what is sealed, and what is held against what was sealed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from limen.adapters.ledger.entry import EventRow, leaf_hashes
from limen.adapters.ledger.tile import LeafTile, packed, packed_streams


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as it is now."""

    hash: bytes
    position: int
    stream: str
    version: int


@dataclass(slots=True)
class Page:
    """Events in the order of their positions."""

    hashes: list[bytes] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Sequence[EventRow]) -> "Page":
        """Hashes events."""
        if not rows:
            return cls()
        columns: Iterable[tuple[Any, ...]] = zip(*rows, strict=True)
        positions, streams, versions, _, _ = columns
        return cls(leaf_hashes(rows), list(positions), list(streams), list(versions))

    def __len__(self) -> int:
        return len(self.hashes)

    def part(self, start: int, end: int | None = None) -> "Page":
        """Some of its events."""
        return Page(
            self.hashes[start:end], self.positions[start:end], self.streams[start:end], self.versions[start:end]
        )

    def extend(self, other: "Page") -> None:
        """Takes in events that follow."""
        self.hashes += other.hashes
        self.positions += other.positions
        self.streams += other.streams
        self.versions += other.versions

    def tile(self, number: int) -> LeafTile:
        """As a tile of leaves."""
        return LeafTile.packed(number, self.hashes, self.positions, self.streams, self.versions)

    def equals(self, tile: LeafTile) -> bool:
        """Whether it is, event for event, what a tile says."""
        return (
            b"".join(self.hashes) == tile.hashes
            and packed(self.positions) == tile.positions
            and packed_streams(self.streams) == tile.streams
            and packed(self.versions) == tile.versions
        )

    def seen(self, place: int) -> Seen:
        """One of its events."""
        return Seen(self.hashes[place], self.positions[place], str(self.streams[place]), self.versions[place])
