"""Parquet parts are read by others: pyarrow and DuckDB find every event, with types they can count and cut by."""

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]  # it comes without types
import pyarrow.dataset as ds  # type: ignore[import-untyped]  # it comes without types
import pytest

from limen.adapters.export import export, parts
from limen.adapters.export.parts import COLUMNS
from limen.domain.errors import ExportRefused
from tests.adapters.test_export import all_bytes, live, logged


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'limen.db'}"


async def test_the_rows_are_the_events(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_EVENTS", 16)
    person = await live(url)
    export(url, tmp_path / "parts", format="parquet")
    table = ds.dataset(tmp_path / "parts").to_table()
    assert table.column_names == [name for name, _ in COLUMNS]
    assert table.schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("position").type == pa.int64()
    rows, whole = table.sort_by("position").to_pylist(), logged(url)
    assert len(rows) == len(whole)
    for row, line in zip(rows, whole, strict=True):
        assert {name: row[name] for name in ("position", "stream", "kind", "version", "type")} == {
            name: line[name] for name in ("position", "stream", "kind", "version", "type")
        }
        assert row["time"] == datetime.fromisoformat(line["time"])
        assert json.loads(row["data"]) == line["data"]
    issued = [row for row in rows if row["type"] == "SessionIssued"]
    flat = [(row["flow"], row["method"], row["identity"]) for row in issued]
    assert flat == [
        ("registration", "password", str(person)),
        ("login", "password", str(person)),
        ("recovery", "code", str(person)),
    ]


async def test_duckdb_reads_the_folder(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_EVENTS", 16)
    await live(url)
    export(url, tmp_path / "parts", format="parquet")
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT flow, data->>'reason', count(*) FROM read_parquet(?) WHERE type = 'MethodRefused' GROUP BY ALL",
            [str(tmp_path / "parts" / "*.parquet")],
        ).fetchall()
    assert found == [("login", "credentials", 1)]


async def test_names_say_which_positions_a_part_holds(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_EVENTS", 16)
    await live(url)
    export(url, tmp_path / "parts", format="parquet")
    names = list(all_bytes(tmp_path / "parts"))
    assert names[0] == "events-000000000001-000000000016.parquet"
    assert len(names) == -(-len(logged(url)) // 16)


async def test_a_part_that_cannot_be_read_is_named(url: str, tmp_path: Path) -> None:
    await live(url)
    export(url, tmp_path / "parts", format="parquet")
    (name,) = all_bytes(tmp_path / "parts")
    part = tmp_path / "parts" / name
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(ExportRefused, match=f"{name} cannot be read .*delete it"):
        export(url, tmp_path / "parts", format="parquet")
    part.unlink()
    assert export(url, tmp_path / "parts", format="parquet").events == len(logged(url))
