"""limen's own settings: `limen.yml`, and `LIMEN_*` over it."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.configuration import examine, read, restore
from limen.domain.action import ActionSettings, Retry
from limen.domain.configuration import FlowKind, LedgerSettings, LockoutSettings

SCHEMA = {"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": {"type": "string"}}}}}
HOOK = {"hook": "web_hook", "config": {"id": "welcome", "url": "https://crm.example/", "method": "POST"}}
KRATOS: dict[str, Any] = {
    "identity": {
        "schemas": [{"id": "default", "url": "base64://" + base64.b64encode(json.dumps(SCHEMA).encode()).decode()}]
    },
    "selfservice": {"flows": {"login": {"after": {"hooks": [HOOK]}}}},
}
SETTINGS: dict[str, Any] = {
    "store": "sqlite:///mine.db",
    "payload_retention": "7d",
    "worker": {"interval": "250ms", "retry": {"attempts": 4, "initial": "1s", "maximum": "10m"}},
    "templates": {"workers": 3},
    "ledger": {"events": 50, "interval": "5m", "key": "ledger.pem", "origin": "example.org/limen"},
    "actions": {
        "welcome": {
            "timeout": "10s",
            "retry": {"attempts": 2},
            "concurrency": 4,
            "signing_secrets": ["env:WELCOME_SECRET", "an-older-one"],
        }
    },
}
ENV = {"WELCOME_SECRET": "the-newest-one"}


def faults(settings: Any, env: dict[str, str] | None = None) -> dict[str, str]:
    return {fault.path: fault.message for fault in examine(KRATOS, settings, env=env or {}).faults}


def test_the_settings_arrive_and_reach_their_action() -> None:
    configuration = read(KRATOS, SETTINGS, env=ENV)
    settings = configuration.settings
    assert settings.store == "sqlite:///mine.db"
    assert settings.payload_retention == timedelta(days=7)
    assert (settings.worker_interval, settings.worker_retry) == (0.25, Retry(4, 1.0, 600.0))
    assert settings.template_workers == 3
    assert settings.ledger == LedgerSettings(True, 50, 300.0, "ledger.pem", "example.org/limen")
    assert read(KRATOS, {}, env={}).settings.ledger == LedgerSettings()
    assert read(KRATOS, {"ledger": {"seal": False}}, env={}).settings.ledger == LedgerSettings(seal=False)
    (action,) = configuration.flow(FlowKind.LOGIN).after
    assert action.settings == ActionSettings(10.0, Retry(attempts=2), 4, ("the-newest-one", "an-older-one"))


def test_the_file_of_that_name_beside_the_configuration_is_taken(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text(json.dumps(KRATOS))
    assert read(tmp_path / "identity.json", env={}).settings.store is None
    (tmp_path / "limen.yml").write_text("store: sqlite:///beside.db")
    assert read(tmp_path / "identity.json", env={}).settings.store == "sqlite:///beside.db"
    (tmp_path / "other.yml").write_text("store: sqlite:///other.db")
    assert read(tmp_path / "identity.json", tmp_path / "other.yml", env={}).settings.store == "sqlite:///other.db"
    env = {"LIMEN_SETTINGS": str(tmp_path / "other.yml")}
    assert read(tmp_path / "identity.json", env=env).settings.store == "sqlite:///other.db"


def test_a_settings_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    assert faults(tmp_path / "limen.yml") == {
        "": f"limen.yml: {tmp_path / 'limen.yml'} cannot be read: No such file or directory"
    }


def test_variables_stand_over_the_file() -> None:
    env = {
        **ENV,
        "LIMEN_STORE": "memory:",
        "LIMEN_PAYLOAD_RETENTION": "1h",
        "LIMEN_WORKER_INTERVAL": "2s",
        "LIMEN_TEMPLATES_WORKERS": "5",
    }
    settings = read(KRATOS, SETTINGS, env=env).settings
    assert settings.store == "memory:"
    assert settings.payload_retention == timedelta(hours=1)
    assert (settings.worker_interval, settings.worker_retry.attempts) == (2.0, 4)
    assert settings.template_workers == 5


def test_a_lockout_is_off_until_it_stands_there_and_has_defaults() -> None:
    assert read(KRATOS, {}, env={}).settings.lockout is None
    quarter = timedelta(minutes=15)
    assert read(KRATOS, {"lockout": {}}, env={}).settings.lockout == LockoutSettings(10, quarter, quarter)
    given = read(KRATOS, {"lockout": {"threshold": 3, "window": "1m", "duration": "1h"}}, env={})
    assert given.settings.lockout == LockoutSettings(3, timedelta(minutes=1), timedelta(hours=1))
    assert given.document["limen"]["lockout"] == {"threshold": 3, "window": "60000000us", "duration": "3600000000us"}
    assert read(restore(given.document, given.secret_document), env={}).settings.lockout == given.settings.lockout


@pytest.mark.parametrize(
    ("settings", "pointer", "message"),
    [
        ({"stores": "x"}, "/stores", "limen.yml: unknown key; did you mean 'store'?"),
        ({"store": 1}, "/store", "limen.yml: must be a text"),
        ({"payload_retention": "month"}, "/payload_retention", "limen.yml: must be a duration such as 30d"),
        ({"payload_retention": "0d"}, "/payload_retention", "limen.yml: must be more than nothing"),
        ({"worker": {"interval": "0s"}}, "/worker/interval", "limen.yml: must be more than nothing"),
        ({"ledger": {"interval": "0s"}}, "/ledger/interval", "limen.yml: must be more than nothing"),
        ({"ledger": {"events": 0}}, "/ledger/events", "limen.yml: must be at least 1"),
        ({"ledger": {"origin": "two words"}}, "/ledger/origin", "limen.yml: "),
        ({"ledger": {"seal": "no"}}, "/ledger/seal", "limen.yml: must be true or false"),
        ({"templates": {"workers": 0}}, "/templates/workers", "limen.yml: must be at least 1"),
        ({"actions": []}, "/actions", "limen.yml: must be an object"),
        ({"actions": {"welcome": {"timeout": 10}}}, "/actions/welcome/timeout", "limen.yml: must be a text"),
        ({"actions": {"welcome": {"timeout": "0s"}}}, "/actions/welcome/timeout", "limen.yml: must be more than"),
        ({"actions": {"welcome": {"concurrency": 0}}}, "/actions/welcome/concurrency", "limen.yml: must be at least 1"),
        ({"actions": {"welcome": {"retry": {"attempts": 0}}}}, "/actions/welcome/retry/attempts", "limen.yml: must be"),
        (
            {"actions": {"welcome": {"signing_secrets": ["env:ABSENT"]}}},
            "/actions/welcome/signing_secrets/0",
            "limen.yml: the environment variable ABSENT is not set",
        ),
    ],
)
def test_what_is_wrong_is_refused_where_it_stands(settings: Any, pointer: str, message: str) -> None:
    found = faults(settings)
    assert list(found) == [pointer]
    assert found[pointer].startswith(message)


def test_an_action_that_is_not_there_warns() -> None:
    reading = examine(KRATOS, {"actions": {"welcom": {"timeout": "1s"}}}, env={})
    assert reading.faults == ()
    assert reading.warnings == ("/actions/welcom: limen.yml speaks of an action that is not there",)


def test_faults_of_both_files_are_told_at_once() -> None:
    reading = examine({**KRATOS, "nonsense": 1}, {"bus": "mqtt://x"}, env={})
    assert [fault.path for fault in reading.faults] == ["/nonsense", "/bus"]
