"""How much a benchmark does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`people` take `turns` each, `repetitions` times over; `events` and `flows` are how big a store is made;
    `relayed` and `million` events go to a bus, `sealed` ones into the ledger, `trips` are timed end to end."""

    people: int = 64
    turns: int = 24
    repetitions: int = 7
    events: int = 100_000
    flows: int = 100_000
    few: int = 100
    relayed: int = 20_000
    million: int = 1_000_000
    sealed: int = 1_000_000
    trips: int = 500


FULL = Scale()
QUICK = Scale(
    people=8, turns=4, repetitions=2, events=300, flows=120, few=20, relayed=300, million=1500, sealed=1500, trips=10
)
"""Only shows that everything runs: its figures mean nothing."""
