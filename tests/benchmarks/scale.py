"""How much a benchmark does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`people` take `turns` each, `repetitions` times over; `events` and `flows` are how big a store is made."""

    people: int = 64
    turns: int = 24
    repetitions: int = 7
    events: int = 100_000
    flows: int = 100_000
    few: int = 100


FULL = Scale()
QUICK = Scale(people=8, turns=4, repetitions=2, events=600, flows=500, few=50)
"""Only shows that everything runs: its figures mean nothing."""
