"""Window: what of the log is wanted, as instants that are turned into places of the log."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from limen.adapters.log import EventReader, LogEntry


@dataclass(frozen=True, slots=True)
class Window:
    """From the first event at `since` on, up to the first one at `until`, which is left out; all of it above `after`.

    So windows that meet at an instant leave nothing out and have nothing twice, even where the clocks of several
    processes differ. Raises `ValueError` for a time without a zone, and where `until` comes first.
    """

    after: int = 0
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for instant in (self.since, self.until):
            if instant is not None and instant.utcoffset() is None:
                raise ValueError("the time has no zone, so it names no instant: give it one, as in datetime.now(UTC)")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("there is nothing between since and until: until comes first")

    def start(self, reader: EventReader) -> int | None:
        """The position after which it begins; None where nothing of it is there yet."""
        if self.since is None:
            return self.after
        place = reader.place(self.since)
        return None if place is None else max(self.after, place - 1)

    def entries(self, reader: EventReader, after: int, through: int) -> Iterator[LogEntry]:
        """Its events above a position, up to another."""
        for entry in reader.events(after):
            if entry.position > through or (self.until is not None and entry.time >= self.until):
                return
            yield entry
