"""A million events through `limen relay`: memory stays flat."""

import asyncio
import json
import sqlite3
import sys
from pathlib import Path
from time import perf_counter

from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.relaying import ROOT, stream
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import events_in, fill
from tests.support.brokers import nats_url


async def million(scale: Scale, folder: Path) -> list[Measure]:
    """The growth of the relay's resident memory, from when it has warmed up."""
    path = folder / "log.db"
    await fill(path, scale.people, min(scale.relayed, 10_000))
    multiply(path, scale.million)
    events = events_in(path)
    async with stream() as (context, topic):
        began = perf_counter()
        seen = await _relayed(path, topic)
        seconds = perf_counter() - began
        there = (await context.stream_info(topic)).state.messages
    if there != events:
        raise RuntimeError(f"{there} events are in the stream, {events} in the log")
    warm = next((size for position, size in seen if position >= events / 20), seen[-1][1])
    most = max(size for _, size in seen)
    return [
        Measure(
            "million",
            f"{events:,} events relayed by `limen relay`: growth of its resident memory",
            "MB",
            [most - warm],
            f"{most:,.0f} MB at most, {events / seconds:,.0f} events/s",
            f"{warm:,.0f} MB after a twentieth of the way",
            Bound("at most", 30),
        )
    ]


def multiply(path: Path, wanted: int) -> None:
    """Appends copies of the log, each stream under a new id, until there are enough events."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(
            "SELECT originator_id, originator_version, topic, state FROM stored_events ORDER BY rowid"
        ).fetchall()
        turn, there = 0, len(rows)
        while there < wanted:
            turn += 1
            copies = [(f"{turn:08x}{stream[8:]}", *rest) for stream, *rest in rows[: wanted - there]]
            connection.executemany(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?)",
                copies,
            )
            connection.commit()
            there += len(copies)
    finally:
        connection.close()


async def _relayed(path: Path, topic: str) -> list[tuple[int, float]]:
    """Runs the command to its end; gives its position and its resident size in MB, now and then."""
    command = [*("-m", "limen.adapters.cli", "relay", "--once", "--json"), *("--store", f"sqlite:///{path}")]
    child = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--bus", nats_url(), "--topic", topic, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    seen: list[tuple[int, float]] = []
    async for line in child.stdout:
        seen += [(json.loads(line)["position"], size) for size in _resident(child.pid)]
    if await child.wait():
        raise RuntimeError(f"limen relay ended with {child.returncode}")
    return seen


def _resident(process: int) -> list[float]:
    try:
        fields = Path(f"/proc/{process}/statm").read_text().split()
    except OSError:
        return []
    return [int(fields[1]) * 4096 / 1e6] if len(fields) > 1 and fields[1] != "0" else []
