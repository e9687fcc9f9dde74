"""The path a flow took through its machine: which transitions, in which order, from the names of its events alone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from limen.domain.machine import BACK, STAY, Row, Table


@dataclass(frozen=True, slots=True)
class Step:
    """One transition that moved: the `number` of it in the path, from 1 on, and the trigger that fired."""

    number: int
    source: str
    dest: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Path:
    """Where a flow went. `state` is where it stands; `stays` counts by state the triggers that did not move it."""

    table: Table
    state: str
    steps: tuple[Step, ...]
    visits: Mapping[str, int]
    stays: Mapping[str, Mapping[str, int]]

    def numbers(self, source: str, dest: str, trigger: str) -> tuple[int, ...]:
        """When an arrow was taken; empty where it never was."""
        arrow = (source, dest, trigger)
        return tuple(step.number for step in self.steps if (step.source, step.dest, step.trigger) == arrow)


def path_of(table: Table, events: Iterable[str]) -> Path:
    """The path of these event types, in order, the one that created the flow first.

    Raises `ValueError` for an event that the table does not have where it comes.
    """
    state, back, created = "", "", False
    steps: list[Step] = []
    visits: Counter[str] = Counter()
    stays: dict[str, Counter[str]] = {}
    for name in events:
        if not created:
            if name != table.creation:
                raise ValueError(f"a {table.name} begins with {table.creation}, not with {name}")
            created, state = True, table.initial
            visits[state] += 1
            continue
        row = _row(table, state, name)
        if row.dest == STAY:
            stays.setdefault(state, Counter())[row.trigger] += 1
            continue
        dest = back if row.dest == BACK else row.dest
        steps.append(Step(len(steps) + 1, state, dest, row.trigger))
        state = dest
        back = state if state in table.backs else back
        visits[state] += 1
    return Path(table, state, tuple(steps), visits, stays)


def _row(table: Table, state: str, name: str) -> Row:
    for row in table.rows:
        if row.event == name and state in row.sources:
            return row
    raise ValueError(f"{name} cannot happen to a {table.name} that is {state}")
