"""The log read only, for audit tools: what happened, in order, without a configuration."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from eventsourcing.persistence import MapperDeserialisationError, PersistenceError

from limen.adapters.keyring import Keys
from limen.adapters.store import LogStore
from limen.adapters.store.address import Address
from limen.adapters.store.application import EventLog
from limen.adapters.store.mapper import topics
from limen.adapters.store.opening import open_application
from limen.adapters.store.recorder import LogRow
from limen.adapters.store.writer import unusable
from limen.adapters.unsealing import Unsealer
from limen.domain.errors import FlowNotFound, StoreUnusable
from limen.domain.event import EVENT_TYPES, DomainEvent
from limen.domain.flow import Flow
from limen.domain.sealed import Sealed

PAGE_EVENTS = 1000
"""Events read at a time: memory stays flat however long the log is."""

POLL_SECONDS = 0.2
"""How often a follower looks for new events where the database does not say that there are some."""

_SEALED = Sealed.model_fields.keys()
_MARK = b'"sealed":'
"""Stands in the bytes of every event that has a sealed field: most have none, and need not be searched."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One recorded event.

    `position` is its place in the whole log, `version` that in its stream. `data` are its fields as JSON values; a
    sealed one is `{"sealed": true}` without the key, its value with it, and `{"erased": true}` when the key is gone.
    """

    position: int
    stream: UUID
    kind: str
    version: int
    type: str
    time: datetime
    data: dict[str, Any]

    def body(self) -> dict[str, Any]:
        """As one line of JSON shows it."""
        return {
            "position": self.position,
            "stream": str(self.stream),
            "kind": self.kind,
            "version": self.version,
            "type": self.type,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "data": self.data,
        }


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """A flow as it stood: its folded state, and the events that made it."""

    flow: Flow
    events: tuple[LogEntry, ...]


class EventReader:
    """Implements the `Log` port. A context manager; `close` ends it."""

    def __init__(self, application: EventLog, kind: str, keys: Keys | None, *, owned: bool, url: str = "") -> None:
        self._application = application
        self._recorder = application.vault
        self._mapper = application.event_mapper
        self._unsealer = Unsealer(application.vault, keys)
        self._owned = owned
        self._server = url if kind == "postgresql" else ""

    def events(self, after: int = 0, kind: str | None = None, type: str | None = None) -> Iterator[LogEntry]:
        """Recorded events above a position, in order, of one kind of stream or one type if asked.

        Raises `ValueError` for a kind or type that does not exist, `StoreUnusable` when the store fails.
        """
        return self._pages(after, topics(kind, type))

    def _pages(self, after: int, types: list[str] | None) -> Iterator[LogEntry]:
        while page := self._page(after, types):
            yield from page
            after = page[-1].position

    def _page(self, after: int, types: list[str] | None) -> list[LogEntry]:
        with translated():
            return self._entries(self._recorder.log_rows(after, PAGE_EVENTS, types))

    async def follow(self, after: int = 0) -> AsyncGenerator[LogEntry, None]:
        """Recorded events above a position, and then each new one as it comes, without end."""
        async with news_of(self._server) as news:
            while True:
                page = await asyncio.to_thread(self._page, after, None)
                for entry in page:
                    yield entry
                    after = entry.position
                if not page:
                    await news()

    def flow(self, id: UUID | str, at: int | datetime | None = None) -> FlowRecord:
        """A flow as it was after version `at`, or at that instant; as it is when None.

        Raises `FlowNotFound` where there was no such flow by then, `ValueError` for a time without a zone.
        """
        flow_id = _flow_id(id)
        _check_zone(at)
        with translated():
            rows = self._recorder.stream_log(flow_id)
            events = [self._mapper.event(*row[1:]) for row in rows]
            kept = [n for n, event in enumerate(events) if at is None or _by(at, event)]
            if not kept or events[0].stream != "flow":
                raise FlowNotFound(flow_id)
            return FlowRecord(
                Flow.replay(flow_id, [events[n] for n in kept]), tuple(self._entries([rows[n] for n in kept]))
            )

    def stream(self, id: UUID, at: datetime | None = None) -> tuple[LogEntry, ...]:
        """The events of one stream of any kind, up to an instant if asked; none where there is no such stream.

        Raises `ValueError` for a time without a zone.
        """
        _check_zone(at)
        with translated():
            entries = self._entries(self._recorder.stream_log(id))
        return tuple(entry for entry in entries if at is None or entry.time <= at)

    def at(self, position: int) -> LogEntry | None:
        """The event at a position; None where there is none."""
        with translated():
            found = self._entries(self._recorder.log_rows(position - 1, 1))
        return found[0] if found and found[0].position == position else None

    def head(self) -> int:
        """The position of the newest event; 0 in an empty log."""
        with translated():
            return self._recorder.max_notification_id() or 0

    def place(self, instant: datetime) -> int | None:
        """The position of the first event that is not earlier than an instant; None where all are. Reads up to it.

        Once there is such an event its place never changes. Clocks of several processes differ a little, so a few
        events behind it may be earlier: cut at places, and not by times, a log loses none of them.
        """
        _check_zone(instant)
        after = 0
        with translated():
            while rows := self._recorder.log_rows(after, PAGE_EVENTS):
                for after, stream, version, topic, state in rows:
                    time = self._mapper.state(stream, version, topic, state)["timestamp"]
                    if datetime.fromisoformat(time) >= instant:
                        return after
        return None

    def close(self) -> None:
        """Closes what it opened."""
        if self._owned:
            self._application.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------ sealed fields

    def _entries(self, rows: Sequence[LogRow]) -> list[LogEntry]:
        states = [self._mapper.state(stream, version, topic, state) for _, stream, version, topic, state in rows]
        places = [place for row, state in zip(rows, states, strict=True) if _MARK in row[4] for place in _sealed(state)]
        # asked once a page: a key may be erased between two
        kept = self._unsealer.kept({holder[name]["key"] for holder, name in places})
        for holder, name in places:
            holder[name] = self._unsealer.shown(holder[name], kept)
        return [_entry(row, state) for row, state in zip(rows, states, strict=True)]


def open_log(store: str | LogStore = "sqlite:///limen.db", *, keys: Keys | None = None) -> EventReader:
    """Opens the log of the store at a URL, or of an open store, for reading alone; creates nothing.

    With `keys`, opened on the same store, sealed fields are shown in clear. Raises `StoreUnusable` where there is no
    store, and for `memory:`, whose log is read through the open store.
    """
    if isinstance(store, LogStore):
        return EventReader(store.application, store.kind, keys, owned=False)
    address = Address.of(store)
    if address.kind == "memory":
        raise StoreUnusable("a store in memory has no log of its own to open: give the open store instead of its URL")
    application = open_application(address, create=False)
    return EventReader(application, address.kind, keys, owned=True, url=address.url)


News = Callable[[], Awaitable[None]]
"""Returns when there may be new events."""


@asynccontextmanager
async def news_of(server: str, poll: float = POLL_SECONDS) -> AsyncIterator[News]:
    """Waits for PostgreSQL's notification where `server` is its URL, and otherwise for `poll` seconds."""
    if not server:
        yield lambda: asyncio.sleep(poll)
        return
    from limen.adapters.store.postgres_news import listening

    async with listening(server) as news:
        yield news


