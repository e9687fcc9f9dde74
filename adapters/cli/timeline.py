"""The timeline of a flow, for people: what happened when, and how long each action took."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from limen.adapters.cli.gathering import Told
from limen.adapters.cli.output import BAD, DIM, GOOD, NAME, WARN, state_style
from limen.adapters.cli.times import milliseconds, span
from limen.adapters.cli.words import WORDS, words_of

_BAR_WIDTH = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_MARKS = {GOOD: "●", BAD: "●", WARN: "●", DIM: "○", "": "●"}
_HIDDEN = {"ActionStarted", "ActionAnswered", "ActionFailed", "ActionCanceled"}
"""Shown as one line an attempt, where it ended."""


def timeline(told: Told) -> RenderableType:
    """Head, then one line an event or attempt, in the order of the log."""
    return Group(_head(told), Text(), _body(told))


def _head(told: Told) -> Text:
    flow, events = told.record.flow, told.record.events
    took = (events[-1].time - events[0].time).total_seconds()
    facts = [flow.type, f"started {events[0].time:%Y-%m-%d %H:%M:%S} UTC", f"took {span(took)}"]
    if flow.method:
        facts.insert(0, flow.method)
    return Text.assemble(
        (flow.kind.value, "bold"),
        ("  ", ""),
        (flow.state, f"bold {state_style(flow.state)}"),
        (f"  {flow.id}\n", DIM),
        (" · ".join(facts), DIM),
        (f"\nconfiguration {flow.configuration}", DIM),
    )


def _body(told: Told) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("right", "left", "left", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
    start = told.record.events[0].time
    longest = max((action["duration_ms"] or 0 for action in told.actions), default=0)
    lines: list[tuple[int, tuple[RenderableType, ...]]] = []
    for entry in told.record.events:
        if entry.type not in _HIDDEN:
            offset = span((entry.time - start).total_seconds())
            lines.append((entry.position, _event_line(offset, entry.type, entry.data)))
    lines += [(action["position"], _action_line(action, start, longest)) for action in told.actions]
    lines += _messages(told, start)
    for _, line in sorted(lines, key=lambda one: one[0]):
        table.add_row(*line)
    return table


def _event_line(offset: str, type_: str, data: Mapping[str, Any]) -> tuple[RenderableType, ...]:
    label, style = WORDS.get(type_, (type_, ""))
    what = Text.assemble((f"{_MARKS[style]} ", style or "default"), (label, style or "default"))
    return Text(offset, style=DIM), what, Text(words_of(type_, data), style=DIM), "", "", ""


def _action_line(action: Mapping[str, Any], start: Any, longest: float) -> tuple[RenderableType, ...]:
    from datetime import datetime

    offset = span((datetime.fromisoformat(action["time"]) - start).total_seconds())
    verdict = action["verdict"] or ("waiting" if action["delivery"] else "no answer")
    style = state_style(verdict)
    arrow = "⇢" if action["delivery"] else "→"
    details = [action["phase"], "later" if action["delivery"] else "", ", ".join(action["modified"])]
    if action["attempt"] > 1:
        details.append(f"try {action['attempt']}")
    if action["reason"]:
        details.append(action["detail"] or action["reason"])
    return (
        Text(offset, style=DIM),
        Text.assemble((f"  {arrow} ", DIM), (action["id"], NAME)),
        Text(" · ".join(filter(None, details)), style=DIM),
        Text.assemble((verdict, style), (f" {action['status']}" if action["status"] else "", DIM)),
        Text(milliseconds(action["duration_ms"]) if action["duration_ms"] is not None else "", style=DIM),
        Text(bar(action["duration_ms"] or 0, longest), style=style),
    )


def _messages(told: Told, start: Any) -> list[tuple[int, tuple[RenderableType, ...]]]:
    """Messages to the person are deliveries too; shown where they were handed over."""
    lines: list[tuple[int, tuple[RenderableType, ...]]] = []
    for entries in told.deliveries:
        if not entries or entries[0].data["channel"] != "message":
            continue
        last = entries[-1]
        state = "delivered" if last.type == "DeliveryDelivered" else "waiting"
        state = "dead" if last.type == "DeliveryParked" else state
        offset = Text(span((last.time - start).total_seconds()), style=DIM)
        what = Text.assemble(("  ✉ ", DIM), (entries[0].data["action"], NAME))
        took = last.data.get("duration")
        duration = Text(milliseconds(took) if took is not None else "", style=DIM)
        line = (offset, what, Text("message", style=DIM), Text(state, style=state_style(state)), duration, "")
        lines.append((last.position, line))
    return lines


def bar(value: float, longest: float) -> str:
    """A bar of at most 12 characters, in eighths; what took any time at all shows."""
    if longest <= 0 or value <= 0:
        return ""
    eighths = max(round(value / longest * _BAR_WIDTH * 8), 1)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
