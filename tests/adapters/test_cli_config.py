"""`limen config`: every fault by its place, nothing dropped silently, no secret shown."""

import json
from pathlib import Path

import pytest
import yaml

from tests.support.cli import EXAMPLES, ROOT, invoked, spawned

APPLICATION = """
from limen.domain import Actions

actions = Actions()
lists = {"nothing": 1}

@actions.named("risk", slots=["login.after"])
async def risk(context): ...

@actions.after("login", method="password", id="audit")
async def audit(context): ...
"""


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an application that registers handlers, and a configuration that names one of them."""
    (tmp_path / "cli_application.py").write_text(APPLICATION)
    document = yaml.safe_load((EXAMPLES / "embedded.yml").read_text())
    document["selfservice"]["flows"]["login"] = {"after": {"hooks": [{"hook": "risk"}]}}
    (tmp_path / "identity.yml").write_text(yaml.safe_dump(document))
    (tmp_path / "person.schema.json").write_text((EXAMPLES / "person.schema.json").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["identity.yml", "embedded.yml"])
def test_the_examples_are_valid(name: str) -> None:
    ran = spawned("config", "validate", f"docs/examples/{name}", "--json", cwd=ROOT)
    assert ran.code == 0
    told = ran.json
    assert list(told) == ["valid", "faults", "ignored", "warnings"]
    assert (told["valid"], told["faults"], told["ignored"]) == (True, [], ["/dsn"])


def test_for_people_too(tmp_path: Path) -> None:
    ran = invoked("config", "validate", EXAMPLES / "identity.yml")
    assert ran.code == 0
    assert ran.out.startswith(f"✓ {EXAMPLES / 'identity.yml'} is valid\n")
    assert "not acted on yet\n  /dsn\n" in ran.out


def test_every_fault_is_listed_by_its_path_and_the_answer_is_no(tmp_path: Path) -> None:
    document = yaml.safe_load((EXAMPLES / "identity.yml").read_text())
    flows = document["selfservice"]["flows"]
    flows["login"]["before"]["hooks"].append({"hook": "session"})
    flows["settings"]["before"]["hooks"][0]["config"]["body"] = "base64://ZnVuY3Rpb24oY3R4KSB7"
    document["strange"] = 1
    document["identity"]["schemas"][0]["url"] = (EXAMPLES / "customer.schema.json").as_uri()
    text = yaml.safe_dump(document).replace("file://hooks", (EXAMPLES / "hooks").as_uri())
    (tmp_path / "identity.yml").write_text(text)
    ran = spawned("config", "validate", "identity.yml", "--json", cwd=tmp_path)
    assert ran.code == 1
    told = ran.json
    assert told["valid"] is False
    assert {fault["path"] for fault in told["faults"]} == {
        "/strange",
        "/selfservice/flows/login/before/hooks/1/hook",
        "/selfservice/flows/settings/before/hooks/0/config/body",
    }
    assert all(set(fault) == {"path", "message"} and fault["message"] for fault in told["faults"])
    people = invoked("config", "validate", tmp_path / "identity.yml")
    assert people.code == 1
    assert "3 faults" in people.out
    assert all(fault["path"] in people.out for fault in told["faults"])


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    ran = invoked("config", "validate", tmp_path / "none.yml", "--json")
    assert ran.code == 1
    assert len(ran.json["faults"]) == 1


def test_names_of_an_application_are_known_by_app(application: Path) -> None:
    assert invoked("config", "validate", "identity.yml").code == 1
    ran = invoked("config", "validate", "identity.yml", "--app", "cli_application:actions")
    assert ran.code == 0


@pytest.mark.parametrize(
    "app", ["cli_application", "cli_application:none", "no_such_module:x", "cli_application:lists"]
)
def test_an_application_that_cannot_be_loaded_is_wrong_use(application: Path, app: str) -> None:
    ran = invoked("config", "validate", "identity.yml", "--app", app)
    assert (ran.code, ran.out) == (2, "")
    assert "--app" in ran.err


def test_an_application_s_handlers_stand_after_the_configured_actions(application: Path) -> None:
    where = ("--config", "identity.yml", "--app", "cli_application:actions", "--json")
    ran = invoked("actions", "resolve", "--flow", "login", "--phase", "after", "--method", "password", *where)
    assert ran.json == [
        {"hook": "risk", "id": "login.after.0", "source": "/selfservice/flows/login/after/hooks/0", "rule": "default"},
        {"hook": "python", "id": "audit", "source": "python:audit", "rule": "method"},
    ]


def test_show_gives_what_decides_without_its_secrets() -> None:
    config = ("--config", EXAMPLES / "identity.yml")
    ran = spawned("config", "show", *config, cwd=ROOT)
    assert ran.code == 0
    document = yaml.safe_load(ran.out)
    assert document == invoked("config", "show", *config, "--format", "json").json
    assert document == invoked("config", "show", *config, "--json").json
    assert document["secrets"] == {"cookie": ["***"], "cipher": ["***"]}
    assert "an-example" not in ran.out
    hook = document["selfservice"]["flows"]["login"]["before"]["hooks"][0]
    assert hook["config"]["body"].startswith("base64://"), "every URI is resolved"


def test_show_selects_by_jsonpath() -> None:
    config = ("--config", EXAMPLES / "identity.yml")
    ids = "jsonpath=$.selfservice.flows.registration.after.password.hooks[*].config.id"
    ran = invoked("config", "show", *config, "--format", ids)
    assert ran.out.splitlines() == ["lasting_address", "customer_number", "signup_analytics"]
    ran = invoked("config", "show", *config, "--format", "jsonpath=selfservice.methods.code")
    assert json.loads(ran.out) == {"enabled": True, "passwordless_enabled": True}


def test_show_says_when_nothing_is_there_and_when_the_path_is_none() -> None:
    config = ("--config", EXAMPLES / "identity.yml")
    ran = invoked("config", "show", *config, "--format", "jsonpath=$.nowhere")
    assert (ran.code, ran.out) == (1, "")
    assert "$.nowhere" in ran.err
    assert invoked("config", "show", *config, "--format", "jsonpath=$[").code == 2


def test_show_of_a_refused_file_lists_its_faults(tmp_path: Path) -> None:
    (tmp_path / "identity.yml").write_text("strange: 1\n")
    ran = invoked("config", "show", "--config", tmp_path / "identity.yml")
    assert (ran.code, ran.out) == (1, "")
    assert "the configuration is refused" in ran.err
    assert "/strange" in ran.err
