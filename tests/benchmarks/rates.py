"""How many logins started, registrations and logins a second: one at a time and 64 at once, SQLite and PostgreSQL.

Passwords are hashed as cheaply as the library lets them be, so that what is measured is limen and not argon2. With none
of them may fail: SQLite has one writer, and others answer "database is locked" here.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import pytest

from limen.domain.engine import Engine
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import Person, Step, all_at_once, engine_on, login, one_by_one, register, start_login
from tests.support.postgres import fresh_database

ONE_AT_A_TIME = 32


async def sqlite(scale: Scale, folder: Path) -> list[Measure]:
    """On a SQLite file; each repetition on a new one."""
    stores = [folder / f"rates-{repetition}.db" for repetition in range(_repetitions(scale))]
    return await _rates("SQLite", stores, scale)


async def postgres(scale: Scale, folder: Path) -> list[Measure]:
    """On a real PostgreSQL, each repetition in a new database; nothing is measured where there is no server."""
    del folder
    with ExitStack() as databases:
        try:
            stores = [databases.enter_context(fresh_database()) for _ in range(_repetitions(scale))]
        except pytest.skip.Exception as reason:
            print(f"no PostgreSQL: {reason}")
            return []
        server = urlsplit(stores[0])
        return await _rates(f"PostgreSQL at {server.hostname}:{server.port}", stores, scale)


def _repetitions(scale: Scale) -> int:
    return max(2, scale.repetitions // 2)


async def _rates(where: str, stores: Sequence[Path | str], scale: Scale) -> list[Measure]:
    rates: dict[str, list[float]] = {}
    failures: list[float] = []
    for store in stores:
        failed = await _round(store, scale, rates)
        failures.append(failed)
    kind = where.partition(" ")[0].lower()
    shown = [Measure(kind, f"{what}, {where}", "/s", samples) for what, samples in rates.items()]
    what = f"of {scale.people} registrations at once: failed, {where}"
    none = Measure(kind, what, "", failures, bound=Bound("at most", 0))
    return [none, *shown]


async def _round(store: Path | str, scale: Scale, rates: dict[str, list[float]]) -> int:
    """One repetition on one store; says how many of the registrations at once failed."""
    few = [Person(number) for number in range(min(ONE_AT_A_TIME, scale.people))]
    crowd = [Person(number) for number in range(1000, 1000 + scale.people)]
    turns = max(1, scale.turns // 4)
    failed = 0

    async def register_or_count(engine: Engine, person: Person) -> None:
        nonlocal failed
        try:
            await register(engine, person)
        except Exception:
            failed += 1

    async with engine_on(store) as engine:
        await start_login(engine, few[0])
        steps: list[tuple[str, Step, int]] = [
            ("registrations", register_or_count, 1),
            ("logins", login, turns),
            ("logins started", start_login, turns),
        ]
        for what, step, count in steps:
            began = perf_counter()
            await one_by_one(engine, few, count, step)
            _note(rates, f"{what}, one at a time", count * len(few), began)
        for what, step, count in steps:
            began = perf_counter()
            await all_at_once(engine, crowd, count, step)
            _note(rates, f"{what}, {len(crowd)} at once", count * len(crowd), began)
    return failed


def _note(rates: dict[str, list[float]], what: str, count: int, began: float) -> None:
    rates.setdefault(what, []).append(count / (perf_counter() - began))
