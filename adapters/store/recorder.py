"""What each store's recorder does beyond `eventsourcing`'s: the vault, the due deliveries, and whole batches."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, IntegrityError

from limen.adapters.store.record import Outcome, Record, Shape, VaultWork, as_stored, merge
from limen.domain.ports import VaultRow

LogRow = tuple[int, str, int, str, bytes]
"""Position, stream (a UUID as text), version, topic, state."""

StreamRow = tuple[int, str, bytes]
"""Version, topic, state."""


class VaultRecorder(ApplicationRecorder):
    """A recorder whose `insert_events(stored_events, vault=[VaultWork, …])` writes both in one transaction."""

    shape: ClassVar[Shape]

    def commit(self, records: Sequence[Record]) -> Sequence[Outcome]:
        """Writes a batch in one transaction; where one of them conflicts, only that one is refused.

        Raises `eventsourcing`'s PersistenceError when the database fails: then none was written.
        """
        events, vault = merge(records)
        try:
            self.insert_rows(events, vault)
        except IntegrityError:
            return self.commit_each(records)
        return [None] * len(records)

    def insert_rows(self, events: Sequence[Any], vault: Sequence[VaultWork]) -> None:
        """Writes flat events and vault work in one transaction. Raises IntegrityError when a version is taken."""
        self.insert_events(as_stored(events), vault=vault)

    @abstractmethod
    def commit_each(self, records: Sequence[Record]) -> Sequence[Outcome]:
        """The same, one after the other within a transaction, each whole or not at all."""

    @abstractmethod
    def stream_rows(self, stream: UUID, after: int) -> Sequence[StreamRow]:
        """A stream's rows with a version above `after`, in order."""

    @abstractmethod
    def log_rows(self, after: int, limit: int, topics: Sequence[str] | None = None) -> Sequence[LogRow]:
        """The log's rows above a position, in order, `limit` at most."""

    @abstractmethod
    def first_rows(self, streams: Sequence[UUID]) -> Sequence[LogRow]:
        """The first rows of these streams with their positions in the log, in any order."""

    @abstractmethod
    def stream_log(self, stream: UUID) -> Sequence[LogRow]:
        """A stream's rows with their positions in the log, in order."""

    @abstractmethod
    def vault_row(self, owner: UUID, kind: str, name: str) -> VaultRow | None:
        """One vault row."""

    @abstractmethod
    def key_rows(self, owners: Sequence[UUID]) -> Sequence[VaultRow]:
        """The keys of those of these owners that have one, in any order."""

    @abstractmethod
    def vault_rows(self, owner: UUID, kind: str) -> Sequence[VaultRow]:
        """All rows of an owner, of one kind or, where it is empty, of any."""

    @abstractmethod
    def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Deliveries whose time has come, the longest waiting first."""

    @abstractmethod
    def next_due(self) -> datetime | None:
        """When the next delivery becomes due."""

    @abstractmethod
    def forget(self, subjects: Sequence[UUID]) -> Sequence[UUID]:
        """Deletes the vault rows of these, and of all that is bound to them; gives the owner of each row."""

    @abstractmethod
    def sweep(self, now: datetime) -> int:
        """Deletes the vault rows whose time is over; says how many."""
