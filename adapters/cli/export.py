"""`limen audit export`: the log as a file for others, with or without what it says of people."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer
from rich.text import Text

from limen.adapters.cli.following import progress
from limen.adapters.cli.options import AsJson, Config, SettingsFile, Store, Where
from limen.adapters.cli.output import GOOD, dump_json, note, number, out
from limen.adapters.cli.reading import instant, master_of

if TYPE_CHECKING:
    from limen.adapters.export import Disclosure, Exported, Format

FORMATS = ("jsonl", "parquet", "ocsf")
STDOUT = Path("-")
LAST = 2**63 - 1
"""The last position a database can count to."""

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="The file, or for parquet the folder; else the standard output.", metavar="PATH"
    ),
]
Name = Annotated[
    str,
    typer.Option("--format", help="jsonl (as limen log --json), parquet, or ocsf.", metavar="|".join(FORMATS)),
]
Since = Annotated[str | None, typer.Option(help="From the first event at this time on (UTC).", metavar="TIME")]
Until = Annotated[
    str | None, typer.Option(help="Up to the first event at this time, which is left out.", metavar="TIME")
]
After = Annotated[int, typer.Option(min=0, max=LAST, help="Only what stands after this position.", metavar="POSITION")]
Personal = Annotated[
    bool,
    typer.Option("--personal", help="Open sealed personal data; needs --config for its keys, and is itself recorded."),
]
Reason = Annotated[
    str | None,
    typer.Option(
        help="Why, with --personal. Recorded in clear and for ever: name no person. 200 characters at most.",
        metavar="TEXT",
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the command to `limen audit`."""
    app.command("export")(export)


def export(
    output: Output = None,
    format_: Name = "jsonl",
    since: Since = None,
    until: Until = None,
    after: After = 0,
    personal: Personal = False,
    reason: Reason = None,
    config: Config = None,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Writes the log, or a span of it, for others: JSON lines, Parquet, or OCSF events of class Authentication.

    Run again on the same file it goes on where that ends, even if it was killed: the bytes are those of a run that was
    never stopped. Personal data stands sealed, or erased, unless --personal opens it.
    """
    from limen.adapters.export.window import Window

    wanted = _format(format_, output)
    if reason is not None and not personal:
        raise typer.BadParameter("a reason is recorded with --personal alone", param_hint="--reason")
    span: dict[str, Any] = {
        "since": None if since is None else instant(since, "--since"),
        "until": None if until is None else instant(until, "--until"),
        "after": after,
    }
    with _refusing("--until"):
        Window(**span)
    place: Path | BinaryIO = sys.stdout.buffer if output is None or output == STDOUT else output
    where = Where(config, settings, store)
    with _disclosure(where, reason or "") if personal else nullcontext() as disclosure:
        done = _run(where.url(), place, wanted, span, disclosure)
    _tell(done, place, wanted, personal=personal, as_json=as_json)


def _format(name: str, output: Path | None) -> "Format":
    if name not in FORMATS:
        raise typer.BadParameter(f"there is no format '{name}'; there are {', '.join(FORMATS)}", param_hint="--format")
    if output is not None and not output.name:
        raise typer.BadParameter(f"'{output}' has no name of its own; name a file or folder", param_hint="--output")
    if name == "parquet" and output in (None, STDOUT):
        raise typer.BadParameter("parquet is written to a folder; name it", param_hint="--output")
    return cast("Format", name)


@contextmanager
def _disclosure(where: Where, reason: str) -> Iterator["Disclosure"]:
    """What opens personal data and is recorded, on the open store."""
    from limen.adapters.export import Disclosure
    from limen.adapters.keyring import Keys
    from limen.adapters.log import open_log
    from limen.adapters.store import open_store
    from limen.adapters.system import SystemSecrets

    master, url = master_of(where), where.url()
    open_log(url).close()  # refuses a store that is not there, which opening it for writing would create
    opened = open_store(url)
    try:
        with _refusing("--reason"):
            made = Disclosure(opened, Keys(opened, master, SystemSecrets()), reason)
        yield made
    finally:
        opened.close()


@contextmanager
def _refusing(hint: str) -> Iterator[None]:
    """What makes no sense is wrong use."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None


def _run(
    url: str, place: Path | BinaryIO, wanted: "Format", span: dict[str, Any], disclosure: "Disclosure | None"
) -> "Exported":
    from limen.adapters.export import export as export_log

    quiet = not isinstance(place, Path) and sys.stdout.isatty()  # the lines go where the bar would be
    with nullcontext() if quiet else progress("exporting") as step:
        return export_log(url, place, format=wanted, disclosure=disclosure, progress=step, **span)


def _tell(done: "Exported", place: Path | BinaryIO, wanted: str, *, personal: bool, as_json: bool) -> None:
    if not isinstance(place, Path):
        note(f"{number(done.events, 'event')}; --after {done.position} goes on from here")
        return
    if as_json:
        told = {"output": str(place), "format": wanted, "personal": personal}
        dump_json({**told, "events": done.events, "position": done.position})
        return
    added = f"{number(done.events, 'event')} added to {place}, up to position {done.position}"
    out().print(Text.assemble(("✓ ", GOOD), added))
