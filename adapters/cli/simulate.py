"""`limen simulate`: what another configuration would have done with the flows on record."""

import asyncio
import json
import sys
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from limen.adapters.cli.actions import Flow
from limen.adapters.cli.following import progress
from limen.adapters.cli.options import App, AsJson, Config, SettingsFile, Store, Where, load_actions
from limen.adapters.cli.output import note

if TYPE_CHECKING:
    from limen.adapters.simulation.simulation import Simulation
    from limen.domain.simulation.foresight import Foresight
    from limen.domain.simulation.tally import Tally

SHOWN = 20
"""Differing flows that people are shown, unless they ask for more."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for on the command line."""

    where: Where
    since: datetime | None
    flow: str | None
    sample: int | None
    live: tuple[str, ...]
    app: str | None
    in_clear: bool
    limit: int
    as_json: bool


@dataclass(slots=True)
class _Found:
    """What came of it. `ended` are the first of the flows that would end otherwise, `others` the first of the others
    in which something differs or is unknown."""

    tally: "Tally"
    unweighed: tuple[str, ...] = ()
    ended: "list[Foresight]" = field(default_factory=list)
    others: "list[Foresight]" = field(default_factory=list)

    def keep(self, flow: "Foresight", limit: int) -> None:
        """Keeps a flow to be shown, if there is room."""
        kept = self.ended if flow.outcome == "differs" else self.others
        if len(kept) < limit:
            kept.append(flow)


def register(app: typer.Typer) -> None:
    """Adds the command to the root."""
    app.command()(simulate)


def simulate(
    config: Config = None,
    since: Annotated[
        str | None, typer.Option(help="Only flows begun since then: a day or a time, as in 2026-05-04.", metavar="TIME")
    ] = None,
    flow: Annotated[Flow | None, typer.Option(help="Only flows of this kind.", metavar="FLOW")] = None,
    sample: Annotated[
        int | None, typer.Option(help="Only so many of them, the same ones each time.", metavar="N", min=1)
    ] = None,
    live: Annotated[
        list[str] | None,
        typer.Option(
            help="Ask this web hook for real where no recorded answer fits; the request says Limen-Simulation: true.",
            metavar="ACTION",
        ),
    ] = None,
    app_: App = None,
    limit: Annotated[int, typer.Option(help="How many differing flows to show.", metavar="N", min=0)] = SHOWN,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for what is unknown too.")] = False,
    in_clear: Annotated[
        bool, typer.Option("--open", help="Show the bodies that differ, personal data and all (with --json).")
    ] = False,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Decides the recorded flows again under another configuration (--config), without any side effect.

    Says which actions would run, what they would send, and what would become of each flow; what nobody can know is
    unknown. Exit code 1 when anything differs.
    """
    from limen.adapters.simulation.live import NoSuchHook

    where = Where(config, settings, store)
    where.configuration()
    if in_clear and not as_json:
        raise typer.BadParameter("the bodies are shown with --json alone", param_hint="--open")
    asked = _Asked(
        where, _time(since), flow.value if flow else None, sample, tuple(live or ()), app_, in_clear, limit, as_json
    )
    try:
        found = asyncio.run(_simulate(asked))
    except NoSuchHook as missing:
        raise typer.BadParameter(str(missing), param_hint="--live") from None
    whole = found.tally.whole
    if not as_json:
        _show(found, asked)
    raise typer.Exit(1 if whole.differing or (strict and whole.unknown) else 0)


async def _simulate(asked: _Asked) -> _Found:
    from limen.adapters import open_simulation
    from limen.domain.simulation.tally import Tally

    where = asked.where
    async with open_simulation(
        where.configuration(),
        where.url(),
        settings=where.settings_file(),
        actions=load_actions(asked.app) if asked.app is not None else None,
        live=asked.live,
    ) as simulation:
        found = _Found(Tally())
        await _collect(simulation, asked, found)
        found.unweighed = tuple(sorted(simulation.unweighed))
    if asked.as_json:
        rest = found.tally.body() | {"unweighed": list(found.unweighed)}
        sys.stdout.write("],\n " + json.dumps(rest, ensure_ascii=False)[1:] + "\n")
    return found


async def _collect(simulation: "Simulation", asked: _Asked, found: _Found) -> None:
    """Counts every flow; those in which something is not the same are written at once, or the first of them kept."""
    separator = '{"differing": [\n  '
    with progress("deciding the recorded flows again") as step:
        flows = simulation.flows(since=asked.since, kind=asked.flow, sample=asked.sample, progress=step)
        async with aclosing(flows):
            async for flow in flows:
                found.tally.add(flow)
                if not (flow.differs or flow.unknown):
                    continue
                if asked.as_json:
                    line = json.dumps(flow.body(in_clear=asked.in_clear), ensure_ascii=False)
                    sys.stdout.write(separator + line)
                    separator = ",\n  "
                else:
                    found.keep(flow, asked.limit)
    if asked.as_json and separator != ",\n  ":
        sys.stdout.write(separator.rstrip())


def _show(found: _Found, asked: _Asked) -> None:
    from limen.adapters.cli import foreseen

    if not found.tally.flows:
        note("no flow was recorded" + (f" since {asked.since:%Y-%m-%d %H:%M}" if asked.since else ""))
        return
    foreseen.summary(found.tally)
    if found.unweighed:
        foreseen.unweighed(found.unweighed)
    foreseen.differing([*found.ended, *found.others][: asked.limit], found.tally)


def _time(text: str | None) -> datetime | None:
    """A day or a time (ISO 8601; UTC where it does not say)."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is no time; one looks like 2026-05-04T12:00", param_hint="--since"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
