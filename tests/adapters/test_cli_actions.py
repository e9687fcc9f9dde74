"""`limen actions`: which list runs where, as JSON and for people."""

from pathlib import Path

import pytest

from limen.domain.configuration import FlowKind
from limen.domain.precedence import known_methods
from tests.support.cli import EXAMPLES, ROOT, invoked, keys, spawned

CONFIG = ("--config", EXAMPLES / "identity.yml")
METHODS = ("code", "password")
APPLICATION = """
from limen.domain import Actions

actions = Actions()


@actions.after("login", id="mine")
def mine(context):
    return None
"""
AFTER_PASSWORD = "/selfservice/flows/registration/after/password/hooks"


def test_resolve_lists_hook_id_and_place_in_order() -> None:
    where = ("--flow", "registration", "--phase", "after", "--method", "password")
    ran = spawned("actions", "resolve", "--config", "docs/examples/identity.yml", *where, "--json", cwd=ROOT)
    assert (ran.code, ran.err) == (0, "")
    assert ran.json == [
        {"hook": "web_hook", "id": "lasting_address", "source": f"{AFTER_PASSWORD}/0", "rule": "method"},
        {"hook": "web_hook", "id": "customer_number", "source": f"{AFTER_PASSWORD}/1", "rule": "method"},
        {"hook": "web_hook", "id": "signup_analytics", "source": f"{AFTER_PASSWORD}/2", "rule": "method"},
        {"hook": "session", "id": "registration.after.password.3", "source": f"{AFTER_PASSWORD}/3", "rule": "method"},
    ]


@pytest.mark.parametrize(
    ("flow", "phase", "method", "ids"),
    [
        ("login", "before", None, ["trusted_range"]),
        ("login", "after", None, ["signed_in"]),
        ("login", "after", "code", ["signed_in"]),
        ("login", "after", "password", ["password_policy"]),
        ("recovery", "after", "code", ["recovered", "recovery.after.1"]),
        ("settings", "after", "profile", ["profile_changed"]),
        ("settings", "after", "totp", ["settings_changed"]),
    ],
)
def test_a_method_s_list_replaces_the_default_one(flow: str, phase: str, method: str | None, ids: list[str]) -> None:
    where = ("--flow", flow, "--phase", phase, *(("--method", method) if method else ()))
    assert [one["id"] for one in invoked("actions", "resolve", *CONFIG, *where, "--json").json] == ids


def test_resolve_for_people_says_which_list_it_is() -> None:
    where = ("--flow", "login", "--phase", "after", "--method", "code")
    ran = invoked("actions", "resolve", *CONFIG, *where)
    assert "signed_in" in ran.out
    assert "/selfservice/flows/login/after/hooks/0" in ran.out
    assert ran.out.splitlines()[0].split() == ["action", "id", "list", "where", "it", "stands"]
    assert ran.out.splitlines()[1].split()[-2:] == ["default", "/selfservice/flows/login/after/hooks/0"]


def test_nothing_to_run_is_an_empty_list() -> None:
    where = ("--config", EXAMPLES / "embedded.yml", "--flow", "recovery", "--phase", "before")
    assert invoked("actions", "resolve", *where, "--json").json == []
    assert "nothing runs in recovery.before" in invoked("actions", "resolve", *where).err


@pytest.mark.parametrize("where", [("--flow", "login", "--phase", "after", "--method", "link"), ("--flow", "login")])
def test_a_method_or_phase_that_does_not_exist_is_wrong_use(where: tuple[str, ...]) -> None:
    ran = invoked("actions", "resolve", *CONFIG, *where)
    assert (ran.code, ran.out) == (2, "")


def test_hooks_over_the_bus_stand_behind_the_configured_actions_and_before_session(tmp_path: Path) -> None:
    hook = "{flow: registration, phase: after, hook: bus, id: risk, subject: risk.check}"
    (tmp_path / "limen.yml").write_text(f"hooks: [{hook}]")
    config = ("--config", EXAMPLES / "embedded.yml", "--settings", tmp_path / "limen.yml")
    where = ("--flow", "registration", "--phase", "after", "--method", "password")
    rows = invoked("actions", "resolve", *config, *where, "--json").json
    assert [one["hook"] for one in rows] == ["bus", "session"]
    assert rows[0] == {"hook": "bus", "id": "risk", "source": "limen.yml#/hooks/0", "rule": "default"}
    matrix = invoked("actions", "matrix", *config, "--json").json
    assert [row["method"] for row in matrix if row["actions"][:1] == rows[:1]] == [
        None,
        *known_methods(FlowKind.REGISTRATION),
    ]
    assert "risk, session" in invoked("actions", "matrix", *config).out


def test_hooks_over_the_bus_and_handlers_say_which_list_of_their_own_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = "{flow: login, phase: after, method: code, hook: bus, id: risk, subject: risk.check}"
    (tmp_path / "limen.yml").write_text(f"hooks: [{hook}]")
    (tmp_path / "chosen_application.py").write_text(APPLICATION)
    monkeypatch.syspath_prepend(tmp_path)
    config = (*CONFIG, "--settings", tmp_path / "limen.yml", "--app", "chosen_application:actions")
    where = ("--flow", "login", "--phase", "after", "--method")
    by_code, by_password = (invoked("actions", "resolve", *config, *where, one, "--json").json for one in METHODS)
    assert [(one["id"], one["rule"]) for one in by_code] == [
        ("signed_in", "default"),
        ("risk", "method"),
        ("mine", "default"),
    ]
    assert [(one["id"], one["rule"]) for one in by_password] == [("password_policy", "method"), ("mine", "default")]
    matrix = invoked("actions", "matrix", *config, "--json").json
    rows = {row["method"]: row for row in matrix if row["flow"] == "login"}
    assert (rows["code"]["rule"], rows["code"]["actions"]) == ("default", by_code)
    assert (rows["password"]["rule"], rows["password"]["actions"]) == ("method", by_password)
    lines = invoked("actions", "matrix", *config).out.splitlines()
    assert any(line.endswith("default  signed_in, risk (method), mine") for line in lines)
    assert any(line.endswith("method   password_policy, mine (default)") for line in lines)


def test_matrix_has_a_row_for_every_flow_phase_and_method() -> None:
    ran = spawned("actions", "matrix", "--config", "docs/examples/identity.yml", "--json", cwd=ROOT)
    assert ran.code == 0
    assert keys(ran.json) == {frozenset({"flow", "phase", "method", "rule", "actions"})}
    assert [(row["flow"], row["phase"], row["method"]) for row in ran.json] == [
        (flow.value, phase, method)
        for flow in FlowKind
        for phase, method in (("before", None), ("after", None), *(("after", one) for one in known_methods(flow)))
    ]
    own = [(row["flow"], row["method"]) for row in ran.json if row["rule"] == "method"]
    listed = [("login", "password"), ("login", "oidc"), ("login", "totp")]
    assert own == [*listed, ("registration", "password"), ("settings", "profile")]


def test_matrix_for_people_names_built_in_actions_by_what_they_do() -> None:
    lines = invoked("actions", "matrix", *CONFIG).out.splitlines()
    assert lines[0].split() == ["flow", "phase", "method", "list", "actions,", "in", "order"]
    assert any(line.endswith("recovered, revoke_active_sessions") for line in lines)
    assert not any(line != line.rstrip() for line in lines)
