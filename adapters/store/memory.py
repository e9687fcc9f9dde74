"""The store that lasts as long as its process: the reference for what a store does."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder, POPOFactory

from limen.adapters.store.record import EVENT, KEY, PAIR, ROW, Outcome, Record, Shape, VaultWork, rows, same, utc
from limen.adapters.store.recorder import LogRow, StreamRow, VaultRecorder
from limen.domain.errors import StoreConflict
from limen.domain.ports import VaultRow

_Row = tuple[Any, ...]


class _Index(dict[str, dict[int, int]]):
    """Version to place, by stream. To ask for a stream that is not there leaves nothing behind."""

    def __missing__(self, stream: str) -> dict[int, int]:
        return {}


class MemoryRecorder(POPOApplicationRecorder, VaultRecorder):
    """Events in `eventsourcing`'s lists, the vault in a dict, one lock around both."""

    shape: ClassVar[Shape] = Shape(stream=same, id=same, time=utc)

    def __init__(self) -> None:
        super().__init__()
        self._stored_events_index = _Index()  # the library's own makes an entry for whatever it is asked
        self._vault: dict[UUID, dict[tuple[str, str], _Row]] = {}
        self._due: dict[UUID, datetime] = {}

    def _update_table(
        self, stored_events: Sequence[StoredEvent], *, vault: Sequence[VaultWork] = (), **kwargs: Any
    ) -> Sequence[int] | None:
        # Runs under the lock and after every event was found to be new: nothing below can fail.
        for work in vault:
            self._work(work)
        for event in stored_events:
            self._stored_events_index.setdefault(str(event.originator_id), {})
        return super()._update_table(stored_events, **kwargs)

    def _work(self, work: VaultWork) -> None:
        for owner, kind, name in rows(work.drop, KEY):
            self._drop(owner, kind, name)
        for delivery in work.done:
            self._due.pop(delivery, None)
        for row in rows(work.put, ROW):
            self._vault.setdefault(row[0], {})[row[1], row[2]] = row
        for row in rows(work.unique, ROW):
            self._vault.setdefault(row[0], {}).setdefault((row[1], row[2]), row)
        for owner, subject in rows(work.bind, PAIR):
            owned = self._vault.get(owner, {})
            owned.update({place: (*row[:3], subject, *row[4:]) for place, row in owned.items()})
        self._due.update((delivery, at) for delivery, at in rows(work.due, PAIR))

    def _drop(self, owner: UUID, kind: str, name: str) -> None:
        owned = self._vault.get(owner, {})
        for place in [place for place in owned if kind in ("", place[0]) and name in ("", place[1])]:
            del owned[place]

    def commit_each(self, records: Sequence[Record]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for record in records:
            try:
                self.insert_rows(record.events, record.work)
                outcomes.append(None)
            except IntegrityError:
                outcomes.append(StoreConflict(self._conflicting(record)))
        return outcomes

    def _conflicting(self, record: Record) -> set[UUID]:
        """The streams whose version is taken; all of the step's when it clashes with itself."""
        with self._database_lock:
            places = list(rows(record.events, EVENT))
            taken = {stream for stream, version, *_ in places if version in self._stored_events_index[str(stream)]}
        return taken or {stream for stream, *_ in places}

    def stream_rows(self, stream: UUID, after: int) -> Sequence[StreamRow]:
        return [(event.originator_version, event.topic, event.state) for event in self.select_events(stream, gt=after)]

    def log_rows(self, after: int, limit: int, topics: Sequence[str] | None = None) -> Sequence[LogRow]:
        if topics is not None and not topics:
            return []
        found = self.select_notifications(after, limit, topics=topics or (), inclusive_of_start=False)
        return [(one.id, str(one.originator_id), one.originator_version, one.topic, one.state) for one in found]

    def first_rows(self, streams: Sequence[UUID]) -> Sequence[LogRow]:
        return [row for stream in streams for row in self.stream_log(stream)[:1]]

    def stream_log(self, stream: UUID) -> Sequence[LogRow]:
        with self._database_lock:
            index = self._stored_events_index[str(stream)]
            found = [(place + 1, self._stored_events[place]) for _, place in sorted(index.items())]
        return [(place, str(stream), event.originator_version, event.topic, event.state) for place, event in found]

    def vault_row(self, owner: UUID, kind: str, name: str) -> VaultRow | None:
        with self._database_lock:
            row = self._vault.get(owner, {}).get((kind, name))
        return None if row is None else _vault_row(row)

    def key_rows(self, owners: Sequence[UUID]) -> Sequence[VaultRow]:
        return [row for owner in owners if (row := self.vault_row(owner, "key", ""))]

    def vault_rows(self, owner: UUID, kind: str) -> Sequence[VaultRow]:
        with self._database_lock:
            owned = self._vault.get(owner, {})
            return [_vault_row(owned[place]) for place in sorted(owned) if kind in ("", place[0])]

    def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        with self._database_lock:
            ready = sorted((at, delivery) for delivery, at in self._due.items() if at <= now)
        return [delivery for _, delivery in ready[:limit]]

    def next_due(self) -> datetime | None:
        with self._database_lock:
            return min(self._due.values(), default=None)

    def forget(self, subjects: Sequence[UUID]) -> Sequence[UUID]:
        with self._database_lock:
            gone = set(subjects)
            kept = [row for owned in self._vault.values() for row in owned.values()]
            gone.update([row[0] for row in kept if row[1] == "key" and row[3] in gone])
            return self._delete([row for row in kept if row[0] in gone or row[3] in set(subjects)])

    def sweep(self, now: datetime) -> int:
        with self._database_lock:
            kept = [row for owned in self._vault.values() for row in owned.values()]
            return len(self._delete([row for row in kept if row[5] is not None and row[5] <= now]))

    def _delete(self, going: Sequence[_Row]) -> list[UUID]:
        for row in going:
            del self._vault[row[0]][row[1], row[2]]
            if not self._vault[row[0]]:
                del self._vault[row[0]]
        return [row[0] for row in going]


class MemoryFactory(POPOFactory):
    """Makes the recorder."""

    def application_recorder(self) -> MemoryRecorder:
        return MemoryRecorder()


def _vault_row(row: _Row) -> VaultRow:
    owner, kind, name, subject, value, expires_at = row
    return VaultRow(owner, kind, name, value, subject, expires_at)
