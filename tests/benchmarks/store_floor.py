"""How the store stands against the floor: a loop that writes the same rows, one SQLite transaction a step.

    python -m tests.benchmarks.store_floor [--steps N] [--rounds N] [--postgres URL]

Both write 3 events of about 400 bytes, a wrapped key and a sealed payload a step, WAL and synchronous FULL, on the same
disk in the same run; the floor gets its rows ready-made, the store events. Read the ratios: figures depend on the disk.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import orjson

from limen.adapters.keyring import Keys
from limen.adapters.store import open_store
from limen.adapters.store.mapper import EventMapper
from limen.adapters.store.record import EVENT, ROW, rows
from limen.adapters.store.sqlite import SQLiteVaultRecorder
from limen.adapters.store.sqlite_connection import connect
from limen.adapters.system import SystemSecrets
from limen.domain.event import DomainEvent
from limen.domain.ports import Step, VaultRow
from limen.domain.sealed import Sealed

NOW = datetime.now(UTC)


class FloorProbe(DomainEvent):
    """About what an event of a flow carries."""

    stream: ClassVar[str] = "floor_probe"

    method: str
    configuration: str
    submission: Sealed


def step() -> Step:
    """What a flow's step writes."""
    stream = uuid4()
    submission = Sealed(sealed="QUJD" * 60, key=stream)
    events = [
        FloorProbe(
            originator_id=stream, originator_version=version, timestamp=NOW, method="password",
            configuration="a" * 32, submission=submission,
        )
        for version in (1, 2, 3)
    ]  # fmt: skip
    key, payload = VaultRow(stream, "key", "", os.urandom(61)), VaultRow(stream, "payload", "", os.urandom(400))
    return Step(events=[*events], put=[key, payload])


def floor(file: Path, steps: Sequence[Step]) -> float:
    """Seconds a step, each a transaction of its own."""
    open_store(f"sqlite:///{file}").close()
    records = [SQLiteVaultRecorder.shape.record(one, EventMapper()) for one in steps]
    ready = [(list(rows(one.events, EVENT)), list(rows(one.work[0].put, ROW))) for one in records]
    connection = connect(str(file), write=True)
    connection.execute("PRAGMA secure_delete=OFF").fetchall()
    start = time.perf_counter()
    for events, vault in ready:
        connection.execute("BEGIN")
        for event in events:
            connection.execute("INSERT INTO stored_events VALUES (?,?,?,?)", event)
        for row in vault:
            connection.execute("INSERT INTO vault VALUES (?,?,?,?,?,?)", row)
        connection.execute("COMMIT")
    seconds = (time.perf_counter() - start) / len(steps)
    connection.close()
    return seconds


async def through(url: str, steps: Sequence[Step], callers: int) -> float:
    """Seconds a step through `await store.append(step)`, so many callers at once."""
    store, left = open_store(url), iter(steps)

    async def caller() -> None:
        for one in left:
            await store.append(one)

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    seconds = (time.perf_counter() - start) / len(steps)
    store.close()
    return seconds


async def reading(url: str, file: Path) -> tuple[float, float, float]:
    """Seconds an event: bare SELECT and orjson.loads; read and decoded into typed events; decoded alone."""
    connection = sqlite3.connect(file)
    start = time.perf_counter()
    bare = [orjson.loads(state) for (state,) in connection.execute("SELECT state FROM stored_events ORDER BY rowid")]
    selected = time.perf_counter() - start
    columns = connection.execute("SELECT originator_id, originator_version, topic, state FROM stored_events").fetchall()
    connection.close()
    store, position = open_store(url), 0
    start = time.perf_counter()
    while page := await store.log(after=position):
        position = page[-1][0]
    typed = time.perf_counter() - start
    store.close()
    event = EventMapper().event
    start = time.perf_counter()
    for row in columns:
        event(*row)
    return selected / len(bare), typed / len(bare), (time.perf_counter() - start) / len(bare)


async def sealing() -> tuple[float, float]:
    """Seconds to seal and to open a value of about 300 bytes."""
    keys = Keys(open_store("memory:"), (), SystemSecrets())
    owner, value, times = uuid4(), {"traits": {"email": "ada@example.org", "note": "x" * 250}}, 20_000
    keys.create(owner)
    start = time.perf_counter()
    sealed = [keys.seal(owner, value) for _ in range(times)]
    between = time.perf_counter()
    for one in sealed:
        keys.unseal(one)
    return (between - start) / times, (time.perf_counter() - between) / times


def measure(folder: Path, count: int, number: int) -> dict[str, float]:
    """One round: the floor before and after, so that a drift of the machine shows in both."""
    files = [folder / f"{name}-{number}.db" for name in ("floor", "one", "many", "again")]
    steps = [step() for _ in range(count)]
    before = floor(files[0], steps)
    one = asyncio.run(through(f"sqlite:///{files[1]}", steps, 1))
    many = asyncio.run(through(f"sqlite:///{files[2]}", [step() for _ in range(3 * count)], 64))
    base = (before + floor(files[3], steps)) / 2
    bare, typed, decoded = asyncio.run(reading(f"sqlite:///{files[2]}", files[2]))
    return {
        "floor, steps/s": 1 / base,
        "one caller, steps/s": 1 / one,
        "one caller, times the floor's time": one / base,
        "64 callers, steps/s": 1 / many,
        "64 callers, times the floor's rate": base / many,
        "decode, events/s": 1 / decoded,
        "read and decode, share of SELECT + orjson.loads": bare / typed,
    }


def main(args: Sequence[str]) -> None:
    """Prints the medians of all rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgres", help="URL of an empty database to measure too; it keeps what is written")
    options = parser.parse_args(args)
    with tempfile.TemporaryDirectory() as folder:
        rounds = [measure(Path(folder), options.steps, number) for number in range(options.rounds)]
    lines: dict[str, Any] = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    lines["seal, µs"], lines["unseal, µs"] = (seconds * 1e6 for seconds in asyncio.run(sealing()))
    for callers in (1, 64) if options.postgres else ():
        steps = [step() for _ in range(options.steps)]
        lines[f"PostgreSQL, {callers} at once, steps/s"] = 1 / asyncio.run(through(options.postgres, steps, callers))
    for name, value in lines.items():
        print(f"{name:55} {value:12,.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
