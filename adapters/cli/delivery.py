"""`limen delivery`: what is sent after the commit, and what came of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.group import group
from limen.adapters.cli.listing import Limit, listed, note_rest
from limen.adapters.cli.options import AsJson, Config, Open, SettingsFile, Store, Where
from limen.adapters.cli.output import DIM, NAME, dump_array, dump_json, fail, out, short, show_out, state_style
from limen.adapters.cli.reading import reading, uuid_of
from limen.adapters.cli.table import plain_table
from limen.adapters.cli.times import ago

if TYPE_CHECKING:
    from limen.adapters.log import LogEntry

app = group("Deliveries: actions and messages that are sent after the commit.")


@app.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help="scheduled, attempting, waiting, delivered, dead or canceled.", metavar="STATE")
    ] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, by its id.", metavar="ID")] = None,
    limit: Limit = None,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lists deliveries, the newest first."""
    from limen.adapters.system import SystemClock
    from limen.projections import DELIVERIES

    where = {name: value for name, value in (("state", state), ("action", action)) if value is not None}
    with listed(DELIVERIES, Where(None, settings, store), where, limit, as_json=as_json) as rows:
        if as_json:
            dump_array(_body(row) for row in rows)
            return
        table = plain_table("id", "action", "flow", "state", "tries", "scheduled", "next", numbers=("tries",))
        now = SystemClock().now()
        for row in rows:
            table.add_row(
                Text(short(row["id"]), style=DIM),
                Text(row["action"], style=NAME),
                Text(short(row["flow"]) if row["flow"] else "–", style=DIM),
                Text(row["state"], style=state_style(row["state"])),
                str(row["attempts"]),
                Text(ago(row["scheduled"], now), style=DIM),
                ago(row["next"], now) if row["next"] else "",
            )
        show_out(table)
        note_rest(rows, "deliveries")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The delivery's id, or how it begins.", show_default=False)],
    store: Store = None,
    settings: SettingsFile = None,
    config: Config = None,
    in_clear: Open = False,
    as_json: AsJson = False,
) -> None:
    """Shows one delivery with every attempt."""
    from limen.projections import DELIVERIES

    where = Where(config, settings, store)
    id_ = str(uuid_of(id_, DELIVERIES, where, "ID"))
    with listed(DELIVERIES, where, {"id": id_}, None, as_json=as_json) as rows:
        row = next(iter(rows), None)
    if row is None:
        fail(f"delivery {id_} does not exist; limen delivery list shows those there are")
        raise typer.Exit(1)
    with reading(where, in_clear=in_clear) as reader:
        from uuid import UUID

        entries = reader.stream(UUID(id_))
    body = {**_body(row), "events": [entry.body() for entry in entries]}
    if as_json:
        dump_json(body)
    else:
        _show(body, entries)


def _body(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "action": row["action"],
        "flow": row["flow"],
        "state": row["state"],
        "attempts": row["attempts"],
        "next": row["next"],
        "channel": row["channel"],
        "scheduled": row["scheduled"],
    }


def _show(body: dict[str, Any], entries: "tuple[LogEntry, ...]") -> None:
    from limen.adapters.cli.log import gist
    from limen.adapters.cli.times import span

    console = out()
    console.print(
        Text.assemble(("delivery ", DIM), body["id"], "  ", (body["state"], f"bold {state_style(body['state'])}"))
    )
    whence = f"flow {body['flow']}" if body["flow"] else "logout"
    console.print(Text.assemble((body["action"], NAME), (f" · {body['channel']} · {whence}", DIM)))
    console.print()
    table = plain_table("after", "what happened", "details", numbers=("after",))
    for entry in entries:
        since = span((entry.time - entries[0].time).total_seconds())
        what = entry.type.removeprefix("Delivery").lower()
        table.add_row(Text(since, style=DIM), Text(what, style=NAME), Text(gist(entry.data), style=DIM))
    show_out(table)
