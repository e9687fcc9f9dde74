"""What a benchmark gives back, and the one table that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Bound:
    """What is demanded of a figure, and what is aimed at."""

    sense: Literal["at least", "at most"]
    demanded: float
    aim: float | None = None

    def met(self, figure: float) -> bool:
        """Whether a figure is as demanded."""
        return figure >= self.demanded if self.sense == "at least" else figure <= self.demanded


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table.

    `samples` are the figure that counts (`unit`: `x` for a ratio, µs, MB, /s), one of each repetition; their median is
    shown, with the lowest and the highest. `ours` and `floor` are the two absolute figures behind it, in words.
    """

    name: str
    what: str
    unit: str
    samples: Sequence[float]
    ours: str = ""
    floor: str = ""
    bound: Bound | None = None

    @property
    def figure(self) -> float:
        """The median."""
        return median(self.samples)

    @property
    def met(self) -> bool | None:
        """Whether the bound is met; None where there is none."""
        return self.bound.met(self.figure) if self.bound else None

    def body(self) -> dict[str, Any]:
        """As `--json` prints it."""
        bound = self.bound
        return {
            "name": self.name,
            "what": self.what,
            "unit": self.unit,
            "figure": self.figure,
            "low": min(self.samples),
            "high": max(self.samples),
            "repetitions": len(self.samples),
            "ours": self.ours,
            "floor": self.floor,
            "sense": bound.sense if bound else None,
            "demanded": bound.demanded if bound else None,
            "aim": bound.aim if bound else None,
            "met": self.met,
        }


HEAD = ("", "what", "figure", "spread", "demanded", "aim", "met", "ours", "floor", "n")
_RIGHT = (2, 3, 4, 5, 9)


def table(measures: Sequence[Measure]) -> str:
    """All measures, aligned."""
    lines = [HEAD, *(_cells(measure) for measure in measures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in _RIGHT else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(measure: Measure) -> tuple[str, ...]:
    bound, unit = measure.bound, measure.unit
    low, high = min(measure.samples), max(measure.samples)
    sign = "" if bound is None else ("≥ " if bound.sense == "at least" else "≤ ")
    return (
        measure.name,
        measure.what,
        f"{_number(measure.figure)} {unit}",
        "" if len(measure.samples) == 1 else f"{_number(low)}–{_number(high)}",
        f"{sign}{_number(bound.demanded)} {unit}" if bound else "",
        f"{sign}{_number(bound.aim)} {unit}" if bound and bound.aim is not None else "",
        {None: "", True: "yes", False: "NO"}[measure.met],
        measure.ours,
        measure.floor,
        str(len(measure.samples)),
    )


def _number(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
