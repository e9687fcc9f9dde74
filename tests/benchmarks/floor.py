"""The floor: the rows of a real run, written again by a bare loop over `sqlite3`.

Same tables (the file is a copy), same connection settings (WAL, synchronous FULL), same bytes, one transaction per
step, and nothing else: no engine, no thread, no event loop. What a step deletes or updates is left out, to the floor's
advantage.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from limen.adapters.store import LogStore
from limen.adapters.store.record import EVENT, PAIR, ROW, rows
from limen.adapters.store.sqlite_connection import connect
from limen.domain.engine import Engine
from limen.domain.ports import Step

_EVENTS = "INSERT INTO stored_events VALUES (?, ?, ?, ?)"
_VAULT = "INSERT OR REPLACE INTO vault VALUES (?, ?, ?, ?, ?, ?)"
_DUE = "INSERT OR REPLACE INTO due VALUES (?, ?)"

Parameters = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Written:
    """The rows of one step."""

    events: Parameters
    vault: Parameters
    due: Parameters

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.events) + len(self.vault) + len(self.due)


async def recorded(engine: Engine, run: Callable[[], Awaitable[None]]) -> list[Written]:
    """What `run` wrote through the engine's store, step by step."""
    store = engine.streams.store
    assert isinstance(store, LogStore)
    steps: list[Step] = []
    append = store.append

    async def append_and_note(step: Step) -> None:
        await append(step)
        steps.append(step)

    store.append = append_and_note  # type: ignore[method-assign]  # listens in
    try:
        await run()
    finally:
        store.append = append  # type: ignore[method-assign]  # as it was
    shape, mapper = store.application.vault.shape, store.application.event_mapper
    made = [shape.record(step, mapper) for step in steps]
    return [
        Written(
            list(rows(record.events, EVENT)),
            [row for work in record.work for row in rows([*work.put, *work.unique], ROW)],
            [row for work in record.work for row in rows(work.due, PAIR)],
        )
        for record in made
    ]


def write_floor(path: Path, steps: Sequence[Written]) -> float:
    """Writes these steps into a file, one transaction each; seconds it took."""
    connection = connect(str(path), write=True)
    try:
        cursor = connection.cursor()
        began = perf_counter()
        for step in steps:
            _write(cursor, step)
        return perf_counter() - began
    finally:
        connection.close()


def _write(cursor: sqlite3.Cursor, step: Written) -> None:
    cursor.execute("BEGIN IMMEDIATE")
    cursor.executemany(_EVENTS, step.events)
    if step.vault:
        cursor.executemany(_VAULT, step.vault)
    if step.due:
        cursor.executemany(_DUE, step.due)
    cursor.execute("COMMIT")
