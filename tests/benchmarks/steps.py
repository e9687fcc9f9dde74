"""Flows of password-free steps on SQLite against the floor: 64 at once, and one at a time."""

import gc
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.benchmarks.floor import Written, recorded, write_floor
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import Person, all_at_once, change_profile, engine_on, one_by_one, seed


async def concurrent(scale: Scale, folder: Path) -> list[Measure]:
    """64 flows at once: how many times the floor's flows a second."""
    people, steps = await _prepared(folder, scale)
    flows = scale.people * scale.turns
    ours, floors = [], []
    for repetition in range(scale.repetitions):
        floors.append(flows / _floor(folder, steps, repetition))
        ours.append(flows / await _ours(folder, people, scale.turns, repetition, at_once=True))
    return [
        Measure(
            "concurrent",
            f"{scale.people} flows at once, 2 durable commits each, against the floor",
            "x",
            [mine / floor for mine, floor in zip(ours, floors, strict=True)],
            f"{median(ours):,.0f} flows/s",
            f"{median(floors):,.0f} flows/s",
            Bound("at least", 2, 3),
        )
    ]


async def alone(scale: Scale, folder: Path) -> list[Measure]:
    """One flow at a time: how many times the floor's time."""
    people, steps = await _prepared(folder, scale)
    turns = max(1, scale.turns // 4)
    flows = scale.people * turns
    steps = steps[: 2 * flows]
    ours, floors = [], []
    for repetition in range(scale.repetitions):
        floors.append(_floor(folder, steps, repetition) / flows * 1e6)
        ours.append(await _ours(folder, people, turns, repetition, at_once=False) / flows * 1e6)
    return [
        Measure(
            "alone",
            "one flow at a time, 2 durable commits, against the floor",
            "x",
            [mine / floor for mine, floor in zip(ours, floors, strict=True)],
            f"{median(ours):,.0f} µs/flow",
            f"{median(floors):,.0f} µs/flow",
            Bound("at most", 3, 2),
        )
    ]


async def _prepared(folder: Path, scale: Scale) -> tuple[list[Person], list[Written]]:
    """A file with people in it, and the rows of the run whose speed is measured, recorded on a copy."""
    people = await seed(folder / "seed.db", scale.people)
    copy = shutil.copy(folder / "seed.db", folder / "recorded.db")
    async with engine_on(Path(copy)) as engine:
        steps = await recorded(engine, lambda: one_by_one(engine, people, scale.turns, change_profile))
    return people, steps


def _floor(folder: Path, steps: Sequence[Written], repetition: int) -> float:
    copy = shutil.copy(folder / "seed.db", folder / f"floor-{repetition}.db")
    return write_floor(Path(copy), steps)


async def _ours(folder: Path, people: Sequence[Person], turns: int, repetition: int, *, at_once: bool) -> float:
    copy = shutil.copy(folder / "seed.db", folder / f"ours-{repetition}.db")
    run = all_at_once if at_once else one_by_one
    async with engine_on(Path(copy)) as engine:
        await run(engine, people, 1, change_profile)
        with aside():
            began = perf_counter()
            await run(engine, people, turns, change_profile)
            return perf_counter() - began


@contextmanager
def aside() -> Iterator[None]:
    """Hides from the garbage collector what the benchmark holds itself, the floor's rows above all."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
