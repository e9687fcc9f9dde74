"""`limen log`: what was recorded, in order."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.options import AsJson, Config, Open, SettingsFile, Store, Where
from limen.adapters.cli.output import DIM, NAME, dump_line, out, short
from limen.adapters.cli.reading import reading, uuid_of
from limen.adapters.cli.times import milliseconds

if TYPE_CHECKING:
    from limen.adapters.log import EventReader, LogEntry

_KIND_WIDTH, _TYPE_WIDTH = 13, 20
_ROOM_FOR_WHEN = 100
"""Columns of a terminal from which on the year and the milliseconds are shown."""

_TOLD = {"kind", "type", "format", "phase", "method", "rule", "verdict", "reason", "detail"}
"""The fields whose text says enough by itself."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("log")(show)


def show(
    after: Annotated[int, typer.Option(min=0, help="Only what stands after this position.", metavar="POSITION")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each new event as it comes.")] = False,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type; repeatable.", metavar="TYPE")
    ] = None,
    flow: Annotated[
        str | None, typer.Option(help="Only events of this flow, and those that name it.", metavar="ID")
    ] = None,
    store: Store = None,
    settings: SettingsFile = None,
    config: Config = None,
    in_clear: Open = False,
    as_json: AsJson = False,
) -> None:
    """Prints the recorded events, one a line: personal data stands sealed, or erased."""
    from limen.projections import FLOWS

    _check_types(type_ or [])
    where = Where(config, settings, store)
    wanted = str(uuid_of(flow, FLOWS, where, "--flow")) if flow is not None else None
    keep = Filter(frozenset(type_ or ()), wanted)
    with reading(where, in_clear=in_clear) as reader:
        if follow:
            asyncio.run(_follow(reader, after, keep, as_json=as_json))
            return
        for entry in _entries(reader, after, type_ or []):
            if keep(entry):
                _print(entry, as_json=as_json)


class Filter:
    """Which events are shown: of some types, of a flow (its own stream, and what names it)."""

    def __init__(self, types: frozenset[str], flow: str | None) -> None:
        self.types = types
        self.flow = flow

    def __call__(self, entry: "LogEntry") -> bool:
        if self.types and entry.type not in self.types:
            return False
        return self.flow is None or str(entry.stream) == self.flow or entry.data.get("flow_id") == self.flow


def _check_types(types: list[str]) -> None:
    from limen.domain.events import EVENT_TYPES

    known = sorted(EVENT_TYPES)
    for name in types:
        if name not in known:
            close = get_close_matches(name, known, 3)
            hint = f"; did you mean {', '.join(close)}?" if close else "; docs/reference/events.md lists them"
            raise typer.BadParameter(f"there is no event type '{name}'{hint}", param_hint="--type")


def _entries(reader: "EventReader", after: int, types: list[str]) -> Iterator["LogEntry"]:
    """Of one type the store selects; of several the filter does."""
    return reader.events(after, type=types[0] if len(types) == 1 else None)


async def _follow(reader: "EventReader", after: int, keep: Filter, *, as_json: bool) -> None:
    entries: AsyncIterator[LogEntry] = reader.follow(after)
    async for entry in entries:
        if keep(entry):
            _print(entry, as_json=as_json)


def _print(entry: "LogEntry", *, as_json: bool) -> None:
    if as_json:
        dump_line(entry.body())
        return
    console = out()
    when = f"{entry.time:%Y-%m-%d %H:%M:%S}.{entry.time.microsecond // 1000:03}"
    if console.is_terminal and console.width < _ROOM_FOR_WHEN:
        when = f"{entry.time:%m-%d %H:%M:%S}"
    line = Text.assemble(
        (f"{entry.position:>6}  {when}  ", DIM),
        f"{entry.kind:<{_KIND_WIDTH}} ",
        (f"{short(str(entry.stream))} {entry.version:>2}  ", DIM),
        (f"{entry.type:<{_TYPE_WIDTH}} ", NAME),
        (gist(entry.data), DIM),
    )
    line.rstrip()
    if console.is_terminal:
        line.truncate(console.width, overflow="ellipsis")
    console.print(line, no_wrap=True)


def gist(data: Mapping[str, Any]) -> str:
    """The plain words and numbers of an event in a few; ids, times and digests are for `--json`."""
    parts = []
    for name, value in data.items():
        if name == "action":
            parts.append(str(value["id"] if isinstance(value, Mapping) else value))
        elif isinstance(value, Mapping):
            parts += [f"{name} {next(iter(value))}"] if value.keys() <= {"sealed", "erased"} else []
        elif name == "duration":
            parts.append(milliseconds(value))
        elif (name == "attempt" and value > 1) or (name == "status" and value):
            parts.append(f"{name} {value}")
        elif isinstance(value, str) and value and name in _TOLD:
            parts.append(value)
    return " · ".join(parts)
