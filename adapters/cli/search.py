"""`limen audit search`: the flows that match."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from limen.adapters.cli.actions import Flow
from limen.adapters.cli.following import progress
from limen.adapters.cli.listing import FOR_PEOPLE, Limit, Rows, note_rest
from limen.adapters.cli.options import AsJson, Config, SettingsFile, Store, Where
from limen.adapters.cli.output import DIM, NAME, dump_array, note, short, show_out, state_style
from limen.adapters.cli.reading import instant, keyed_store, uuid_of
from limen.adapters.cli.table import id_cell, plain_table
from limen.adapters.cli.times import ago

if TYPE_CHECKING:
    from limen.adapters.search import Holding, Terms


def register(app: typer.Typer) -> None:
    """Adds the command to `limen audit`."""
    app.command("search")(search)


def search(
    identity: Annotated[
        str | None, typer.Option(help="Flows that have to do with this identity.", metavar="ID", show_default=False)
    ] = None,
    identifier: Annotated[
        str | None,
        typer.Option(
            help="Flows of everybody who ever held this address, user name or number; needs --config.",
            metavar="TEXT",
            show_default=False,
        ),
    ] = None,
    ip: Annotated[
        str | None,
        typer.Option("--ip", help="Flows from the /24 or /48 this lies in; needs --config.", metavar="ADDRESS|PREFIX"),
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Flows in which this action ran, by its id.", metavar="ID", show_default=False)
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            help="What came of the flow (completed, rejected, refused, interrupted …); of the action, with --action.",
            metavar="OUTCOME",
        ),
    ] = None,
    flow: Annotated[Flow | None, typer.Option(help="Flows of this kind.", metavar="FLOW")] = None,
    since: Annotated[str | None, typer.Option(help="Flows that began then or later.", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option(help="Flows that began before.", metavar="TIME")] = None,
    limit: Limit = None,
    config: Config = None,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lists the flows that meet all that is asked, the newest first, and what in them matched.

    Identifiers and addresses stand in no event: they are found by hashes that only the configuration's keys can make.
    """
    from limen.adapters.search import search as searched
    from limen.adapters.views import open_views
    from limen.domain.configuration import FlowKind
    from limen.projections import IDENTITIES

    where = Where(config, settings, store)
    asked: dict[str, Any] = {
        "identity": uuid_of(identity, IDENTITIES, where, "--identity") if identity is not None else None,
        "action": action,
        "outcome": outcome,
        "flow": FlowKind(flow.value) if flow else None,
        "since": None if since is None else instant(since, "--since"),
        "until": None if until is None else instant(until, "--until"),
    }
    _terms(asked, "--outcome")  # before the keys are asked for
    holdings = _hash(where, asked, identifier, ip)
    terms = _terms(asked, "--outcome")
    limit = limit if limit is not None or as_json else FOR_PEOPLE
    with open_views(where.url()) as views:
        with progress("bringing the views up to date") as step:
            found = searched(views, terms, limit=None if limit is None else limit + 1, progress=step)
        bodies = Rows((one.body() for one in found), limit)
        if as_json:
            dump_array(_with_holdings(body, holdings) for body in bodies)
            return
        _show(bodies, holdings)


def _terms(asked: Mapping[str, Any], hint: str) -> "Terms":
    from limen.adapters.search import Terms

    try:
        return Terms(**asked)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None


def _hash(where: Where, asked: dict[str, Any], identifier: str | None, ip: str | None) -> "Sequence[Holding] | None":
    """Puts what needs the keys into what is asked; gives who held the identifier, if one was asked for."""
    if identifier is None and ip is None:
        return None
    from limen.adapters.log import open_log
    from limen.adapters.search import holders, network
    from limen.domain.network import network_asked

    if ip is not None:
        try:
            network_asked(ip)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--ip") from None
    with keyed_store(where, where.url()) as (store, keys), open_log(store) as log:
        known = keys.recall()
        if ip is not None:
            asked["network"] = network(keys, ip) if known else UUID(int=0)
        if identifier is None:
            return None
        found: list[Holding] = holders(log, keys, identifier) if known else []
    asked["holders"] = tuple(dict.fromkeys(one.identity for one in found))
    return found


# ------------------------------------------------------------------------------------------------------- for people


def _show(found: Rows, holdings: "Sequence[Holding] | None") -> None:
    from limen.adapters.system import SystemClock

    for one in holdings or ():
        note(_held(one))
    if holdings is not None and not holdings:
        note("nobody ever held that identifier")
    table = plain_table("id", "flow", "state", "method", "started", "identity", "matched")
    now = SystemClock().now()
    for body in found:
        table.add_row(
            id_cell(body["id"]),
            Text(body["flow"], style=NAME),
            Text(body["state"], style=state_style(body["state"])),
            body["method"] or "",
            Text(ago(body["started"], now), style=DIM),
            Text(short(body["identity"] or ""), style=DIM),
            _matched(body),
        )
    if found.count:
        show_out(table)
    note_rest(found, "flows")


def _held(one: "Holding") -> str:
    until = f" until {one.until:%Y-%m-%d %H:%M}" if one.until else ""
    return f"held by {one.identity} since {one.since:%Y-%m-%d %H:%M}{until}{', erased' if one.erased else ''}"


def _matched(body: Mapping[str, Any]) -> Text:
    matched = body["matched"]
    parts = [
        Text.assemble((one["action"], NAME), " ", (one["outcome"], state_style(one["outcome"])), _times(one["times"]))
        for one in matched.get("actions", ())
    ]
    for one in matched.get("identities", ()):
        counted = ("refused", "challenged", "interrupted", "released")
        parts += [Text(f"{name} as {short(one['identity'])}{_times(one[name])}") for name in counted if one.get(name)]
    for one in matched.get("networks", ()):
        parts += [Text(f"{name} there{_times(one[name])}") for name in ("started", "submitted") if one.get(name)]
    parts += [Text(name, style=state_style("waiting")) for name in ("refused", "interrupted") if body[name]]
    return Text(" · ", style=DIM).join(parts)


def _times(count: int) -> str:
    return f" ×{count}" if count > 1 else ""


def _with_holdings(body: dict[str, Any], holdings: "Sequence[Holding] | None") -> dict[str, Any]:
    """Those who held the identifier beside what matched of them."""
    if holdings is not None:
        there = {one["identity"] for one in body["matched"].get("identities", ())}
        body["matched"]["holders"] = [one.body() for one in holdings if str(one.identity) in there]
    return body
