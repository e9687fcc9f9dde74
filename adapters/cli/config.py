"""`limen config`: check a configuration whole, and show what limen reads in it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.group import group
from limen.adapters.cli.options import App, AsJson, Config, SettingsFile, Where, load_actions
from limen.adapters.cli.output import BAD, DIM, GOOD, WARN, dump_json, out, write_line

if TYPE_CHECKING:
    from limen.adapters.configuration import Reading

app = group("Check a configuration, and show what limen reads in it.")


@app.command()
def validate(
    file: Annotated[
        Path | None, typer.Argument(help="The Kratos configuration; else --config.", metavar="FILE", show_default=False)
    ] = None,
    config: Config = None,
    settings: SettingsFile = None,
    app_: App = None,
    as_json: AsJson = False,
) -> None:
    """Lists every fault by its place, and what limen does not act on yet. Exit code 1 when there are faults."""
    where = Where(file or config, settings)
    path = where.configuration()
    reading = examine_file(where, app_)
    if as_json:
        dump_json(
            {
                "valid": not reading.faults,
                "faults": [{"path": fault.path, "message": fault.message} for fault in reading.faults],
                "ignored": list(reading.ignored),
                "warnings": list(reading.warnings),
            }
        )
    else:
        _show(path, reading)
    if reading.faults:
        raise typer.Exit(1)


@app.command()
def show(
    config: Config = None,
    settings: SettingsFile = None,
    app_: App = None,
    format_: Annotated[
        str, typer.Option("--format", help="yaml, json, or jsonpath=EXPRESSION.", metavar="FORMAT")
    ] = "yaml",
    as_json: AsJson = False,
) -> None:
    """Shows the configuration as limen reads it: every URI resolved, secrets masked by ***."""
    kind, _, expression = ("json", "", "") if as_json else format_.partition("=")
    if kind not in ("yaml", "json", "jsonpath") or (kind == "jsonpath") != bool(expression):
        raise typer.BadParameter(f"'{format_}' is not yaml, json or jsonpath=EXPRESSION", param_hint="--format")
    document = examine_file(Where(config, settings), app_).accepted().document
    if kind == "json":
        dump_json(document)
    elif kind == "yaml":
        import yaml

        write_line(yaml.safe_dump(dict(document), allow_unicode=True, sort_keys=False, width=100).rstrip())
    else:
        _select(document, expression)


def examine_file(where: Where, app_: str | None) -> "Reading":
    """Reads and checks the files, templates compiled."""
    from limen.adapters.configuration import examine_checked
    from limen.adapters.templates import TemplatePool

    hooks = load_actions(app_).hooks
    path = where.configuration()

    async def examine() -> "Reading":
        async with TemplatePool() as templates:
            return await examine_checked(path, where.settings_file(), templates=templates, hooks=hooks)

    return asyncio.run(examine())


def _select(document: Mapping[str, Any], expression: str) -> None:
    """Prints what a JSONPath (RFC 9535) finds, one value a line: texts as they are, everything else as JSON."""
    import json

    from jsonpath import JSONPathError, findall

    path = expression if expression.startswith("$") else f"$.{expression.removeprefix('.')}"
    try:
        found = findall(path, dict(document))
    except JSONPathError as error:
        raise typer.BadParameter(f"'{expression}' is no JSONPath: {error}", param_hint="--format") from error
    if not found:
        from limen.adapters.cli.output import fail

        fail(f"nothing in the configuration is at '{path}'")
        raise typer.Exit(1)
    for value in found:
        write_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _show(path: Path, reading: "Reading") -> None:
    console = out()
    if reading.faults:
        count = len(reading.faults)
        console.print(Text.assemble((f"✗ {path}", BAD), f" is refused: {count} fault{'s' if count > 1 else ''}"))
        for fault in reading.faults:
            console.print(Text.assemble(("  ", ""), (fault.path or "/", "bold"), ("  ", ""), fault.message))
    else:
        console.print(Text.assemble((f"✓ {path}", GOOD), " is valid"))
    if reading.warnings:
        console.print(Text("\n  worth a look", style=WARN))
        for warning in reading.warnings:
            console.print(Text(f"  {warning}"))
    if reading.ignored:
        console.print(Text("\n  accepted, and not acted on yet", style=DIM))
        for pointer in reading.ignored:
            console.print(Text(f"  {pointer}", style=DIM))
