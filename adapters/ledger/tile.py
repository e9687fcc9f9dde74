"""Tiles: 256 leaves, or 256 nodes of one height, side by side in one row of a table.

A row for each hash would take as long to write as the event itself; a tile is written once for 256 of them, and again
only while it is the last. Tiles of level 1 hold the roots of the leaf tiles, those of level 2 the roots of these.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import error, pack, unpack
from typing import Final

WIDTH: Final = 256
"""Hashes of a full tile."""

HEIGHT: Final = 8
"""Of the subtree that a full tile is."""

HASH: Final = 32
_STREAM: Final = 16
_NUMBER: Final = 8


@dataclass(frozen=True, slots=True)
class Leaf:
    """A sealed event: its index in the tree, its hash, and where and what it was when it was sealed."""

    index: int
    hash: bytes
    position: int
    stream: str
    version: int


@dataclass(frozen=True, slots=True)
class LeafTile:
    """Leaves `256 * number` and on. What is kept beside the hashes names events that are gone; it is not signed."""

    number: int
    hashes: bytes
    positions: bytes
    streams: bytes
    versions: bytes

    @classmethod
    def packed(
        cls,
        number: int,
        hashes: Sequence[bytes],
        positions: Sequence[int],
        streams: Sequence[str],
        versions: Sequence[int],
    ) -> "LeafTile":
        """A tile from its columns."""
        return cls(number, b"".join(hashes), packed(positions), packed_streams(streams), packed(versions))

    @property
    def count(self) -> int:
        """How many leaves it has."""
        return len(self.hashes) // HASH

    @property
    def sound(self) -> bool:
        """Whether its columns fit together."""
        count = self.count
        lengths = (len(self.hashes), len(self.positions), len(self.streams), len(self.versions))
        return 0 < count <= WIDTH and lengths == (count * HASH, count * _NUMBER, count * _STREAM, count * _NUMBER)

    def cut(self, count: int) -> "LeafTile":
        """Its first leaves alone."""
        if count >= self.count:
            return self
        numbers, streams = count * _NUMBER, count * _STREAM
        return LeafTile(
            self.number,
            self.hashes[: count * HASH],
            self.positions[:numbers],
            self.streams[:streams],
            self.versions[:numbers],
        )

    def leaves(self) -> Iterator[Leaf]:
        """Its leaves, one by one."""
        columns = zip(self.numbers(self.positions), self.numbers(self.versions), strict=True)
        for place, (position, version) in enumerate(columns):
            stream = self.streams[place * _STREAM : (place + 1) * _STREAM].hex()
            yield Leaf(self.number * WIDTH + place, hash_at(self.hashes, place), position, stream, version)

    def numbers(self, column: bytes) -> tuple[int, ...]:
        """A column of numbers."""
        return unpack(f">{len(column) // _NUMBER}q", column)

    @property
    def last(self) -> int:
        """The position of its last leaf."""
        return int.from_bytes(self.positions[-_NUMBER:], "big", signed=True)


def split(hashes: bytes) -> list[bytes]:
    """The hashes of a tile, one by one."""
    return [hashes[start : start + HASH] for start in range(0, len(hashes), HASH)]


def hash_at(hashes: bytes, place: int) -> bytes:
    """One hash of a tile."""
    return hashes[place * HASH : (place + 1) * HASH]


def packed(numbers: Sequence[int]) -> bytes:
    """Numbers of eight bytes each; 0 for what is none."""
    try:
        return pack(f">{len(numbers)}q", *numbers)
    except error:
        return b"".join(map(_number, numbers))


def packed_streams(streams: Sequence[str]) -> bytes:
    """Streams (32 hex digits each) of sixteen bytes each; zeros for what is no stream."""
    with_all = _bytes("".join(map(str, streams)))
    if len(with_all) == len(streams) * _STREAM:
        return with_all
    return b"".join((_bytes(str(one)) + bytes(_STREAM))[:_STREAM] for one in streams)


def _number(value: object) -> bytes:
    try:
        return pack(">q", value)
    except error:
        return bytes(_NUMBER)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
