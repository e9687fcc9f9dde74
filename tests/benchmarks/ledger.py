"""The ledger: verification of a whole log against reading and hashing its bytes, one proof, and what sealing costs."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import perf_counter

from limen.adapters.ledger import Ledger, open_ledger
from limen.adapters.ledger.proof import verdict
from limen.adapters.ledger.verification import verify
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.million import multiply
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import events_in, fill

SEED = b"k" * 32
PROOFS = 200


async def ledger(scale: Scale, folder: Path) -> list[Measure]:
    """A log of real flows, copied until it is long enough, sealed, verified and asked for proofs."""
    path = folder / "log.db"
    await fill(path, scale.people, min(scale.relayed, 10_000))
    multiply(path, scale.sealed)
    events = events_in(path)
    url = f"sqlite:///{path}"
    bare(path)  # the file is in the system's cache for all that follows
    with open_ledger(url, write=True) as opened:
        sealing = _sealed(opened)
        ours, floors = [], []
        for _ in range(max(scale.repetitions // 2, 2)):
            floors.append(events / bare(path))
            ours.append(events / _verified(opened, events))
        proofs = _proofs(opened, events)
    count = len(ours)
    return [
        Measure(
            "verify",
            f"{events:,} events verified, against SELECT + one SHA-256 over the state of each",
            "x",
            [mine / floor for mine, floor in zip(ours, floors, strict=True)],
            f"{median(ours):,.0f} events/s",
            f"{median(floors):,.0f} events/s",
            Bound("at least", 0.5),
        ),
        Measure(
            "prove",
            f"one event of {events:,} proven, as a call: read, path, checkpoint",
            "ms",
            [median(proofs[turn::count]) for turn in range(count)],
            f"{max(proofs):.2f} ms at most",
            bound=Bound("at most", 10),
        ),
        Measure("seal", f"{events:,} events hashed, stored and signed", "µs", [sealing / events * 1e6]),
    ]


def bare(path: Path) -> float:
    """The floor: the seconds it takes to read every event and to hash its state."""
    connection = sqlite3.connect(path)
    try:
        began = perf_counter()
        query = "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events ORDER BY rowid"
        for *_, state in connection.execute(query):
            sha256(state).digest()
        return perf_counter() - began
    finally:
        connection.close()


def _sealed(opened: Ledger) -> float:
    began = perf_counter()
    opened.seal()
    opened.sign(SEED, datetime.now(UTC))
    return perf_counter() - began


def _verified(opened: Ledger, events: int) -> float:
    began = perf_counter()
    report = verify(opened.tables)
    seconds = perf_counter() - began
    if not report.valid or report.sealed != events:
        raise RuntimeError(f"{report.sealed} of {events} events were verified, with {len(report.faults)} faults")
    return seconds


def _proofs(opened: Ledger, events: int) -> Sequence[float]:
    """The milliseconds that each proof took, of events all over the log; every one of them holds."""
    times = []
    for turn in range(PROOFS):
        position = 1 + turn * (events - 1) // (PROOFS - 1)
        began = perf_counter()
        document = opened.prove_position(position)
        times.append((perf_counter() - began) * 1000)
        if not verdict(document).valid:
            raise RuntimeError(f"the proof of the event at {position} does not hold")
    return times
