"""`python -m tests.benchmarks`: runs the benchmarks and prints one table, or JSON."""

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.benchmarks.exporting import exporting
from tests.benchmarks.handler import handler
from tests.benchmarks.ledger import ledger
from tests.benchmarks.many import many
from tests.benchmarks.measure import Measure, table
from tests.benchmarks.million import million
from tests.benchmarks.rates import postgres, sqlite
from tests.benchmarks.relaying import relaying
from tests.benchmarks.replay import replay
from tests.benchmarks.scale import FULL, QUICK, Scale
from tests.benchmarks.simulating import simulating
from tests.benchmarks.steps import alone, concurrent
from tests.benchmarks.trips import trips
from tests.benchmarks.views import views

BENCHMARKS: dict[str, Callable[[Scale, Path], Awaitable[list[Measure]]]] = {
    "concurrent": concurrent,
    "alone": alone,
    "replay": replay,
    "handler": handler,
    "many": many,
    "sqlite": sqlite,
    "postgres": postgres,
    "relay": relaying,
    "trip": trips,
    "million": million,
    "views": views,
    "ledger": ledger,
    "simulate": simulating,
    "export": exporting,
}


def run(names: Sequence[str], scale: Scale, folder: Path | None = None) -> list[Measure]:
    """Runs these benchmarks, each in a folder of its own that is gone afterwards."""
    measures: list[Measure] = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="limen-bench-", dir=folder) as place:
            print(f"{name} …", file=sys.stderr, flush=True)
            measures += asyncio.run(_awaited(BENCHMARKS[name](scale, Path(place))))
    return measures


async def _awaited(benchmark: Awaitable[list[Measure]]) -> list[Measure]:
    return await benchmark


def machine() -> dict[str, object]:
    """What it runs on: figures mean nothing without it."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every bound is met, 1 when one is not."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(BENCHMARKS), help="this one (may be repeated)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="a tiny run: shows that it runs, its figures mean nothing")
    parser.add_argument("--dir", type=Path, help="where the databases are made (a real disk: syncs are what is paid)")
    chosen = parser.parse_args(arguments)
    measures = run(chosen.only or list(BENCHMARKS), QUICK if chosen.quick else FULL, chosen.dir)
    if chosen.json:
        print(json.dumps({"machine": machine(), "measures": [one.body() for one in measures]}, indent=2))
    else:
        print(", ".join(f"{name} {value}" for name, value in machine().items()))
        print(table(measures))
    return 0 if chosen.quick or all(one.met is not False for one in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
