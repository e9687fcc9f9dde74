"""The ledger in a SQLite file keeps the contract, whatever somebody with a database client does to it."""

import sqlite3
from pathlib import Path
from uuid import UUID

import pytest

from limen.adapters.ledger import Ledger, open_ledger
from limen.adapters.ledger.tables import CheckpointRow
from limen.adapters.store import LogStore
from limen.domain.errors import StoreUnusable
from tests.contracts.ledger import SECOND, SharedLedgerContract, found


class TestSQLiteLedger(SharedLedgerContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        self.file = tmp_path / "odd name %20?#.db"
        return f"sqlite:///{self.file}"

    def execute(self, *statements: str) -> None:
        other = sqlite3.connect(self.file)
        with other:
            for statement in statements:
                other.execute(statement)
        other.close()

    def change(self, position: int, state: bytes) -> None:
        self.execute(f"UPDATE stored_events SET state = x'{state.hex()}' WHERE rowid = {position}")

    def delete(self, first: int, last: int) -> None:
        self.execute(f"DELETE FROM stored_events WHERE rowid BETWEEN {first} AND {last}")

    def insert(self, before: int, stream: UUID) -> None:
        self.execute(
            f"UPDATE stored_events SET rowid = -rowid - 1 WHERE rowid >= {before}",
            "UPDATE stored_events SET rowid = -rowid WHERE rowid < 0",
            "INSERT INTO stored_events (rowid, originator_id, originator_version, topic, state)"
            f" SELECT {before}, '{stream.hex}', 1, topic, state FROM stored_events LIMIT 1",
        )

    def swap(self, one: int, other: int) -> None:
        self.execute(
            f"UPDATE stored_events SET rowid = -1 WHERE rowid = {one}",
            f"UPDATE stored_events SET rowid = {one} WHERE rowid = {other}",
            f"UPDATE stored_events SET rowid = {other} WHERE rowid = -1",
        )

    def drop_leaves(self, number: int) -> None:
        self.execute(f"DELETE FROM ledger_leaves WHERE tile = {number}")

    def drop_checkpoint(self, number: int) -> None:
        self.execute(f"DELETE FROM ledger_checkpoints WHERE number = {number}")

    def put_checkpoint(self, row: CheckpointRow) -> None:
        self.execute(
            f"UPDATE ledger_checkpoints SET size = {row.size}, note = '{row.note}' WHERE number = {row.number}"
        )

    @pytest.mark.parametrize(
        "assignment",
        [
            "topic = 'Another'",
            "topic = CAST(x'ff41' AS TEXT)",
            "originator_version = 2",
            "originator_version = 'one'",
            "originator_id = upper(originator_id)",
            "originator_id = CAST(originator_id AS BLOB)",
            "originator_id = substr(originator_id, 1, 16) || ' ' || substr(originator_id, 17)",
            "state = CAST(state AS TEXT)",
            "state = NULL",
            "state = CAST(state || ' ' AS BLOB)",
        ],
    )
    def test_no_column_of_an_event_can_be_another(self, ledger: Ledger, sealed: list[UUID], assignment: str) -> None:
        self.execute(f"UPDATE stored_events SET {assignment} WHERE rowid = 40")
        report = self.verified(ledger)
        assert [(fault.kind, fault.position, fault.stream) for fault in report.faults] == [
            ("changed", 40, sealed[39].hex)
        ]

    @pytest.mark.parametrize("position", [-(2**63), -7, 0])
    def test_an_event_below_the_first_position_is_found(
        self, ledger: Ledger, sealed: list[UUID], position: int
    ) -> None:
        self.execute(
            "INSERT INTO stored_events (rowid, originator_id, originator_version, topic, state)"
            f" SELECT {position}, originator_id, 2, topic, state FROM stored_events WHERE rowid = 5"
        )
        assert found(self.verified(ledger)) == [("inserted", position)]

    def test_an_event_at_the_highest_position_there_is_is_not_sealed_yet(
        self, ledger: Ledger, sealed: list[UUID]
    ) -> None:
        self.execute(f"UPDATE stored_events SET rowid = {2**63 - 1} WHERE rowid = {SECOND}")
        assert found(self.verified(ledger)) == [("leaf", 2**63 - 1)], "it is as it was signed, at another place"

    @pytest.mark.parametrize("table", ["ledger_leaves", "ledger_nodes"])
    def test_a_table_that_was_dropped_is_found(self, ledger: Ledger, sealed: list[UUID], url: str, table: str) -> None:
        self.execute(f"DROP TABLE {table}")
        with open_ledger(url) as again:
            report = self.verified(again)
        assert [fault.kind for fault in report.faults] == [
            table.removeprefix("ledger_").replace("leaves", "leaf").rstrip("s")
        ]

    def test_a_column_of_leaves_that_holds_something_else_is_found(self, ledger: Ledger, sealed: list[UUID]) -> None:
        self.execute("UPDATE ledger_leaves SET positions = CAST(x'ff' AS TEXT) WHERE tile = 1")
        assert [fault.detail for fault in self.verified(ledger).faults] == ["leaves from 256 on are missing or damaged"]

    def test_an_open_store_in_a_file_is_named_by_its_url(self, store: LogStore) -> None:
        with pytest.raises(StoreUnusable, match="give the URL"):
            open_ledger(store)

    def test_no_store_is_created(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnusable, match="there is no store"):
            open_ledger(f"sqlite:///{tmp_path / 'none.db'}", write=True)
        assert list(tmp_path.iterdir()) == []
