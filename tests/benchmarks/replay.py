"""Replay: the whole log read, decoded into typed events and folded, against a bare SELECT and orjson."""

import sqlite3
from pathlib import Path
from statistics import median
from time import perf_counter

import orjson

from limen.adapters.store import open_store
from limen.adapters.store.replay import replay as replay_all
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import fill


async def replay(scale: Scale, folder: Path) -> list[Measure]:
    """Every aggregate of a log of real flows, folded anew."""
    path = folder / "log.db"
    await fill(path, scale.people, scale.events)
    ours, floors = [], []
    for _ in range(scale.repetitions):
        read, spent = bare(path)
        floors.append(read / spent)
        folded, streams, seconds = fold_all(path)
        if folded != read:
            raise RuntimeError(f"{folded} events were folded, {read} are in the file")
        ours.append(folded / seconds)
    return [
        Measure(
            "replay",
            f"{folded:,} events of {streams:,} streams read, decoded and folded, against SELECT + orjson.loads",
            "x",
            [mine / floor for mine, floor in zip(ours, floors, strict=True)],
            f"{median(ours):,.0f} events/s",
            f"{median(floors):,.0f} events/s",
            Bound("at least", 0.25, 0.4),
        )
    ]


def bare(path: Path) -> tuple[int, float]:
    """The floor: events read and parsed, and the seconds it took."""
    connection = sqlite3.connect(path)
    try:
        loads, read = orjson.loads, 0
        began = perf_counter()
        query = "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events ORDER BY rowid"
        for *_, state in connection.execute(query):
            loads(state)
            read += 1
        return read, perf_counter() - began
    finally:
        connection.close()


def fold_all(path: Path) -> tuple[int, int, float]:
    """Events folded, streams they are of, and the seconds it took."""
    store = open_store(f"sqlite:///{path}")
    try:
        began = perf_counter()
        folded = replay_all(store)
        seconds = perf_counter() - began
        return sum(aggregate.version for aggregate in folded.values()), len(folded), seconds
    finally:
        store.close()
