"""`limen flow`: the flows there are, one of them in full, and the machines they run on."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.actions import Flow
from limen.adapters.cli.group import group
from limen.adapters.cli.listing import Limit, listed, note_rest
from limen.adapters.cli.options import AsJson, Config, Open, SettingsFile, Store, Where
from limen.adapters.cli.output import (
    DIM,
    NAME,
    dump_array,
    dump_json,
    note,
    short,
    show_out,
    state_style,
    write_line,
)
from limen.adapters.cli.reading import moment, reading, uuid_of
from limen.adapters.cli.table import id_cell, plain_table
from limen.adapters.cli.times import ago

if TYPE_CHECKING:
    from limen.adapters.drawing.diagram import Language
    from limen.adapters.log import FlowRecord

app = group("Flows: those there are, one in full, and the machines they run on.")


class Machine(StrEnum):
    """The machines that can be drawn."""

    LOGIN = "login"
    REGISTRATION = "registration"
    RECOVERY = "recovery"
    VERIFICATION = "verification"
    SETTINGS = "settings"
    DELIVERY = "delivery"


class Drawing(StrEnum):
    """The languages of diagrams."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


@app.command("list")
def list_(
    flow: Annotated[Flow | None, typer.Option(help="Only flows of this kind.", metavar="FLOW")] = None,
    state: Annotated[str | None, typer.Option(help="Only flows in this state.", metavar="STATE")] = None,
    identity: Annotated[str | None, typer.Option(help="Only flows of this identity.", metavar="ID")] = None,
    limit: Limit = None,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lists flows, the newest first."""
    from limen.adapters.system import SystemClock
    from limen.projections import FLOWS, IDENTITIES

    where = Where(None, settings, store)
    whose = str(uuid_of(identity, IDENTITIES, where, "--identity")) if identity is not None else None
    asked = (("flow", flow.value if flow else None), ("state", _state(state)), ("identity", whose))
    values = {name: value for name, value in asked if value is not None}
    with listed(FLOWS, where, values, limit, as_json=as_json) as rows:
        if as_json:
            dump_array(_row(row) for row in rows)
            return
        table = plain_table("id", "flow", "state", "method", "started", "identity")
        now = SystemClock().now()
        for row in rows:
            table.add_row(
                id_cell(row["id"]),
                Text(row["flow"], style=NAME),
                Text(row["state"], style=state_style(row["state"])),
                row["method"] or "",
                Text(ago(row["started"], now), style=DIM),
                Text(short(row["identity"] or ""), style=DIM),
            )
        if rows.count:
            show_out(table)
        note_rest(rows, "flows")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The flow's id, or how it begins.", show_default=False)],
    at: Annotated[
        str | None, typer.Option(help="As it stood after this version, or at this time.", metavar="VERSION|TIME")
    ] = None,
    digests: Annotated[
        bool, typer.Option("--digests", help="Keyed digests of requests and answers too (--json has them).")
    ] = False,
    diagram_: Annotated[
        str | None,
        typer.Option(
            "--diagram",
            help="Instead, write its state diagram with the path it took: .svg, .mmd, or - for mermaid here.",
            metavar="FILE",
        ),
    ] = None,
    store: Store = None,
    settings: SettingsFile = None,
    config: Config = None,
    in_clear: Open = False,
    as_json: AsJson = False,
) -> None:
    """Shows one flow: every event, every action with its answer, and how long each took."""
    from limen.adapters.cli.timeline import Timeline
    from limen.adapters.told import started_by, tell
    from limen.projections import FLOWS

    language = _language(diagram_) if diagram_ is not None else None
    where = Where(config, settings, store)
    instant = moment(at) if at is not None else None
    flow_id = uuid_of(id_, FLOWS, where, "ID")
    with reading(where, in_clear=in_clear) as reader:
        told = tell(reader, flow_id, instant)
    if diagram_ is not None and language is not None:
        _draw(told.record, language, diagram_)
        return
    if as_json:
        dump_json(told.body())
        return
    show_out(Timeline(told, digests=digests))
    for other in started_by(told.record):
        note(f"\nstarted by itself: {other}")


@app.command()
def diagram(
    kind: Annotated[Machine, typer.Argument(help="A flow (login …), or delivery.", metavar="KIND", show_default=False)],
    format_: Annotated[
        Drawing, typer.Option("--format", help="mermaid, dot for Graphviz, or svg.", metavar="FORMAT")
    ] = Drawing.MERMAID,
) -> None:
    """Draws a machine from its table."""
    from limen.adapters.drawing import svg
    from limen.domain.diagram import dot, mermaid
    from limen.domain.machine import TABLES

    draw = {Drawing.MERMAID: mermaid, Drawing.DOT: dot, Drawing.SVG: svg}[format_]
    write_line(draw(TABLES[kind.value]))


def _state(text: str | None) -> str | None:
    """A state that flows have. Wrong use for another."""
    from limen.domain.machine import FLOWS

    states = dict.fromkeys(state for table in FLOWS.values() for state in table.states)
    if text is not None and text not in states:
        raise typer.BadParameter(f"there is no state '{text}'; there are {', '.join(states)}", param_hint="--state")
    return text


def _language(file: str) -> "Language":
    """By the file's suffix. Wrong use for another one."""
    suffix = Path(file).suffix.lower()
    if suffix == ".svg":
        return "svg"
    if file == "-" or suffix in (".mmd", ".mermaid"):
        return "mermaid"
    raise typer.BadParameter(f"'{file}' ends neither with .svg nor with .mmd", param_hint="--diagram")


def _draw(record: "FlowRecord", language: "Language", file: str) -> None:
    from limen.adapters.drawing import diagram as draw

    text = draw(record, language)
    if file == "-":
        write_line(text)
        return
    Path(file).write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    note(f"{file}: the path of {record.flow.kind.value} flow {record.flow.id}")


def _row(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "flow", "state", "method", "started", "identity")}
