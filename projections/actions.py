"""Statistics of actions: one row an action and day, for those a flow waits for and for deliveries alike.

Every attempt counts on the day (UTC) on which it ended. Messages to people are no actions and are left out.
"""

from collections import Counter
from datetime import UTC, datetime

from limen.domain.action_events import ActionAnswered, ActionCanceled, ActionFailed
from limen.domain.delivery import (
    DeliveryAttempted,
    DeliveryCanceled,
    DeliveryDelivered,
    DeliveryParked,
    DeliveryScheduled,
)
from limen.domain.events import DomainEvent
from limen.projections.histogram import Histogram
from limen.projections.view import Column, Row, View

VERDICTS = ("continue", "modify", "interrupt", "cancel", "fail", "ignored")
"""What an attempt came to."""

COUNTS = ("runs", "attempts", *VERDICTS, "delivered", "dead")
"""What is counted: see `ACTIONS`."""

_NEVER_LEFT = ("template", "payload", "erased")
"""Reasons of failures before anything was asked: they say nothing about how long the action takes."""

_COLUMNS = (
    Column("id", fixed=True),
    Column("day", fixed=True),
    Column("action", fixed=True),
    Column("hook", fixed=True),
    *(Column(name, "integer") for name in COUNTS),
    Column("p50", "integer"),
    Column("p90", "integer"),
    Column("p99", "integer"),
    Column("latency"),
)


class Statistics:
    """The counts of an action on a day, and how long its attempts took (microseconds)."""

    def __init__(self, day: str, action: str, hook: str) -> None:
        self.since = self.day = day
        self.action, self.hook = action, hook
        self.counts: Counter[str] = Counter()
        self.latency = Histogram()

    @classmethod
    def read(cls, row: Row) -> "Statistics":
        """From a row of the view."""
        read = cls(str(row["day"]), str(row["action"]), str(row["hook"]))
        read.counts.update({name: int(row[name] or 0) for name in COUNTS})
        read.latency = Histogram.read(str(row["latency"]))
        return read

    def write(self) -> Row:
        """As a row of the view."""
        p50, p90, p99 = self.latency.percentiles(50, 90, 99)
        return {
            "day": self.day,
            "action": self.action,
            "hook": self.hook,
            **{name: self.counts[name] for name in COUNTS},
            "p50": p50,
            "p90": p90,
            "p99": p99,
            "latency": self.latency.text(),
        }

    def merge(self, other: "Statistics") -> None:
        """Counts what another has counted: then it is of the days from `since` to `day`."""
        self.since, self.day = min(self.since, other.since), max(self.day, other.day)
        self.counts.update(other.counts)
        self.latency.merge(other.latency)

    def take(self, event: DomainEvent) -> None:
        """Counts the end of an attempt, and of a run where no further attempt follows."""
        match event:
            case ActionAnswered() | DeliveryDelivered():
                self._attempt(event.verdict, event.duration, ends=True)
                self.counts["delivered"] += isinstance(event, DeliveryDelivered)
            case ActionFailed():
                self._attempt("fail", event.duration, event.reason, ends=event.final)
            case DeliveryAttempted():
                self._attempt("fail", event.duration, event.reason, ends=False)
            case DeliveryParked():
                self._attempt("fail", event.duration, event.reason, ends=True)
                self.counts["dead"] += 1
            case ActionCanceled() | DeliveryCanceled():
                self.counts.update(("cancel", "runs"))
            case _:
                pass

    def _attempt(self, verdict: str, milliseconds: float, reason: str = "", *, ends: bool) -> None:
        self.counts.update((verdict, "attempts", "runs") if ends else (verdict, "attempts"))
        if reason not in _NEVER_LEFT:
            self.latency.add(max(round(milliseconds * 1000), 0))


def _place(event: DomainEvent, first: DomainEvent) -> tuple[str, str, str] | None:
    """Day, hook and action; None for a message. A delivery says in its first event alone which action it is of."""
    if isinstance(first, DeliveryScheduled):
        if first.channel == "message":
            return None
        hook, action = first.hook, first.action
    elif isinstance(event, ActionAnswered | ActionCanceled | ActionFailed):
        hook, action = event.action.hook, event.action.id
    else:
        return None
    return _day(event.timestamp), hook, action


def _begin(event: DomainEvent, first: DomainEvent) -> Statistics:
    place = _place(event, first)
    assert place is not None
    day, hook, action = place
    return Statistics(day, action, hook)


def _row_of(event: DomainEvent, first: DomainEvent) -> str | None:
    place = _place(event, first)
    return _key(*place) if place is not None else None


def _key(day: str, hook: str, action: str) -> str:
    return f"{day}/{hook}/{action}"


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


_ENDS = ("DeliveryAttempted", "DeliveryDelivered", "DeliveryParked", "DeliveryCanceled")

ACTIONS = View(
    name="actions",
    layout=1,
    events=("ActionAnswered", "ActionCanceled", "ActionFailed", *_ENDS),
    columns=_COLUMNS,
    order="day",
    chosen=("action",),
    begin=_begin,
    read=Statistics.read,
    take=Statistics.take,
    write=Statistics.write,
    key=_row_of,
    opened=frozenset(_ENDS),
)
"""`attempts` ended, with the verdicts of each beside; `cancel` is no attempt: nothing was asked. `runs` came to their
end by the last of their attempts or by a cancel; `delivered` and `dead` are the deliveries among them. `p50`, `p90` and
`p99` are microseconds, read from `latency` (`Histogram.text`), None where nothing was asked.
"""
