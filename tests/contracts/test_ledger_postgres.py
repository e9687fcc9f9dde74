"""The ledger in a real PostgreSQL keeps the contract, gaps between positions included."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from limen.adapters.ledger import Ledger
from limen.adapters.ledger.tables import CheckpointRow
from limen.adapters.store import LogStore
from tests.contracts.ledger import SECOND, SharedLedgerContract, found
from tests.support.postgres import fresh_database


class TestPostgresLedger(SharedLedgerContract):
    @pytest.fixture
    def url(self) -> Iterator[str]:
        with fresh_database() as url:
            self.database = url
            yield url

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.database) as other:
            for statement in statements:
                other.execute(statement)

    def change(self, position: int, state: bytes) -> None:
        self.execute(f"UPDATE stored_events SET state = '\\x{state.hex()}' WHERE notification_id = {position}")

    def delete(self, first: int, last: int) -> None:
        self.execute(f"DELETE FROM stored_events WHERE notification_id BETWEEN {first} AND {last}")

    def insert(self, before: int, stream: UUID) -> None:
        self.execute(
            f"UPDATE stored_events SET notification_id = -notification_id - 1 WHERE notification_id >= {before}",
            "UPDATE stored_events SET notification_id = -notification_id WHERE notification_id < 0",
            "INSERT INTO stored_events (notification_id, originator_id, originator_version, topic, state)"
            f" SELECT {before}, '{stream}', 1, topic, state FROM stored_events LIMIT 1",
        )

    def swap(self, one: int, other: int) -> None:
        self.execute(
            f"UPDATE stored_events SET notification_id = -1 WHERE notification_id = {one}",
            f"UPDATE stored_events SET notification_id = {one} WHERE notification_id = {other}",
            f"UPDATE stored_events SET notification_id = {other} WHERE notification_id = -1",
        )

    def drop_leaves(self, number: int) -> None:
        self.execute(f"DELETE FROM ledger_leaves WHERE tile = {number}")

    def drop_checkpoint(self, number: int) -> None:
        self.execute(f"DELETE FROM ledger_checkpoints WHERE number = {number}")

    def put_checkpoint(self, row: CheckpointRow) -> None:
        self.execute(
            f"UPDATE ledger_checkpoints SET size = {row.size}, note = '{row.note}' WHERE number = {row.number}"
        )

    async def test_gaps_between_positions_are_no_fault(self, store: LogStore, ledger: Ledger) -> None:
        await self.append(store, 300)
        self.execute("SELECT setval(pg_get_serial_sequence('stored_events', 'notification_id'), 5000)")
        (stream,) = await self.append(store, 1)
        assert self.checkpoint(ledger).size == 301
        document = ledger.prove(stream, 1)
        assert (document["index"], ledger.prove_position(5001)) == (300, document)
        report = self.verified(ledger)
        assert (report.valid, report.events) == (True, 301)
        self.change(5001, b"{}")
        assert found(self.verified(ledger)) == [("changed", 5001)]

    async def test_an_event_in_a_gap_is_found(self, store: LogStore, ledger: Ledger, sealed: list[UUID]) -> None:
        self.execute(f"SELECT setval(pg_get_serial_sequence('stored_events', 'notification_id'), {SECOND + 50})")
        await self.append(store, 2)
        self.checkpoint(ledger)
        stream = uuid4()
        self.execute(
            "INSERT INTO stored_events (notification_id, originator_id, originator_version, topic, state)"
            f" SELECT {SECOND + 9}, '{stream}', 1, topic, state FROM stored_events LIMIT 1"
        )
        report = self.verified(ledger)
        assert [(fault.kind, fault.position, fault.stream) for fault in report.faults] == [
            ("inserted", SECOND + 9, stream.hex)
        ]
