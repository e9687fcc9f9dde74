"""`triggers` of `limen.yml`: read, checked place by place, part of what decides, and shown on the command line."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.configuration import examine, read, restore
from limen.domain.configuration import FlowKind, Slot
from limen.domain.placement import LOGIN_FAILED, LOGOUT
from tests.adapters.test_configuration_settings import KRATOS
from tests.support.cli import invoked

URL = "https://soc.example.org/failed"
PASSWORD, CODE = Slot(FlowKind.LOGIN, "failed", "password"), Slot(FlowKind.LOGIN, "failed", "code")
TEMPLATE = "base64://" + b64encode(b"function(ctx) ctx.reason").decode()


def web_hook(**config: Any) -> dict[str, Any]:
    return {"hook": "web_hook", "config": {"url": URL, **config}}


def triggers(login_failed: Any = None, logout: Any = None) -> dict[str, Any]:
    given = {"login_failed": login_failed, "logout": logout}
    return {"triggers": {name: value for name, value in given.items() if value is not None}}


def test_the_lists_stand_by_slot_and_their_answers_are_ignored() -> None:
    settings = triggers(
        {"hooks": [web_hook(id="alarm")], "password": {"hooks": [web_hook(), {"hook": "note"}]}, "code": {"hooks": []}},
        {"hooks": [web_hook(id="bye", method="PUT", body=TEMPLATE, response={"ignore": True})]},
    )
    settings["actions"] = {"alarm": {"timeout": "3s", "signing_secrets": ["a-secret"]}}
    read_in = read(KRATOS, settings, env={}, hooks={"note": ["login.failed"]})
    assert set(read_in.triggers) == {LOGIN_FAILED, PASSWORD, LOGOUT}
    (alarm,), (bye,) = read_in.triggers[LOGIN_FAILED], read_in.triggers[LOGOUT]
    assert (alarm.id, alarm.source) == ("alarm", "limen.yml#/triggers/login_failed/hooks/0")
    assert (alarm.settings.timeout, alarm.settings.signing_secrets) == (3.0, ("a-secret",))
    assert [(one.hook, one.id) for one in read_in.triggers[PASSWORD]] == [
        ("web_hook", "login.failed.password.0"),
        ("note", "login.failed.password.1"),
    ]
    assert bye.web_hook is not None
    assert (bye.web_hook.method, bye.web_hook.ignore) == ("PUT", True)
    assert bye.web_hook.template_name == "limen.yml#/triggers/logout/hooks/0/config/body"
    assert read_in.warnings == ()


@pytest.mark.parametrize(
    ("given", "pointer", "message"),
    [
        (triggers([]), "/triggers/login_failed", "must be an object, not a list"),
        ({"triggers": {"login": {}}}, "/triggers/login", "unknown key; known here: login_failed, logout"),
        (triggers({"profile": {"hooks": []}}), "/triggers/login_failed/profile", "unknown key"),
        (triggers(logout={"password": {}}), "/triggers/logout/password", "unknown key; known here: hooks"),
        (triggers({"hooks": {}}), "/triggers/login_failed/hooks", "must be a list"),
        (triggers({"hooks": [web_hook(), web_hook()]}), "/triggers/login_failed/hooks/1", "is the same as entry 0"),
        (triggers({"hooks": [{"hook": "web_hook"}]}), "/triggers/login_failed/hooks/0/config/url", "is missing"),
        (triggers({"hooks": [web_hook(urls=1)]}), "/triggers/login_failed/hooks/0/config/urls", "did you mean 'url'?"),
        (
            triggers({"totp": {"hooks": [web_hook(response={"parse": True})]}}),
            "/triggers/login_failed/totp/hooks/0/config/response/parse",
            "nobody waits",
        ),
        (
            triggers({"hooks": [web_hook(response={"ignore": False})]}),
            "/triggers/login_failed/hooks/0/config/response/ignore",
            "cannot be false",
        ),
        (
            triggers(logout={"hooks": [web_hook(can_interrupt=True)]}),
            "/triggers/logout/hooks/0/config/can_interrupt",
            "nothing left to interrupt",
        ),
        (
            triggers(logout={"hooks": [{"hook": "bus", "config": {"id": "x"}}]}),
            "/triggers/logout/hooks/0/hook",
            "'bus' asks, and a trigger only tells",
        ),
        (
            triggers({"hooks": [{"hook": "revoke_active_sessions"}]}),
            "/triggers/login_failed/hooks/0/hook",
            "'revoke_active_sessions' may not stand in login.failed; allowed: web_hook, note",
        ),
        (
            triggers(logout={"hooks": [{"hook": "note"}]}),
            "/triggers/logout/hooks/0/hook",
            "'note' may not stand in logout; allowed: web_hook",
        ),
        (
            triggers({"hooks": [web_hook(id="welcome")]}),
            "/triggers/login_failed/hooks/0/config/id",
            "is the id of the action at /selfservice/flows/login/after/hooks/0",
        ),
        (
            triggers({"hooks": [web_hook(id="a")]}, {"hooks": [web_hook(id="a")]}),
            "/triggers/logout/hooks/0/config/id",
            "is the id of the action at limen.yml#/triggers/login_failed/hooks/0",
        ),
        (
            triggers({"hooks": [web_hook(body="file://nonesuch.jsonnet")]}),
            "/triggers/login_failed/hooks/0/config/body",
            "",
        ),
        ({"lockout": {"threshold": 0}}, "/lockout/threshold", "must be at least 1"),
        ({"lockout": {"threshold": 101}}, "/lockout/threshold", "must be at most 100"),
        ({"lockout": {"window": "0s"}}, "/lockout/window", "must be more than nothing"),
        ({"lockout": {"duration": "soon"}}, "/lockout/duration", "must be a duration"),
        ({"lockout": {"tries": 3}}, "/lockout/tries", "unknown key"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(given: dict[str, Any], pointer: str, message: str) -> None:
    found = {
        fault.path: fault.message for fault in examine(KRATOS, given, env={}, hooks={"note": ["login.failed"]}).faults
    }
    assert list(found) == [pointer]
    assert found[pointer].startswith("limen.yml: ")
    assert message in found[pointer]


def test_they_decide_so_they_are_part_of_the_document_and_their_secrets_are_not() -> None:
    auth = {"type": "api_key", "config": {"name": "X-Key", "value": "a-secret-key", "in": "header"}}
    url = f"{URL}?key=a-secret-word"
    settings = triggers({"hooks": [web_hook(id="alarm", auth=auth, url=url, body=TEMPLATE)]})
    plain, told = read(KRATOS, {}, env={}), read(KRATOS, settings, env={})
    assert "limen" not in plain.document
    (written,) = told.document["limen"]["triggers"]["login_failed"]["hooks"]
    assert written["config"]["body"] == TEMPLATE
    assert "a-secret" not in json.dumps(told.document)
    assert sorted(told.secret_document.values()) == ["a-secret-key", url]
    again = read(restore(told.document, told.secret_document), env={})
    assert again.triggers == told.triggers
    assert again.document == told.document


async def test_a_template_that_does_not_compile_is_refused() -> None:
    from limen.adapters.configuration import examine_checked
    from limen.adapters.templates import TemplatePool

    broken = "base64://" + b64encode(b"function(ctx) {").decode()
    async with TemplatePool() as templates:
        settings = triggers(logout={"hooks": [web_hook(body=broken)]})
        reading = await examine_checked(KRATOS, settings, templates=templates, env={})
    (fault,) = reading.faults
    assert fault.path == "/triggers/logout/hooks/0/config/body"
    assert fault.message.startswith("limen.yml: does not compile")


def test_a_body_is_found_beside_limen_yml(tmp_path: Path) -> None:
    (tmp_path / "told.jsonnet").write_text("function(ctx) ctx.reason")
    (tmp_path / "limen.yml").write_text(json.dumps(triggers({"hooks": [web_hook(body="file://told.jsonnet")]})))
    (action,) = read(KRATOS, tmp_path / "limen.yml", env={}).triggers[LOGIN_FAILED]
    assert action.web_hook is not None
    assert action.web_hook.template == "function(ctx) ctx.reason"


# ---------------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "identity.yml").write_text(json.dumps(KRATOS))
    settings = triggers(
        {"hooks": [web_hook(id="alarm")], "password": {"hooks": [web_hook(id="own")]}}, {"hooks": [web_hook(id="bye")]}
    )
    (tmp_path / "limen.yml").write_text(json.dumps(settings))
    return "--config", str(tmp_path / "identity.yml")


def test_resolve_and_matrix_show_them(files: tuple[str, ...]) -> None:
    def resolved(*asked: str) -> list[tuple[str, str]]:
        rows = invoked("actions", "resolve", *files, "--phase", "after", *asked, "--json").json
        return [(row["id"], row["rule"]) for row in rows]

    assert resolved("--flow", "login_failed") == [("alarm", "default")]
    assert resolved("--flow", "login_failed", "--method", "password") == [("own", "method")]
    assert resolved("--flow", "login_failed", "--method", "code") == [("alarm", "default")]
    assert resolved("--flow", "logout") == [("bye", "default")]
    rows = invoked("actions", "matrix", *files, "--json").json
    told = [(row["flow"], row["phase"], row["method"], [one["id"] for one in row["actions"]]) for row in rows]
    assert told[-9:-7] == [
        ("login_failed", "after", None, ["alarm"]),
        ("login_failed", "after", "password", ["own"]),
    ]
    assert told[-1] == ("logout", "after", None, ["bye"])
    assert "login_failed" in invoked("actions", "matrix", *files).out


def test_there_is_nothing_before_them_and_no_other_method(files: tuple[str, ...]) -> None:
    asked = [("logout", "before", None), ("login_failed", "after", "profile"), ("logout", "after", "password")]
    for flow, phase, method in asked:
        more = ("--method", method) if method else ()
        ran = invoked("actions", "resolve", *files, "--flow", flow, "--phase", phase, *more)
        assert ran.code == 2


def test_without_any_the_matrix_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "identity.yml").write_text(json.dumps(KRATOS))
    rows = invoked("actions", "matrix", "--config", tmp_path / "identity.yml", "--json").json
    assert {row["flow"] for row in rows} == {"login", "registration", "recovery", "verification", "settings"}
