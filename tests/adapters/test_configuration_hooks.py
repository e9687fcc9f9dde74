"""`bus` and `hooks` of `limen.yml`: what they may say, where their faults stand, and what of them is published."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.configuration import examine, examine_checked, read, restore
from limen.adapters.templates import TemplatePool
from limen.domain.action import Action, ActionSettings, BusHook, Retry
from limen.domain.configuration import BusSettings, FlowKind, Slot

SCHEMA = {"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": {"type": "string"}}}}}
WELCOME = {"hook": "web_hook", "config": {"id": "welcome", "url": "https://crm.example/", "method": "POST"}}
KRATOS: dict[str, Any] = {
    "identity": {
        "schemas": [{"id": "default", "url": "base64://" + base64.b64encode(json.dumps(SCHEMA).encode()).decode()}]
    },
    "selfservice": {"flows": {"login": {"after": {"hooks": [WELCOME]}}}},
}
RISK: dict[str, Any] = {"flow": "login", "phase": "after", "hook": "bus", "id": "risk", "subject": "risk.check"}
WHOLE = "base64://" + base64.b64encode(b"function(ctx) ctx").decode()


def faults(settings: Any, env: dict[str, str] | None = None) -> dict[str, str]:
    return {fault.path: fault.message for fault in examine(KRATOS, settings, env=env or {}).faults}


def hook(**parts: Any) -> dict[str, Any]:
    return {"hooks": [{name: value for name, value in {**RISK, **parts}.items() if value is not None}]}


# -------------------------------------------------------------------------------------------------------------- hooks


def test_a_hook_has_its_slot_its_place_and_defaults() -> None:
    configuration = read(KRATOS, {"hooks": [RISK, {**RISK, "id": "second"}]}, env={})
    slot = Slot(FlowKind.LOGIN, "after")
    first, second = configuration.hooks[slot]
    assert list(configuration.hooks) == [slot]
    assert (first.hook, first.id, first.source, first.position) == ("bus", "risk", "limen.yml#/hooks/0", 0)
    assert (second.source, second.position) == ("limen.yml#/hooks/1", 1)
    assert first.bus == BusHook("risk.check", None, "limen.yml#/hooks/0/body", "deny")
    assert first.settings == ActionSettings(timeout=2.0)


def test_a_method_before_a_body_and_a_policy_arrive() -> None:
    settings = {
        "hooks": [
            {**RISK, "method": "oidc", "timeout": "150ms", "on_failure": "continue", "body": WHOLE},
            {**RISK, "id": "early", "phase": "before"},
            {**RISK, "id": "recovered", "flow": "recovery", "method": "code"},
        ]
    }
    hooks = read(KRATOS, settings, env={}).hooks
    (late,) = hooks[Slot(FlowKind.LOGIN, "after", "oidc")]
    assert late.bus == BusHook("risk.check", "function(ctx) ctx", "limen.yml#/hooks/0/body", "continue")
    assert late.settings.timeout == 0.15
    assert Slot(FlowKind.LOGIN, "before") in hooks
    assert Slot(FlowKind.RECOVERY, "after", "code") in hooks


def test_retries_and_concurrency_stand_under_actions_and_its_own_timeout_wins() -> None:
    told = {"risk": {"timeout": "9s", "retry": {"attempts": 1}, "concurrency": 2}}

    def settings_of(**parts: Any) -> ActionSettings:
        configuration = read(KRATOS, {**hook(**parts), "actions": told}, env={})
        assert not configuration.warnings
        action: Action = configuration.hooks[Slot(FlowKind.LOGIN, "after")][0]
        return action.settings

    assert settings_of() == ActionSettings(9.0, Retry(attempts=1), 2)
    assert settings_of(timeout="1s") == ActionSettings(1.0, Retry(attempts=1), 2)


def test_a_file_in_a_body_is_relative_to_the_settings(tmp_path: Path) -> None:
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "risk.jsonnet").write_text("function(ctx) 1")
    (tmp_path / "apart" / "limen.yml").write_text(json.dumps(hook(body="file://risk.jsonnet")))
    (tmp_path / "identity.json").write_text(json.dumps(KRATOS))
    configuration = read(tmp_path / "identity.json", tmp_path / "apart" / "limen.yml", env={})
    (action,) = configuration.hooks[Slot(FlowKind.LOGIN, "after")]
    assert action.bus is not None
    assert action.bus.template == "function(ctx) 1"


@pytest.mark.parametrize(
    ("parts", "key", "message"),
    [
        ({"flow": "logout"}, "flow", "must be one of login, registration, recovery, verification, settings"),
        ({"flow": None}, "flow", "is missing"),
        ({"flow": ["login"]}, "flow", "must be a text, not a list"),
        ({"phase": "during"}, "phase", "must be one of before, after"),
        ({"phase": "before", "method": "oidc"}, "method", "belongs to 'after'"),
        ({"method": "link"}, "method", "must be a method that login knows: password, webauthn"),
        ({"method": ["oidc"]}, "method", "must be a text"),
        ({"hook": "web_hook"}, "hook", "must be one of bus"),
        ({"hook": None}, "hook", "is missing"),
        ({"id": None}, "id", "is missing"),
        ({"id": ""}, "id", "must have at least 1 characters"),
        ({"id": "welcome"}, "id", "is the id of the action at /selfservice/flows/login/after/hooks/0"),
        ({"subject": None}, "subject", "is missing"),
        ({"subject": "risk check"}, "subject", "must be words with dots"),
        ({"subject": "risk.*"}, "subject", "must be words with dots"),
        ({"subject": "risk.>"}, "subject", "must be words with dots"),
        ({"subject": "risk..check"}, "subject", "must be words with dots"),
        ({"subject": ".risk"}, "subject", "must be words with dots"),
        ({"subject": "prüfung"}, "subject", "must be words with dots"),
        ({"subject": "$JS.API.INFO"}, "subject", "may not begin with '$' or 'limen.'"),
        ({"subject": "limen.events.login.completed"}, "subject", "may not begin with '$' or 'limen.'"),
        ({"timeout": "0s"}, "timeout", "must be more than nothing"),
        ({"timeout": 2}, "timeout", "must be a text, not a number"),
        ({"on_failure": "ignore"}, "on_failure", "must be one of deny, continue"),
        ({"body": "file://nowhere.jsonnet"}, "body", "the file cannot be read"),
        ({"body": 1}, "body", "must be a text"),
        ({"subjects": "x"}, "subjects", "unknown key; did you mean 'subject'?"),
    ],
)
def test_a_fault_stands_at_its_place(parts: dict[str, Any], key: str, message: str) -> None:
    found = faults(hook(**parts))
    assert list(found) == [f"/hooks/0/{key}"]
    assert found[f"/hooks/0/{key}"].startswith(f"limen.yml: {message}")


def test_what_is_no_list_of_objects_and_an_id_given_twice_are_refused() -> None:
    assert faults({"hooks": {}}) == {"/hooks": "limen.yml: must be a list, not an object"}
    assert faults({"hooks": ["risk"]}) == {"/hooks/0": "limen.yml: must be an object, not a text"}
    assert faults({"hooks": [RISK, {**RISK, "flow": "settings"}]}) == {
        "/hooks/1/id": "limen.yml: is the id of entry 0 too"
    }


def test_faults_stand_in_the_order_of_the_file() -> None:
    found = faults({"hooks": [{**RISK, "timeout": "0s"}, {**RISK, "id": "b", "subject": "*"}], "bus": 3})
    assert list(found) == ["/hooks/0/timeout", "/hooks/1/subject", "/bus"]


async def test_a_body_that_does_not_compile_is_a_fault_of_the_settings() -> None:
    broken = "base64://" + base64.b64encode(b"function(ctx) {").decode()
    async with TemplatePool() as templates:
        reading = await examine_checked(KRATOS, hook(body=broken), templates=templates, env={})
    (fault,) = reading.faults
    assert fault.path == "/hooks/0/body"
    assert fault.message.startswith("limen.yml: does not compile: ")
    assert reading.configuration is None


def test_secrets_that_sign_nothing_and_a_bare_path_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "risk.jsonnet").write_text("function(ctx) 1")
    (tmp_path / "limen.yml").write_text(
        json.dumps({**hook(body="risk.jsonnet"), "actions": {"risk": {"signing_secrets": ["one"]}}})
    )
    assert set(examine(KRATOS, tmp_path / "limen.yml", env={}).warnings) == {
        "/hooks/0/body: limen.yml: a bare path is deprecated; write file:// before it",
        "/actions/risk/signing_secrets: limen.yml: a hook over the bus is not signed",
    }


def test_a_hook_stays_out_of_the_kratos_configuration() -> None:
    kratos = {**KRATOS, "selfservice": {"flows": {"login": {"before": {"hooks": [{"hook": "bus"}]}}}}}
    (fault,) = examine(kratos, env={}).faults
    assert fault.path == "/selfservice/flows/login/before/hooks/0/hook"
    assert fault.message.startswith("there is no action 'bus'")


# ------------------------------------------------------------------------------------------ what flows are pinned to


def test_hooks_are_part_of_the_document_and_come_back_from_it() -> None:
    settings = {
        **hook(method="oidc", body=WHOLE, on_failure="continue"),
        "actions": {"risk": {"timeout": "9s", "concurrency": 2}},
        "bus": "nats://user:hidden@127.0.0.1",
    }
    configuration = read(KRATOS, settings, env={})
    assert configuration.document["limen"]["hooks"] == [
        {**RISK, "method": "oidc", "timeout": "9000000us", "on_failure": "continue", "body": WHOLE}
    ]
    kept = json.loads(json.dumps([configuration.document, configuration.secret_document]))
    again = read(restore(*kept), env={})
    assert again.hooks == configuration.hooks
    assert again.document == configuration.document


def test_what_decides_alike_is_one_document_and_what_does_not_is_another() -> None:
    def document(settings: Any) -> Any:
        return read(KRATOS, settings, env={}).document

    assert document(hook()) == document(hook(timeout="2s", on_failure="deny"))
    assert document(hook()) != document(hook(timeout="3s"))
    assert document(hook()) != document({})


def test_the_bus_is_no_part_of_the_document() -> None:
    assert read(KRATOS, {"bus": "nats://127.0.0.1"}, env={}).document == read(KRATOS, {}, env={}).document


# ---------------------------------------------------------------------------------------------------------------- bus


def bus_of(value: Any, env: dict[str, str] | None = None) -> BusSettings | None:
    settings = {} if value is None else {"bus": value}
    return read(KRATOS, settings, env=env or {}).settings.bus


def test_a_bus_is_a_url_or_an_object_around_one() -> None:
    url = "nats://127.0.0.1:4222"
    assert bus_of(None) is None
    assert bus_of(url) == bus_of({"url": url}) == BusSettings(url)
    assert bus_of("memory:") == BusSettings("memory:")
    full = {
        "topic": "acme",
        "name": "crm",
        "personal_data": True,
        "format": "ory",
        "types": ["FlowCompleted"],
        "flows": ["login", "settings"],
    }
    assert bus_of({"url": url, **full}) == BusSettings(
        url, "acme", "crm", True, "ory", ("FlowCompleted",), ("login", "settings")
    )


def test_the_environment_gives_the_url() -> None:
    url = "amqp://guest:hidden@127.0.0.1/"
    assert bus_of("env:BROKER", {"BROKER": url}) == BusSettings(url)
    assert bus_of({"url": "env:BROKER", "topic": "acme"}, {"BROKER": url}) == BusSettings(url, "acme")
    assert bus_of(None, {"LIMEN_BUS": url}) == BusSettings(url)
    assert bus_of("memory:", {"LIMEN_BUS": url}) == BusSettings(url)
    assert bus_of({"url": "memory:", "topic": "acme"}, {"LIMEN_BUS": url}) == BusSettings(url, "acme")
    assert faults({"bus": "env:ABSENT"}) == {"/bus": "limen.yml: the environment variable ABSENT is not set"}


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (3, "/bus"),
        ("", "/bus"),
        ("mqtt://u:hidden@h", "/bus"),
        ("hidden", "/bus"),
        ({"topic": "acme"}, "/bus/url"),
        ({"url": "mqtt://u:hidden@h"}, "/bus/url"),
        ({"url": "memory:", "topic": "a.b"}, "/bus/topic"),
        ({"url": "memory:", "format": "xml"}, "/bus/format"),
        ({"url": "memory:", "flows": ["logout"]}, "/bus/flows/0"),
        ({"url": "memory:", "types": "FlowCompleted"}, "/bus/types"),
        ({"url": "memory:", "personal_data": "yes"}, "/bus/personal_data"),
        ({"url": "memory:", "topics": "acme"}, "/bus/topics"),
    ],
)
def test_a_bus_that_cannot_be_is_refused_without_its_url(value: Any, pointer: str) -> None:
    found = faults({"bus": value})
    assert list(found) == [pointer]
    assert found[pointer].startswith("limen.yml: ")
    assert "hidden" not in found[pointer]


def test_the_url_is_shown_nowhere() -> None:
    configuration = read(KRATOS, {"bus": "nats://u:hidden@127.0.0.1"}, env={})
    assert "hidden" not in repr(configuration)
    assert "hidden" not in json.dumps([configuration.document, configuration.secret_document])
