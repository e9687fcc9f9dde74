"""`limen demo`: every flow once against a local target, then the timelines, and what to try next."""

import asyncio
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from limen.adapters.cli.options import AsJson, Where
from limen.adapters.cli.output import BAD, DIM, GOOD, NAME, dump_json, fail, out, show_out

if TYPE_CHECKING:
    from limen.adapters.demo import Played, Scene


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="Where its files go.", metavar="FOLDER")] = Path("demo"),
    store: Annotated[
        str | None, typer.Option("--store", help="Another store than the file limen.db in the folder.", metavar="URL")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Runs every flow once, over real HTTP to a target on loopback, and shows what was recorded.

    Checks all that it shows: exit code 1 when an action did not arrive, or not with the body it should have.
    """
    from limen.adapters.demo import Scene, play
    from limen.adapters.store.address import Address

    scene = Scene(folder)
    url = store or f"sqlite:///{folder / 'limen.db'}"
    if Address.of(url).kind == "memory":
        raise typer.BadParameter("the demo shows a record that stays; give a file or a database", param_hint="--store")
    played = asyncio.run(play(scene, url, told=(lambda _what, _held: None) if as_json else _tell))
    if as_json:
        _dump(played, scene, url)
    else:
        _show(played, scene, url)
    if played.failed:
        raise typer.Exit(1)


def _tell(what: str, held: bool) -> None:
    out().print(Text.assemble(("✓ ", GOOD) if held else ("✗ ", BAD), what))


def _show(played: "Played", scene: "Scene", url: str) -> None:
    if played.failed:
        fail("not everything was as it should be")
        for check in played.failed:
            fail(check.claim, [check.detail] if check.detail else [])
        return
    _timelines(played, url)
    held = f"{len(played.checks)} checks held: {played.requests} requests arrived, each with the body it should have"
    out().print(Text.assemble(("\n✓ ", GOOD), held))
    _next(played, scene, url)


def _timelines(played: "Played", url: str) -> None:
    from limen.adapters.cli.gathering import tell
    from limen.adapters.cli.reading import reading
    from limen.adapters.cli.timeline import Timeline

    with reading(Where(store=url)) as reader:
        for _, flow_id in played.flows:
            out().print()
            show_out(Timeline(tell(reader, flow_id)))


def _next(played: "Played", scene: "Scene", url: str) -> None:
    login = str(next(flow_id for kind, flow_id in reversed(played.flows) if kind == "login"))[:8]
    commands = (
        ("every flow there was", "limen flow list"),
        ("one of them, as JSON", f"limen flow show {login} --json"),
        ("as it stood after its third event", f"limen flow show {login} --at 3"),
        ("what was sealed, opened with the key", f"limen flow show {login} --open"),
        ("what was sent after the commit", "limen delivery list"),
        ("which actions run where", "limen actions matrix"),
        ("the record itself", "limen log"),
        ("take the person out of it", f"limen audit erase {played.identity}"),
    )
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


def _dump(played: "Played", scene: "Scene", url: str) -> None:
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
        }
    )
