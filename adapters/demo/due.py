"""Due: what each consumer of the demo should have got according to the log, and whether it did.

The rule is applied here once more, without the router: what it gave to whom is what is looked at.
"""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from limen.adapters.demo.expected import Check
from limen.adapters.log import LogEntry


@dataclass(frozen=True, slots=True)
class Handled:
    """One event at one consumer: its `id` (`<stream>:<version>`), and whether `default` or `override` was for it."""

    id: str
    stream: str
    sequence: int
    rule: str
    attempt: int = field(default=1, compare=False)


def due(entries: Iterable[LogEntry], since: int) -> dict[str, list[Handled]]:
    """What is due to each consumer, by its name, in the order of the log. Up to position `since` it is nothing."""
    kinds: dict[str, str] = {}
    found: dict[str, list[Handled]] = {"crm": [], "risk": []}
    for entry in entries:
        stream, method = str(entry.stream), entry.data.get("method")
        if entry.type == "FlowInitiated":
            kinds[stream] = entry.data["kind"]
        if entry.type not in ("FlowInitiated", "FlowCompleted") or entry.position <= since:
            continue
        one = Handled(f"{stream}:{entry.version}", stream, entry.version, "default")
        found["crm"].append(one)
        if entry.type == "FlowCompleted" and kinds[stream] == "login":
            rule = "override" if method == "code" else "default"
            found["risk"].append(Handled(one.id, stream, entry.version, rule))
    return found


def handled(database: Path) -> list[Handled]:
    """What a consumer has written, in that order; nothing where it has not begun."""
    with contextlib.suppress(sqlite3.OperationalError):
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute("SELECT id, stream, sequence, rule, attempt FROM handled ORDER BY number")
            return [Handled(*row) for row in rows]
        finally:
            connection.close()
    return []


def compared(name: str, wanted: list[Handled], got: list[Handled]) -> list[Check]:
    """None lost, none twice, in order within each stream, and each by the handler that the rule names."""
    ids, counts = [one.id for one in wanted], Counter(one.id for one in got)
    lost = [one for one in ids if one not in counts]
    twice = [one for one, count in counts.items() if count > 1]
    strange = sorted(counts.keys() - set(ids))
    rules = {one.id: one.rule for one in wanted}
    other = [one.id for one in got if rules.get(one.id, one.rule) != one.rule]
    faults = (("lost", lost), ("twice", twice), ("not its own", strange))
    wrong = "; ".join(f"{what}: {', '.join(found)}" for what, found in faults if found)
    return [
        Check(f"{name} has each of its {len(wanted)} events once", not wrong, wrong),
        Check(f"{name} has the events of each flow in their order", not (early := _early(got)), ", ".join(early)),
        Check(f"{name} handled each by the handler that the rule names", not other, ", ".join(other)),
    ]


def _early(got: list[Handled]) -> list[str]:
    """What came after a later event of its stream."""
    newest: dict[str, int] = {}
    found = []
    for one in got:
        if one.sequence < newest.get(one.stream, 0):
            found.append(one.id)
        newest[one.stream] = max(one.sequence, newest.get(one.stream, 0))
    return found
