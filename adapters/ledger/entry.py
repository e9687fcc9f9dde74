"""Entry: the bytes of an event that are hashed as its leaf.

The first line is JSON, `["<stream, 32 hex digits>",<version>,"<topic>"]`; all that follows it is the state as it is
stored. JSON holds no raw line break, so no two events have the same entry. The position is not part of it: a log
that is copied to another database has the same tree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

EventRow = Sequence[Any]
"""Position, stream (32 hex digits), version, topic, state: as a database gave them, whatever stands there now."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry taken apart."""

    stream: str
    version: int
    topic: str
    state: bytes

    @classmethod
    def of(cls, data: bytes) -> "Entry":
        """Reads an entry. Raises `ValueError` for bytes that are none."""
        line, found, state = data.partition(b"\n")
        parts = orjson.loads(line)
        if not found or not isinstance(parts, list) or [type(part) for part in parts] != [str, int, str]:
            raise ValueError("this is no entry of a log")
        return cls(parts[0], parts[1], parts[2], state)


def entry(stream: str, version: int, topic: str, state: bytes) -> bytes:
    """The entry of an event. Raises `TypeError` where a column is not of its type."""
    return b"%b\n%b" % (orjson.dumps([stream, version, topic]), state)


def leaf_hashes(rows: Iterable[EventRow]) -> list[bytes]:
    """The leaves of events: what verification spends its time on."""
    dumps = orjson.dumps
    try:
        return [
            sha256(b"\x00%b\n%b" % (dumps([stream, version, topic]), state)).digest()
            for _, stream, version, topic, state in rows
        ]
    except TypeError:
        return [_leaf_hash(row) for row in rows]


def _leaf_hash(row: EventRow) -> bytes:
    """One by one, for what is no event any more (columns of other types, texts that are none): it equals no leaf."""
    try:
        return sha256(b"\x00" + entry(*row[1:])).digest()
    except TypeError:
        return sha256(b"\x02" + repr(row).encode(errors="backslashreplace")).digest()
