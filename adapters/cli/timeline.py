"""The timeline of a flow, for people: what happened when, and how long each action took.

Three columns are common to all lines (when, what, details); those of actions go on with verdict, duration and bar.
Lines of events may run past them, so that a long plan does not pull the bars away.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from limen.adapters.cli.output import DIM, NAME, short, state_style
from limen.adapters.cli.times import milliseconds, span
from limen.adapters.cli.words import WORDS, name_of, words_of
from limen.adapters.log import LogEntry
from limen.adapters.told import Told

_BAR_WIDTH = 12
_LEAST_WIDTH = 20
"""Columns that are worth folding a text into."""

_HIDDEN = {"ActionStarted", "ActionAnswered", "ActionFailed", "ActionCanceled"}
"""Shown as one line an attempt, where it ended."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `position` is its place in the log; the last four parts are those of actions."""

    position: int
    when: str
    what: Text
    details: Text
    verdict: Text = field(default_factory=Text)
    status: str = ""
    took: str = ""
    bar: Text = field(default_factory=Text)
    digests: tuple[tuple[str, str], ...] = ()


class Timeline:
    """Head, then one line an event or attempt, in the order of the log. Renders itself with rich."""

    def __init__(self, told: Told, *, digests: bool = False) -> None:
        self.told = told
        self.digests = digests

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield head(self.told)
        yield Text()
        lines = sorted(_lines(self.told), key=lambda line: line.position)
        width = options.max_width if console.is_terminal else None
        for text in _aligned(lines, width, digests=self.digests):
            if width is not None:
                text.truncate(width, overflow="ellipsis")
            yield text


def head(told: Told) -> Text:
    """What kind of flow it is and what it came to."""
    flow, events = told.record.flow, told.record.events
    took = (events[-1].time - events[0].time).total_seconds()
    facts = [flow.type, f"{events[0].time:%Y-%m-%d %H:%M:%S} UTC", span(took)]
    facts.append(f"configuration {short(str(flow.configuration))}")
    if flow.method:
        facts.insert(0, flow.method)
    return Text.assemble(
        (flow.kind.value, "bold"),
        ("  ", ""),
        (flow.state, f"bold {state_style(flow.state)}"),
        (f"  {flow.id}\n", DIM),
        (" · ".join(facts), DIM),
    )


def bar(value: float, longest: float) -> str:
    """A bar of at most 12 characters, in halves; what took any time at all shows."""
    if longest <= 0 or value <= 0:
        return ""
    halves = max(round(value / longest * _BAR_WIDTH * 2), 1)
    return "━" * (halves // 2) + "╸" * (halves % 2)


def _aligned(lines: list[Line], width: int | None, *, digests: bool) -> Iterator[Text]:
    """The lines as they are shown. In a terminal no bar is cut, and what an event says goes on below."""
    acting = [line for line in lines if line.verdict]
    when = max(len(line.when) for line in lines)
    what = max(line.what.cell_len for line in lines)
    details = max((line.details.cell_len for line in acting), default=0)
    verdict = max((line.verdict.cell_len for line in acting), default=0)
    took = max((len(line.took) for line in acting), default=0)
    indent = when + what + 4
    bars = width is None or indent + details + verdict + took + 10 + _BAR_WIDTH <= width
    for line in lines:
        text = Text.assemble((f"{line.when:>{when}}  ", DIM), _padded(line.what, what), "  ")
        if line.verdict:
            text.append_text(_padded(line.details, details)).append("  ")
            text.append_text(_padded(line.verdict, verdict)).append(f" {line.status:>3}  {line.took:>{took}}  ", DIM)
            text.append_text(line.bar if bars else Text())
            yield text
        else:
            first, *rest = _folded(line.details, width - indent if width is not None else None)
            yield text.append_text(first)
            yield from (Text(" " * indent).append_text(part) for part in rest)
        for name, digest in line.digests if digests else ():
            yield Text(f"{'':{when}}      {name:<7}  {digest}", style=DIM)


def _folded(text: Text, width: int | None) -> list[Text]:
    """The text in lines of this width, broken between words; in one where it is not known or there is no room."""
    if width is None or width < _LEAST_WIDTH or not text:
        return [text]
    return list(text.wrap(Console(width=width), width))


def _padded(text: Text, width: int) -> Text:
    padded = text.copy()
    padded.pad_right(width - text.cell_len)
    return padded


def _lines(told: Told) -> Iterator[Line]:
    start, actions = told.record.events[0].time, told.actions
    longest = max((action["duration_ms"] or 0 for action in actions), default=0)
    for entry in told.record.events:
        if entry.type not in _HIDDEN:
            yield _of_event(entry, start)
    for action in actions:
        yield _of_action(action, start, longest)
    for entries in told.deliveries:
        if entries and entries[0].data["channel"] == "message":
            yield _of_message(entries, start)


def _of_event(entry: LogEntry, start: datetime) -> Line:
    label, style = WORDS.get(entry.type, (entry.type, ""))
    mark = "○" if style == DIM else "●"
    what = Text(f"{mark} {label}", style=style)
    return Line(entry.position, _since(start, entry.time), what, Text(words_of(entry.type, entry.data), style=DIM))


def _of_action(action: Mapping[str, Any], start: datetime, longest: float) -> Line:
    verdict = action["verdict"] or ("waiting" if action["delivery"] else "no answer")
    style, took = state_style(verdict), action["duration_ms"]
    when = {None: "", True: "after the commit", False: "delivery"}[action["awaited"]]
    details = [when or action["phase"], ", ".join(action["modified"])]
    details += [f"try {action['attempt']}"] if action["attempt"] > 1 else []
    details += [action["detail"] or action["reason"]] if action["reason"] else []
    return Line(
        position=action["position"],
        when=_since(start, datetime.fromisoformat(action["time"])),
        what=Text.assemble(("  ⇢ " if action["delivery"] else "  → ", DIM), (name_of(action), NAME)),
        details=Text(" · ".join(filter(None, details)), style=DIM),
        verdict=Text(verdict, style=style),
        status=str(action["status"] or ""),
        took=milliseconds(took) if took is not None else "",
        bar=Text(bar(took or 0, longest), style=style),
        digests=tuple((name, digest) for name, digest in _digests(action) if digest),
    )


def _digests(action: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    yield "request", action["request_digest"]
    yield "answer", action["response_digest"]


def _of_message(entries: tuple[LogEntry, ...], start: datetime) -> Line:
    """Messages to the person are deliveries too; shown where they were handed over."""
    last = entries[-1]
    state = {"DeliveryDelivered": "delivered", "DeliveryParked": "dead", "DeliveryCanceled": "canceled"}
    verdict = state.get(last.type, "waiting")
    took = last.data.get("duration")
    return Line(
        position=last.position,
        when=_since(start, last.time),
        what=Text.assemble(("  ✉ ", DIM), (entries[0].data["action"], NAME)),
        details=Text("message", style=DIM),
        verdict=Text(verdict, style=state_style(verdict)),
        took=milliseconds(took) if took is not None else "",
    )


def _since(start: datetime, time: datetime) -> str:
    return span((time - start).total_seconds())