@contextmanager
def translated() -> Iterator[None]:
    """What goes wrong in a database while a log is read is `StoreUnusable`."""
    try:
        yield
    except MapperDeserialisationError as error:
        raise StoreUnusable(str(error)) from error
    except PersistenceError as error:
        raise unusable(error) from error


def _entry(row: LogRow, state: dict[str, Any]) -> LogEntry:
    position, stream, version, topic, _ = row
    time = datetime.fromisoformat(state.pop("timestamp"))
    return LogEntry(position, UUID(stream), EVENT_TYPES[topic].stream, version, topic, time, state)


def _sealed(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where the sealed fields within a value stand: the mapping or list, and the name or index there."""
    for name, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(part, dict) and part.keys() == _SEALED:
            yield value, name
        elif isinstance(part, dict | list):
            yield from _sealed(part)


def _flow_id(id: UUID | str) -> UUID:
    try:
        return id if isinstance(id, UUID) else UUID(id)
    except (ValueError, AttributeError, TypeError):
        raise FlowNotFound(id[:36] if isinstance(id, str) else "of that id") from None


def _check_zone(at: int | datetime | None) -> None:
    if isinstance(at, datetime) and at.utcoffset() is None:
        raise ValueError("the time has no zone, so it names no instant: give it one, as in datetime.now(UTC)")


def _by(at: int | datetime, event: DomainEvent) -> bool:
    return event.timestamp <= at if isinstance(at, datetime) else event.originator_version <= at
