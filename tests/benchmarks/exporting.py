"""Exporting: a log written in each format, against reading and parsing it."""

from pathlib import Path
from statistics import median
from time import perf_counter

from limen.adapters.export import FORMATS, Format, export
from tests.benchmarks.measure import Measure
from tests.benchmarks.replay import bare
from tests.benchmarks.scale import Scale
from tests.benchmarks.scene import events_in, fill


async def exporting(scale: Scale, folder: Path) -> list[Measure]:
    """A log of real flows, to a file or folder on the disk it is on."""
    path = folder / "log.db"
    await fill(path, scale.people, scale.events)
    ours: dict[Format, list[float]] = {name: [] for name in FORMATS}
    floors = []
    for turn in range(scale.repetitions):
        read, spent = bare(path)
        floors.append(read / spent)
        for name, figures in ours.items():
            figures.append(read / exported(path, folder / f"{name}-{turn}", name))
    return [
        Measure(
            "export",
            f"{events_in(path):,} events as {name}, against SELECT + orjson.loads",
            "x",
            [mine / floor for mine, floor in zip(figures, floors, strict=True)],
            f"{median(figures):,.0f} events/s",
            f"{median(floors):,.0f} events/s",
        )
        for name, figures in ours.items()
    ]


def exported(path: Path, output: Path, format: Format) -> float:
    """The seconds it took."""
    began = perf_counter()
    done = export(f"sqlite:///{path}", output, format=format)
    spent = perf_counter() - began
    if done.position != events_in(path):
        raise RuntimeError(f"the export came to {done.position} of {events_in(path)}")
    return spent
