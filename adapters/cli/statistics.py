"""`limen actions stats`: how often actions ran, what came of it, and how long they took."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.following import progress
from limen.adapters.cli.options import AsJson, SettingsFile, Store, Where
from limen.adapters.cli.output import BAD, DIM, NAME, dump_array, note, out, show_out, state_style
from limen.adapters.cli.table import plain_table
from limen.adapters.cli.times import milliseconds

if TYPE_CHECKING:
    from limen.projections.actions import Statistics

_BAR_WIDTH = 16
_ROOM_FOR_BARS = 100
"""Columns of a terminal from which on bars are drawn: in fewer they would take the names theirs."""

_ASKING = ("web_hook", "bus", "python")
"""Hooks whose action's id says enough: of the others the hook says what it does."""


def stats(
    since: Annotated[
        str | None, typer.Option(help="Only from this day on (UTC), as in 2026-05-04.", metavar="DAY")
    ] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, by its id.", metavar="ID")] = None,
    by_day: Annotated[bool, typer.Option("--by-day", help="One line an action and day, the newest first.")] = False,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Shows how often each action ran, what came of it, and how long it took (within 1 %)."""
    first = _day(since) if since is not None else None
    found = _collected(Where(None, settings, store), first, action, by_day=by_day)
    if as_json:
        dump_array(map(_body, found))
    elif found:
        _show(found, by_day=by_day)
    else:
        note((f"no action '{action}' ran" if action else "no action ran") + (f" since {first}" if first else ""))


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no day; one looks like 2026-05-04", param_hint="--since") from None


def _collected(where: Where, since: str | None, action: str | None, *, by_day: bool) -> list["Statistics"]:
    """The statistics of each day; or of all days together, by the name of the action."""
    days = _of_days(where, since, action)
    if by_day:
        return sorted(days, key=lambda one: (-date.fromisoformat(one.day).toordinal(), one.action, one.hook))
    merged: dict[tuple[str, str], Statistics] = {}
    for one in days:
        name = (one.action, one.hook)
        if name in merged:
            merged[name].merge(one)
        else:
            merged[name] = one
    return [merged[name] for name in sorted(merged)]


def _of_days(where: Where, since: str | None, action: str | None) -> Iterator["Statistics"]:
    from limen.adapters.views import open_views
    from limen.projections import ACTIONS
    from limen.projections.actions import Statistics

    with open_views(where.url()) as views:
        with progress("bringing the statistics up to date") as step:
            views.catch_up(ACTIONS, step)
        yield from map(Statistics.read, views.rows(ACTIONS, {"action": action} if action else {}, since=since))


def _body(one: "Statistics") -> dict[str, Any]:
    from limen.projections.actions import COUNTS

    p50, p90, p99 = _latencies(one)
    return {
        "action": one.action,
        "hook": one.hook,
        "since": one.since,
        "until": one.day,
        **{name: one.counts[name] for name in COUNTS},
        "p50_ms": p50,
        "p90_ms": p90,
        "p99_ms": p99,
    }


def _latencies(one: "Statistics") -> tuple[float | None, ...]:
    return tuple(None if value is None else value / 1000 for value in one.latency.percentiles(50, 90, 99))


def _show(found: Sequence["Statistics"], *, by_day: bool) -> None:
    days, bars = ("day",) if by_day else (), not out().is_terminal or out().width >= _ROOM_FOR_BARS
    numbers = ("runs", "tries", "p50", "p90", "p99")
    table = plain_table(*days, "action", "runs", "tries", "came to", "p50", "p90", "p99", "", numbers=numbers)
    longest = max((_latencies(one)[2] or 0 for one in found), default=0)
    before = None
    for one in found:
        latencies = _latencies(one)
        day = (Text(one.day if one.day != before else "", style=DIM),) if by_day else ()
        before = one.day
        table.add_row(
            *day,
            Text.assemble((one.action, NAME), (f" {one.hook}" if one.hook not in _ASKING else "", DIM)),
            f"{one.counts['runs']:,}",
            f"{one.counts['attempts']:,}",
            _came_to(one),
            *(milliseconds(value) if value is not None else "" for value in latencies),
            spread(latencies, longest) if bars else "",
        )
    show_out(table)


def _came_to(one: "Statistics") -> Text:
    from limen.projections.actions import VERDICTS

    parts = [Text(f"{one.counts[name]:,} {name}", style=state_style(name)) for name in VERDICTS if one.counts[name]]
    if one.counts["dead"]:
        parts.append(Text(f"{one.counts['dead']:,} dead", style=f"bold {BAD}"))
    return Text(" · ", style=DIM).join(parts)


def spread(latencies: Sequence[float | None], longest: float) -> Text:
    """A bar of at most 16 characters: thick as far as half of the attempts took, thin to 90 %, dotted to 99 %."""
    bar, reached = Text(), 0
    for value, mark, style in zip(latencies, "━─╌", (NAME, NAME, DIM), strict=True):
        if value is None or longest <= 0:
            return bar
        upto = max(round(value / longest * _BAR_WIDTH), reached, 1)
        bar.append(mark * (upto - reached), style=style)
        reached = upto
    return bar
