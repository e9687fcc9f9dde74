"""`limen actions`: which actions run where, and why those; how they did."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from limen.adapters.cli.config import examine_file
from limen.adapters.cli.group import group
from limen.adapters.cli.options import App, AsJson, Config, SettingsFile, Where, load_actions
from limen.adapters.cli.output import DIM, NAME, dump_array, note, show_out
from limen.adapters.cli.statistics import stats
from limen.adapters.cli.table import plain_table
from limen.adapters.cli.words import name_of

if TYPE_CHECKING:
    from limen.domain.configuration import Configuration, Slot
    from limen.domain.handler import Actions

app = group("Which actions run where, by the rule that a method's list overrides the default one; and how they did.")
app.command()(stats)


class Flow(StrEnum):
    """The five flows, for the command line (the domain's own would load the engine)."""

    LOGIN = "login"
    REGISTRATION = "registration"
    RECOVERY = "recovery"
    VERIFICATION = "verification"
    SETTINGS = "settings"


class Occasion(StrEnum):
    """What actions stand around: the five flows, and the triggers of `limen.yml`."""

    LOGIN = "login"
    REGISTRATION = "registration"
    RECOVERY = "recovery"
    VERIFICATION = "verification"
    SETTINGS = "settings"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"


class Phase(StrEnum):
    """The two sides of a flow."""

    BEFORE = "before"
    AFTER = "after"


@app.command()
def resolve(
    flow: Annotated[Occasion, typer.Option(help="The flow; or login_failed, or logout.", metavar="FLOW")],
    phase: Annotated[Phase, typer.Option(help="before it opens, or after it was submitted.", metavar="PHASE")],
    method: Annotated[str | None, typer.Option(help="The method that was submitted.", metavar="METHOD")] = None,
    config: Config = None,
    settings: SettingsFile = None,
    app_: App = None,
    as_json: AsJson = False,
) -> None:
    """Lists what runs in one place, in order."""
    from limen.domain.slot_names import slot_of

    handlers = load_actions(app_)
    configuration = examine_file(Where(config, settings), app_).accepted()
    try:
        slot = slot_of(flow.value, phase.value, method)
    except ValueError as error:
        hint = "--method" if method is not None else "--phase"
        raise typer.BadParameter(str(error), param_hint=hint) from None
    _, rows = resolved(configuration, handlers, slot)
    if as_json:
        dump_array(rows)
    elif not rows:
        note(f"nothing runs in {slot}")
    else:
        _table(rows)


@app.command()
def matrix(config: Config = None, settings: SettingsFile = None, app_: App = None, as_json: AsJson = False) -> None:
    """Lists what runs for every flow, phase and method."""
    handlers = load_actions(app_)
    rows = matrix_rows(examine_file(Where(config, settings), app_).accepted(), handlers)
    if as_json:
        dump_array(rows)
    else:
        _matrix(rows)


def resolved(configuration: "Configuration", handlers: "Actions", slot: "Slot") -> tuple[str, list[dict[str, Any]]]:
    """The rule that chose the configured list, and every action of the slot in order, each with the rule of its own.

    Configured actions, hooks over the bus, Python handlers; `session` and `verify_new_address` last.
    """
    from limen.domain.precedence import LAST, resolve_hooks
    from limen.domain.precedence import resolve as choose

    chosen, hooks, own = choose(configuration, slot), resolve_hooks(configuration, slot), handlers.of(slot)
    configured, bus = (
        [{"hook": one.hook, "id": one.id, "source": one.source, "rule": found.rule} for one in found.actions]
        for found in (chosen, hooks)
    )
    python = [{"hook": "python", "id": one.id, "source": f"python:{one.id}", "rule": own.rule} for one in own.actions]
    first = [one for one in configured if one["hook"] not in LAST]
    return chosen.rule, [*first, *bus, *python, *(one for one in configured if one["hook"] in LAST)]


def matrix_rows(configuration: "Configuration", handlers: "Actions") -> list[dict[str, Any]]:
    """One row a flow, phase and method, as `actions matrix --json` prints it. Method None is the default list.

    `rule` of a row is that of the configured list, an empty one included; each action carries its own. The triggers of
    `limen.yml` come last, where anything stands there.
    """
    from limen.domain.placement import TRIGGERS, name_of_place
    from limen.domain.precedence import matrix as slots
    from limen.domain.precedence import trigger_rows

    rows = []
    for row in (*slots(configuration), *trigger_rows(configuration)):
        rule, actions = resolved(configuration, handlers, row.slot)
        if actions or row.slot not in TRIGGERS:
            flow, phase = name_of_place(row.slot)
            rows.append({"flow": flow, "phase": phase, "method": row.slot.method, "rule": rule, "actions": actions})
    return rows


def _table(rows: list[dict[str, Any]]) -> None:
    table = plain_table("", "action", "id", "list", "where it stands")
    for number, row in enumerate(rows, 1):
        table.add_row(
            Text(f"{number}", style=DIM),
            Text(row["hook"], style=NAME),
            Text(row["id"]),
            _rule(row["rule"]),
            Text(row["source"], style=DIM),
        )
    show_out(table)


def _rule(rule: str) -> Text:
    return Text(rule, style=NAME if rule == "method" else DIM)


def _matrix(rows: list[dict[str, Any]]) -> None:
    table = plain_table("flow", "phase", "method", "list", "actions, in order")
    before = None
    for row in rows:
        if before not in (None, row["flow"]):
            table.add_section()
        flow = row["flow"] if row["flow"] != before else ""
        before = row["flow"]
        method = Text(row["method"] or "any other") if row["phase"] == "after" and row["flow"] != "logout" else Text()
        rule = row["actions"][0]["rule"] if row["actions"] else ""
        names = ", ".join(_named(action, rule) for action in row["actions"])
        table.add_row(flow, row["phase"], method, _rule(rule), Text(names or "–", style="" if names else DIM))
    show_out(table)


def _named(action: Mapping[str, Any], rule: str) -> str:
    """Its name, and the list it is from where that is another than the first of its row."""
    return name_of(action) if action["rule"] == rule else f"{name_of(action)} ({action['rule']})"
