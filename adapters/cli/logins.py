"""Logins side by side: for each method, which list ran and what each of its actions said."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any
from uuid import UUID

from rich.table import Table
from rich.text import Text

from limen.adapters.cli.output import DIM, NAME, state_style
from limen.adapters.cli.table import plain_table
from limen.adapters.cli.words import name_of
from limen.adapters.log import EventReader
from limen.adapters.told import Told, tell


def side_by_side(reader: EventReader, logins: Mapping[str, UUID]) -> Table:
    """One column a login, under the name of its method."""
    told = [tell(reader, flow_id) for flow_id in logins.values()]
    table = plain_table("login by", *logins)
    table.add_row(Text("flow"), *(_id(one) for one in told))
    table.add_row(Text("list that ran"), *(_list(one) for one in told))
    for phase in ("before", "after"):
        for number, row in enumerate(zip_longest(*(_actions(one, phase) for one in told))):
            table.add_row(Text("" if number else phase), *(cell or Text() for cell in row))
    table.add_row(Text("assurance"), *(Text(_assurance(one)) for one in told))
    return table


def _id(told: Told) -> Text:
    return Text(str(told.record.flow.id)[:8], style=DIM)


def _plan(told: Told) -> Mapping[str, Any] | None:
    """The last plan of what runs after the login."""
    plans = [one.data for one in told.record.events if one.type == "ActionsPlanned" and one.data["phase"] == "after"]
    return plans[-1] if plans else None


def _list(told: Told) -> Text:
    plan = _plan(told)
    if plan is None:
        return Text("none", style=DIM)
    own = plan["rule"] == "method"
    return Text(f"of {told.record.flow.method}" if own else "default", style=NAME if own else "")


def _actions(told: Told, phase: str) -> list[Text]:
    return [
        Text.assemble(name_of(one), " ", (one["verdict"] or "–", state_style(one["verdict"])))
        for one in told.actions
        if one["phase"] == phase
    ]


def _assurance(told: Told) -> str:
    return next((one.data["aal"] for one in reversed(told.record.events) if one.type == "MethodAccepted"), "")
