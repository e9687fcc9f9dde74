"""`limen demo`: every flow once against a local target, then the timelines, and what to try next."""

import asyncio
import re
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.options import AsJson, Where
from limen.adapters.cli.output import BAD, DIM, GOOD, NAME, WARN, dump_json, fail, out, show_out

if TYPE_CHECKING:
    from limen.adapters.demo import Played, Scene
    from limen.adapters.demo.audience import Tally

BUSES = ("nats",)
"""The buses it can run with."""

SPEAKERS = {"crm": "cyan", "risk": "magenta"}
"""The colors of the consumers' names."""

SAID = re.compile(r"(\[\w+\] +)(.+?)( +[0-9a-f]{8} #\d+)(.*)")
"""What a consumer prints: the rule, what happened, in which flow and as which of its events, which attempt it is."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="Where its files go.", metavar="FOLDER")] = Path("demo"),
    store: Annotated[
        str | None, typer.Option("--store", help="Another store than the file limen.db in the folder.", metavar="URL")
    ] = None,
    bus: Annotated[
        str | None,
        typer.Option("--bus", help="Let two consumers follow over a bus of the demo's own: nats.", metavar="BUS"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Runs every flow once, over real HTTP to a target on loopback, and shows what was recorded.

    With --bus nats a NATS server runs meanwhile, and two consumers in processes of their own print what they get: one
    of them is killed on the way and comes back.
    Checks all that it shows: exit code 1 when an action did not arrive, or not with the body it should have.
    """
    from limen.adapters.demo import Scene, play
    from limen.adapters.store.address import Address
    from limen.domain.errors import BusUnusable

    scene = Scene(folder)
    url = store or f"sqlite:///{folder / 'limen.db'}"
    if Address.of(url).kind == "memory":
        raise typer.BadParameter("the demo shows a record that stays; give a file or a database", param_hint="--store")
    if bus is not None and bus not in BUSES:
        # not repeated: who gives the URL of a bus here may give a password with it
        raise typer.BadParameter(f"the demo brings a bus of its own; it has {', '.join(BUSES)}", param_hint="--bus")
    voices: dict[str, Any] = {} if as_json else {"told": _tell, "heard": _hear}
    try:
        played = asyncio.run(play(scene, url, on_nats=bus == "nats", **voices))
    except BusUnusable as error:
        fail(str(error))
        raise typer.Exit(1) from None
    if as_json:
        _dump(played, scene, url, bus)
    else:
        _show(played, scene, url)
    if played.failed:
        raise typer.Exit(1)


def _tell(what: str, held: bool) -> None:
    out().print(Text.assemble(("✓ ", GOOD) if held else ("✗ ", BAD), what))


def _hear(name: str, line: str, speaks: bool) -> None:
    parts: list[tuple[str, str]] = [(line, "" if speaks else WARN)]
    if told := SAID.fullmatch(line):
        rule, what, where, again = told.groups()
        parts = [(rule, WARN if "override" in rule else DIM), (what, ""), (where, DIM), (again, WARN)]
    out().print(Text.assemble((f"    {name:<6}", SPEAKERS.get(name, NAME)), *parts))


def _show(played: "Played", scene: "Scene", url: str) -> None:
    if played.failed:
        fail("not everything was as it should be")
        for check in played.failed:
            fail(check.claim, [check.detail] if check.detail else [])
        return
    _timelines(played, url)
    held = f"{len(played.checks)} checks held: {played.requests} requests arrived, each with the body it should have"
    out().print(Text.assemble(("\n✓ ", GOOD), held))
    _audience(played)
    _next(played, scene, url)


def _timelines(played: "Played", url: str) -> None:
    from limen.adapters.cli.logins import side_by_side
    from limen.adapters.cli.reading import reading
    from limen.adapters.cli.timeline import Timeline
    from limen.adapters.told import tell

    with reading(Where(store=url)) as reader:
        for _, flow_id in played.flows:
            out().print()
            show_out(Timeline(tell(reader, flow_id)))
        out().print(Text("\nThe logins side by side, each with the actions it triggered:\n", style="bold"))
        show_out(side_by_side(reader, played.logins))


def _audience(played: "Played") -> None:
    for name, tally in played.consumers.items():
        by = Counter(one.rule for one in tally.events)
        told = f"{len(tally.events)} events, each once, in the order of its flow"
        rules = ", ".join(f"{count} by the {rule}" for rule, count in sorted(by.items()))
        back = f"; {tally.missed} came while it was away" if tally.kills else ""
        out().print(Text.assemble(("✓ ", GOOD), (name, SPEAKERS.get(name, NAME)), f" has {told}: {rules}{back}"))


def _next(played: "Played", scene: "Scene", url: str) -> None:
    login = str(next(flow_id for kind, flow_id in reversed(played.flows) if kind == "login"))[:8]
    commands = [
        ("every flow there was", "limen flow list"),
        ("one of them, as JSON", f"limen flow show {login} --json"),
        ("as it stood after its third event", f"limen flow show {login} --at 3"),
        ("what was sealed, opened with the key", f"limen flow show {login} --open"),
        ("what was sent after the commit", "limen delivery list"),
        ("which actions run where", "limen actions matrix"),
        ("the record itself", "limen log"),
        ("take the person out of it", f"limen audit erase {played.identity}"),
    ]
    if played.consumers:
        commands.append(("publish it to a NATS server of yours", "limen relay --bus nats://127.0.0.1:4222"))
    console = out()
    console.print(Text("\nNext, on the same files:\n", style="bold"))
    if (line := alias()) is not None:
        console.print(f"  {line}", markup=False)
    for name, value in (("LIMEN_CONFIG", str(scene.config)), ("LIMEN_STORE", url)):
        console.print(Text.assemble("  export ", f"{name}={shlex.quote(value)}"))
    console.print()
    width = max(len(command) for _, command in commands)
    for what, command in commands:
        console.print(Text.assemble(("  ", ""), (f"{command:<{width}}", NAME), (f"   {what}", DIM)))


def alias() -> str | None:
    """What makes `limen` callable by its name, where the shell does not find it."""
    return None if shutil.which("limen") else f"alias limen={shlex.quote(str(Path(sys.argv[0]).absolute()))}"


def _dump(played: "Played", scene: "Scene", url: str, bus: str | None) -> None:
    consumers = {name: _counts(tally) for name, tally in played.consumers.items()}
    dump_json(
        {
            "ok": not played.failed,
            "config": str(scene.config),
            "store": url,
            "identity": played.identity or None,
            "requests": played.requests,
            "flows": [{"flow": kind, "id": str(flow_id)} for kind, flow_id in played.flows],
            "checks": [
                {"claim": check.claim, "held": check.held, "detail": check.detail or None} for check in played.checks
            ],
            **({"bus": {"kind": bus, "consumers": consumers}} if bus else {}),
        }
    )


def _counts(tally: "Tally") -> dict[str, Any]:
    by = Counter(one.rule for one in tally.events)
    return {
        "events": len(tally.events),
        "default": by["default"],
        "override": by["override"],
        "again": sum(1 for one in tally.events if one.attempt > 1),
        "kills": tally.kills,
        "missed": tally.missed,
        "database": str(tally.database),
    }
