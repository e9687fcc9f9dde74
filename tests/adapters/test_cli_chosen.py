"""`limen flow show`: which list chose an action, for configured actions, hooks over the bus and Python handlers."""

import json
import sqlite3
from pathlib import Path

import pytest

from limen.domain import ActionContext, Actions
from tests.support.cli import invoked
from tests.support.engine import open_house, parse
from tests.support.service import Service, ask

SESSION = {"hook": "session"}


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """A store with a registration: a default list, a method's hook over the bus, a default handler."""
    service, actions = Service(), Actions()
    service.on("ask.risk")

    @actions.after("registration", id="mine")
    def mine(context: ActionContext) -> None:
        """Lets everybody in."""

    hooks = {"registration.after": [SESSION, parse("/first")]}
    settings = {"hooks": [ask("registration.after.password", "risk")]}
    path = tmp_path / "store.db"
    async with open_house(
        hooks, settings=settings, bus=service.bus, actions=actions, store=f"sqlite:///{path}"
    ) as house:
        await house.register()
    return path


def show(path: Path, *options: str) -> str:
    store = f"sqlite:///{path}"
    (flow,) = invoked("flow", "list", "--flow", "registration", "--store", store, "--json").json
    ran = invoked("flow", "show", flow["id"], "--store", store, *options, env={"COLUMNS": "200"})
    assert ran.code == 0, ran.err
    return ran.out


def told(path: Path) -> list[tuple[str, str | None]]:
    return [(one["id"], one["rule"]) for one in json.loads(show(path, "--json"))["actions"]]


def plan_line(path: Path) -> str:
    (line,) = (line for line in show(path).splitlines() if "plan" in line)
    return line.partition("after · ")[2].rstrip()


def as_version_1(path: Path) -> None:
    """Rewrites the plan as the first version of limen stored it."""
    with sqlite3.connect(path) as connection:
        ((row, state),) = connection.execute("SELECT rowid, state FROM stored_events WHERE topic = 'ActionsPlanned'")
        fields = json.loads(state)
        assert fields.pop("class_version") == 2
        for action in fields["actions"]:
            del action["rule"]
            action["origin"] = "python" if action["hook"] == "python" else "configured"
        written = json.dumps(fields, separators=(",", ":")).encode()
        connection.execute("UPDATE stored_events SET state = ? WHERE rowid = ?", (written, row))


async def test_every_action_says_whose_list_it_is_from_and_by_which_rule(store: Path) -> None:
    assert told(store) == [
        ("registration.after.1", "default"),
        ("risk", "method"),
        ("mine", "default"),
        ("registration.after.0", "default"),
    ]
    assert plan_line(store) == (
        "default list · registration.after.1; bus, list of password · risk; python, default list · mine; "
        "default list · session"
    )


async def test_what_an_older_limen_did_not_record_is_not_made_up(store: Path) -> None:
    as_version_1(store)
    assert told(store) == [
        ("registration.after.1", "default"),
        ("risk", None),
        ("mine", None),
        ("registration.after.0", "default"),
    ]
    assert plan_line(store) == (
        "default list · registration.after.1; bus, list not recorded · risk; python, list not recorded · mine; "
        "default list · session"
    )
