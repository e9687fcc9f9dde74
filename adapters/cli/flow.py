"""`limen flow`: the flows there are, one of them in full, and the machines they run on."""

from enum import StrEnum
from typing import Annotated, Any

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
from limen.adapters.cli.table import plain_table
from limen.adapters.cli.times import ago

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
    from limen.projections import FLOWS

    asked = (("flow", flow.value if flow else None), ("state", state), ("identity", identity))
    where = {name: value for name, value in asked if value is not None}
    with listed(FLOWS, Where(None, settings, store), where, limit, as_json=as_json) as rows:
        if as_json:
            dump_array(_row(row) for row in rows)
            return
        table = plain_table("id", "flow", "state", "method", "started", "identity")
        now = SystemClock().now()
        for row in rows:
            table.add_row(
                Text(row["id"], style=DIM),
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
    store: Store = None,
    settings: SettingsFile = None,
    config: Config = None,
    in_clear: Open = False,
    as_json: AsJson = False,
) -> None:
    """Shows one flow: every event, every action with its answer, and how long each took."""
    from limen.adapters.cli.gathering import started_by, tell
    from limen.adapters.cli.timeline import Timeline
    from limen.projections import FLOWS

    where = Where(config, settings, store)
    instant = moment(at) if at is not None else None
    flow_id = uuid_of(id_, FLOWS, where, "ID")
    with reading(where, in_clear=in_clear) as reader:
        told = tell(reader, flow_id, instant)
    if as_json:
        dump_json(told.body())
        return
    show_out(Timeline(told))
    for other in started_by(told.record):
        note(f"\nstarted by itself: {other}")


@app.command()
def diagram(
    kind: Annotated[Machine, typer.Argument(help="A flow (login …), or delivery.", metavar="KIND", show_default=False)],
    format_: Annotated[
        Drawing, typer.Option("--format", help="mermaid, or dot for Graphviz.", metavar="FORMAT")
    ] = Drawing.MERMAID,
) -> None:
    """Draws a machine from its table."""
    from limen.domain.diagram import dot, mermaid
    from limen.domain.machine import TABLES

    draw = dot if format_ is Drawing.DOT else mermaid
    write_line(draw(TABLES[kind.value]))


def _row(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "flow", "state", "method", "started", "identity")}
