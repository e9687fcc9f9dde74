"""The `Store` port over an `eventsourcing` application."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from eventsourcing.persistence import MapperDeserialisationError, PersistenceError

from limen.adapters.store.application import EventLog
from limen.adapters.store.record import Record
from limen.adapters.store.turnstile import Turnstile
from limen.adapters.store.writer import GroupWriter, unusable
from limen.domain.errors import StoreUnusable
from limen.domain.event import DomainEvent
from limen.domain.ports import Step, VaultRow

T = TypeVar("T")

THREADS = 16
"""Of the store's own, at most: as many as a pool has connections to a server. They are started as they are needed."""


TURNS = 3
"""Of the event loop that followers get after an append: to read what was appended, to hand it over, and to send it."""


class LogStore:
    """The log and the vault beside it. Made by `open_store`; safe to use from any loop and thread.

    `kind` is `sqlite`, `postgresql` or `memory`. Reads run where they are called, unless the database is a server:
    then they run in a thread, one of the store's own: nobody else's work can keep a read waiting for one.
    """

    def __init__(self, application: EventLog, kind: str) -> None:
        self.kind = kind
        self._application = application
        self._recorder = application.vault
        self._mapper = application.event_mapper
        self._writer = None if kind == "memory" else GroupWriter(self._recorder.commit)
        self._threaded = kind == "postgresql"
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="limen-store")
        self._turnstile = Turnstile()
        self._listeners: list[Callable[[Collection[UUID]], None]] = []
        self._followers: list[Callable[[], None]] = []

    @property
    def application(self) -> EventLog:
        """The application underneath: its recorder and notification log, for readers of the whole log."""
        return self._application

    async def append(self, step: Step) -> None:
        """Writes the step in one transaction; it is durable when this returns.

        Within it, removals (`drop`, `done`) come before what is put. Raises `StoreConflict` when one of its streams
        has moved on, `StoreUnusable` when the database fails; nothing of it was written then.
        """
        self._turnstile.check()
        record = self._recorder.shape.record(step, self._mapper)
        if self._writer is not None:
            await self._writer.write(record)
        else:
            self._write_here(record)
        if self._followers:
            for follower in self._followers:
                follower()
            for _ in range(TURNS):  # what is durable is told at once, before the caller goes on
                await asyncio.sleep(0)

    def _write_here(self, record: Record) -> None:
        with self._turnstile:
            for conflict in self._recorder.commit([record]):
                if conflict is not None:
                    raise conflict

    async def events(self, stream: UUID, after: int = 0) -> Sequence[DomainEvent]:
        """The events of a stream with a version above `after`, in order."""
        if self._threaded:
            return await self._in_thread(self._events, stream, after)
        return self._events(stream, after)

    def _events(self, stream: UUID, after: int) -> Sequence[DomainEvent]:
        name, event = stream.hex, self._mapper.event
        return [event(name, *row) for row in self._guarded(self._recorder.stream_rows, stream, after)]

    async def log(
        self, after: int = 0, limit: int = 200, types: Sequence[str] | None = None
    ) -> Sequence[tuple[int, DomainEvent]]:
        """The events of all streams above a position, each with its own: a projection's way to read.

        Small pages are read fastest: many events alive at once keep the garbage collector busy.
        """
        return await self._read(self._log, after, limit, types)

    def _log(self, after: int, limit: int, types: Sequence[str] | None) -> Sequence[tuple[int, DomainEvent]]:
        event = self._mapper.event
        rows = self._recorder.log_rows(after, limit, types)
        return [(position, event(stream, version, topic, state)) for position, stream, version, topic, state in rows]

    async def vault(self, owner: UUID, kind: str, name: str = "") -> VaultRow | None:
        """One vault row."""
        return await self._read(self._recorder.vault_row, owner, kind, name)

    def vault_now(self, owner: UUID, kind: str, name: str = "") -> VaultRow | None:
        """One vault row, read where it is called: for what cannot await, and seldom happens."""
        return self._guarded(self._recorder.vault_row, owner, kind, name)

    async def vault_rows(self, owner: UUID, kind: str = "") -> Sequence[VaultRow]:
        """All vault rows of an owner, of one kind or of any, ordered by kind and name."""
        return await self._read(self._recorder.vault_rows, owner, kind)

    async def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Deliveries whose time has come, the longest waiting first."""
        return await self._read(self._recorder.due, now, limit)

    async def next_due(self) -> datetime | None:
        """When the next delivery becomes due, or None."""
        return await self._read(self._recorder.next_due)

    async def forget(self, subjects: Sequence[UUID]) -> int:
        """Deletes, for good, every vault row owned by or bound to these, and all rows of an owner whose key is.

        Says how many. On SQLite their bytes are overwritten in the file and gone from the write-ahead log when this
        returns, unless another process was reading all the while: then they go with the next forgetting or sweep, or
        when the store is closed or opened. PostgreSQL frees the space by a vacuum, but keeps its own write-ahead log as
        it is configured to.
        """
        owners = await self._in_thread(self._guarded, self._recorder.forget, subjects)
        for listener in self._listeners:
            listener({*owners, *subjects})
        return len(owners)

    async def sweep(self, now: datetime) -> int:
        """Deletes the vault rows whose `expires_at` has come; says how many."""
        return await self._in_thread(self._guarded, self._recorder.sweep, now)

    def on_forget(self, listener: Callable[[Collection[UUID]], None]) -> None:
        """Calls `listener` with the owners whose rows this store has forgotten, so that no cache outlives them."""
        self._listeners.append(listener)

    def on_append(self, follower: Callable[[], None]) -> None:
        """Calls `follower` after each append of this store, where it was awaited; it must be quick."""
        self._followers.append(follower)

    def close(self) -> None:
        """Finishes the appends and reads under way, then closes every connection. Harmless when repeated.

        Whatever is asked of the store from then on raises `StoreUnusable`.
        """
        self._turnstile.close()
        self._threads.shutdown()
        if self._writer is not None:
            self._writer.close()
        self._application.close()

    async def _read(self, query: Callable[..., T], *args: object) -> T:
        if self._threaded:
            return await self._in_thread(self._guarded, query, *args)
        return self._guarded(query, *args)

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        self._turnstile.check()
        try:
            answer = asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        except RuntimeError:  # the threads ended just now
            self._turnstile.check()
            raise
        return await answer

    def _guarded(self, query: Callable[..., T], *args: object) -> T:
        """Runs a query; a failure of the database is `StoreUnusable`."""
        with self._turnstile:
            try:
                return query(*args)
            except MapperDeserialisationError as error:
                raise StoreUnusable(str(error)) from error
            except PersistenceError as error:
                raise unusable(error) from error
