"""The ledger of a store in memory keeps the contract: it is the reference."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from limen.adapters.ledger import open_ledger
from limen.adapters.ledger.memory import MemoryLedgerTables
from limen.adapters.ledger.tables import CheckpointRow
from limen.adapters.store import LogStore
from limen.domain.errors import StoreUnusable
from tests.contracts.ledger import LedgerContract


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def url(self) -> str:
        return "memory:"

    @pytest.fixture(autouse=True)
    def _reached(self, store: LogStore) -> None:
        self.reached = store

    @property
    def events(self) -> list[Any]:
        recorder: Any = self.reached.application.vault
        events: list[Any] = recorder._stored_events
        return events

    @property
    def tables(self) -> MemoryLedgerTables:
        return MemoryLedgerTables.of(self.reached.application)

    def change(self, position: int, state: bytes) -> None:
        self.events[position - 1] = replace(self.events[position - 1], state=state)

    def delete(self, first: int, last: int) -> None:
        del self.events[first - 1 : last]
        self._indexed()

    def insert(self, before: int, stream: UUID) -> None:
        self.events.insert(before - 1, replace(self.events[0], originator_id=stream))
        self._indexed()

    def swap(self, one: int, other: int) -> None:
        events = self.events
        events[one - 1], events[other - 1] = events[other - 1], events[one - 1]
        self._indexed()

    def _indexed(self) -> None:
        """As the recorder keeps it: version to place, by stream."""
        recorder: Any = self.reached.application.vault
        recorder._stored_events_index.clear()
        for place, event in enumerate(self.events):
            recorder._stored_events_index.setdefault(str(event.originator_id), {})[event.originator_version] = place
        recorder._max_notification_id = len(self.events)

    def drop_leaves(self, number: int) -> None:
        del self.tables.leaves[number]

    def drop_checkpoint(self, number: int) -> None:
        del self.tables.signed[number]

    def put_checkpoint(self, row: CheckpointRow) -> None:
        self.tables.signed[row.number] = row


def test_a_store_in_memory_is_opened_by_itself_and_not_by_its_url() -> None:
    with pytest.raises(StoreUnusable, match="give the open store"):
        open_ledger("memory:")
