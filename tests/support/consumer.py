"""A consumer in a process of its own, which may be killed at any instant.

`python -m tests.support.consumer URL TOPIC GROUP DATABASE [SECONDS]` handles events of every type and writes each to
the SQLite file, exactly once; it prints `ready` when it has started. SECONDS is how long its handler takes.
"""

import asyncio
import sqlite3
import sys
from typing import Any

from limen.adapters.bus import Message, Once
from limen.adapters.bus.contract.catalogue import published
from tests.support.bus import router_of

TABLE = "CREATE TABLE IF NOT EXISTS handled (number INTEGER PRIMARY KEY, id TEXT, stream TEXT, sequence INTEGER)"


def rows_of(database: str) -> list[tuple[str, str, int]]:
    """What was written, in order: id, stream and sequence."""
    connection = sqlite3.connect(database, timeout=60)
    try:
        connection.execute(TABLE)
        return list(connection.execute("SELECT id, stream, sequence FROM handled ORDER BY number"))
    finally:
        connection.close()


async def main(url: str, topic: str, group: str, database: str, seconds: str = "0") -> None:
    rows_of(database)
    router = router_of(url, topic, group)

    async def write(message: Message, tx: Any) -> None:
        await asyncio.sleep(float(seconds))
        row = (message.id, str(message.stream), message.sequence)
        tx.execute("INSERT INTO handled (id, stream, sequence) VALUES (?, ?, ?)", row)

    once = Once(database)
    for event in published().values():
        router.on(event, once=once, id="write")(write)
    async with router:
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
