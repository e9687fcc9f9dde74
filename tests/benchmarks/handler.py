"""What a Python handler that does nothing adds to a flow, its recorded events included."""

from pathlib import Path
from statistics import median
from time import perf_counter

from limen.domain.engine import Engine
from limen.domain.handler import ActionContext, Actions
from tests.benchmarks.measure import Bound, Measure
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import Person, change_profile, engine_on, seed


async def handler(scale: Scale, folder: Path) -> list[Measure]:
    """Flows with and without the handler in turn, each on a file of its own, so that both have the same weather."""
    actions = Actions()

    @actions.after("settings", method="profile", pure=True)
    async def nothing(context: ActionContext) -> None: ...

    plain_people = await seed(folder / "plain.db", scale.people)
    handled_people = await seed(folder / "handled.db", scale.people)
    added, without, having = [], [], []
    async with engine_on(folder / "plain.db") as plain, engine_on(folder / "handled.db", actions) as handled:
        for repetition in range(-1, scale.repetitions):
            one, two = [], []
            for _ in range(max(1, scale.turns // 4)):
                for first, second in zip(plain_people, handled_people, strict=True):
                    one.append(await _timed(plain, first))
                    two.append(await _timed(handled, second))
            if repetition >= 0:  # the first round only warms up
                without.append(median(one))
                having.append(median(two))
                # of pairs that ran one right after the other: a disk that stalls once does not count
                added.append(median(after - before for before, after in zip(one, two, strict=True)))
    return [
        Measure(
            "handler",
            "what a pure handler that does nothing adds to a flow, its two events included",
            "µs",
            added,
            f"{median(having):,.0f} µs/flow",
            f"{median(without):,.0f} µs/flow",
            Bound("at most", 250, 100),
        )
    ]


async def _timed(engine: Engine, person: Person) -> float:
    began = perf_counter()
    await change_profile(engine, person)
    return (perf_counter() - began) * 1e6
