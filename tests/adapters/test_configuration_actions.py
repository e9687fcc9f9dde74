"""Actions in a file: where each may stand, what its config may say, and what is only named as ignored."""

import base64
import json
from typing import Any

import pytest

from limen.adapters.configuration import examine, read

SCHEMA = {"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": {"type": "string"}}}}}
SCHEMA_URI = "base64://" + base64.b64encode(json.dumps(SCHEMA).encode()).decode()
LOGIN_AFTER = "/selfservice/flows/login/after/hooks/0"


def a_file(**sections: Any) -> dict[str, Any]:
    return {"identity": {"schemas": [{"id": "default", "url": SCHEMA_URI}]}, **sections}


def faults(document: Any, **options: Any) -> dict[str, str]:
    return {fault.path: fault.message for fault in examine(document, env={}, **options).faults}


def with_hooks(flow: str, phase: str, *entries: Any, method: str | None = None) -> dict[str, Any]:
    listed: dict[str, Any] = {"hooks": list(entries)}
    return a_file(selfservice={"flows": {flow: {phase: {method: listed} if method else listed}}})


def a_web_hook(**config: Any) -> dict[str, Any]:
    return {"hook": "web_hook", "config": {"url": "https://crm.example/hook", "method": "POST", **config}}


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("flow", ["login", "registration", "recovery", "verification", "settings"])
def test_the_short_form_is_refused_and_the_full_form_shown(flow: str, phase: str) -> None:
    found = faults(a_file(selfservice={"flows": {flow: {phase: [{"hook": "session"}]}}}))
    full = f"a list directly here is not read; the full form is {phase}: {{hooks: [{{hook: …, config: {{…}}}}, …]}}"
    assert found == {f"/selfservice/flows/{flow}/{phase}": full}


def test_the_short_form_of_a_method_is_refused_too() -> None:
    found = faults(a_file(selfservice={"flows": {"login": {"after": {"password": [a_web_hook()]}}}}))
    assert "password: {hooks: [" in found["/selfservice/flows/login/after/password"]


@pytest.mark.parametrize("flow", ["recovery", "verification"])
@pytest.mark.parametrize("method", ["code", "link"])
def test_recovery_and_verification_have_one_list_each(flow: str, method: str) -> None:
    found = faults(with_hooks(flow, "after", a_web_hook(), method=method))
    message = f"{flow} has one list, whatever the method: put the hooks under after.hooks"
    assert found == {f"/selfservice/flows/{flow}/after/{method}": message}


def test_a_method_the_flow_does_not_know_is_refused() -> None:
    found = faults(with_hooks("registration", "after", a_web_hook(), method="totp"))
    assert set(found) == {"/selfservice/flows/registration/after/totp"}


@pytest.mark.parametrize(
    ("flow", "phase", "hook"),
    [
        ("login", "before", "session"),
        ("login", "after", "session"),
        ("settings", "after", "revoke_active_sessions"),
        ("recovery", "after", "b2b_sso"),
        ("registration", "after", "require_verified_address"),
        ("registration", "after", "two_step_registration"),
        ("login", "after", "hook_1"),
    ],
)
def test_a_misplaced_or_unknown_action_is_refused(flow: str, phase: str, hook: str) -> None:
    found = faults(with_hooks(flow, phase, {"hook": hook}) | {"secrets": {"cookie": ["x" * 16]}})
    pointer = f"/selfservice/flows/{flow}/{phase}/hooks/0/hook"
    assert set(found) == {pointer}
    assert f"'{hook}'" in found[pointer]


def test_an_application_makes_its_own_names_known() -> None:
    document = with_hooks("login", "after", {"hook": "hook_1", "config": {"id": "one", "any": 1}})
    (action,) = read(document, env={}, hooks={"hook_1": ["login.before", "login.after"]}).flows["login"].after  # type: ignore[index]
    assert (action.hook, action.id, action.web_hook, action.config) == ("hook_1", "one", None, {"id": "one", "any": 1})
    assert set(faults(document, hooks={"hook_1": ["login.before"]})) == {f"{LOGIN_AFTER}/hook"}


def test_an_application_cannot_take_the_name_of_a_built_in_action() -> None:
    with pytest.raises(ValueError, match="'session' is a built-in action"):
        read(a_file(), env={}, hooks={"session": ["login.after"]})


@pytest.mark.parametrize(
    ("entry", "pointer", "message"),
    [
        ("session", "", "must be an object, not a text"),
        ({}, "/hook", "is missing"),
        ({"hook": "web_hook"}, "/config", "is missing"),
        ({"hook": "web_hook", "config": []}, "/config", "must be an object, not a list"),
        ({"hook": "revoke_active_sessions", "config": {}}, "/config", "'revoke_active_sessions' has no config"),
        (a_web_hook() | {"url": "https://x"}, "/url", "unknown key"),
        ({"hook": "web_hook", "config": {"method": "POST"}}, "/config/url", "is missing"),
        (a_web_hook(uri="x"), "/config/uri", "unknown key; did you mean 'url'?"),
        (a_web_hook(url="/hook"), "/config/url", "must be an absolute http or https URL"),
        (a_web_hook(url="ftp://x/"), "/config/url", "must be an absolute http or https URL"),
        (a_web_hook(url="http:///x"), "/config/url", "must be an absolute http or https URL"),
        (a_web_hook(url="http://[::1/"), "/config/url", "must be an absolute http or https URL"),
        (a_web_hook(url="http://a b/"), "/config/url", "must be an absolute http or https URL"),
        (a_web_hook(url="http://{a}/"), "/config/url", "must be an absolute http or https URL"),
        (a_web_hook(method="FETCH"), "/config/method", "must be one of GET, HEAD"),
        (a_web_hook(method=1), "/config/method", "must be a text"),
        (a_web_hook(headers={"Content-Type": "text/plain"}), "/config/headers/Content-Type", "must be app"),
        (a_web_hook(headers={"content-type": "json"}), "/config/headers/content-type", "must be application/json or"),
        (a_web_hook(headers={"X Y": "1"}), "/config/headers/X Y", "is no name of a header"),
        (a_web_hook(headers={"X": "a\r\nb: c"}), "/config/headers/X", "must be one line"),
        (a_web_hook(headers={"X": "1", "x": "2"}), "/config/headers/x", "stands twice"),
        (a_web_hook(headers={"X": 1}), "/config/headers/X", "must be a text, not a number"),
        (a_web_hook(auth={"type": "bearer", "config": {}}), "/config/auth/type", "must be one of api_key, basic_auth"),
        (a_web_hook(auth={"type": "basic_auth"}), "/config/auth/config", "is missing"),
        (
            a_web_hook(auth={"type": "basic_auth", "config": {"user": "u"}}),
            "/config/auth/config/password",
            "is missing",
        ),
        (
            a_web_hook(auth={"type": "basic_auth", "config": {"user": "u", "password": "p", "in": "header"}}),
            "/config/auth/config/in",
            "unknown key",
        ),
        (
            a_web_hook(auth={"type": "api_key", "config": {"name": "n", "value": "v", "in": "query"}}),
            "/config/auth/config/in",
            "must be one of header, cookie",
        ),
        (
            a_web_hook(auth={"type": "api_key", "config": {"name": "a b", "value": "v", "in": "header"}}),
            "/config/auth/config/name",
            "is no name of a header or cookie",
        ),
        (a_web_hook(response={"parse": "yes"}), "/config/response/parse", "must be true or false, not a text"),
        (a_web_hook(response={"skip": True}), "/config/response/skip", "unknown key"),
        (a_web_hook(response={"ignore": True, "parse": True}), "/config/response", "ignore and response.parse exclude"),
        (
            a_web_hook(response={"ignore": True}, can_interrupt=True),
            "/config/response",
            "ignore and can_interrupt exclude each other",
        ),
        (a_web_hook(body="base64://!!"), "/config/body", "is not base64 in the standard alphabet"),
        (a_web_hook(body="base64://_-8="), "/config/body", "is not base64 in the standard alphabet"),
        (a_web_hook(body="base64:///w=="), "/config/body", "is not UTF-8 text"),
        (a_web_hook(body="file://nowhere.jsonnet"), "/config/body", "the file cannot be read"),
        (a_web_hook(body="s3://bucket/x"), "/config/body", "must begin with base64://, file://, http:// or https://"),
    ],
)
def test_a_faulty_entry_is_refused_where_it_is_wrong(entry: Any, pointer: str, message: str) -> None:
    found = faults(with_hooks("login", "after", entry))
    assert list(found) == [LOGIN_AFTER + pointer]
    assert found[LOGIN_AFTER + pointer].startswith(message)


def test_braces_in_the_path_or_query_of_a_url_are_sent_escaped() -> None:
    document = with_hooks("login", "before", a_web_hook(url="https://a.b/{x}?y={z}&w=%7B"))
    (action,) = read(document, env={}).flows["login"].before  # type: ignore[index]
    assert action.web_hook is not None
    assert action.web_hook.url == "https://a.b/%7Bx%7D?y=%7Bz%7D&w=%7B"


def test_duplicate_entries_of_one_list_are_refused() -> None:
    found = faults(with_hooks("login", "after", a_web_hook(id="a"), a_web_hook(id="b"), a_web_hook(id="a")))
    assert found == {"/selfservice/flows/login/after/hooks/2": "is the same as entry 0 of this list"}


def test_the_same_action_may_stand_in_two_lists() -> None:
    flow = {"before": {"hooks": [a_web_hook(id="a")]}, "after": {"hooks": [a_web_hook(id="a")]}}
    assert faults(a_file(selfservice={"flows": {"login": flow}})) == {}


@pytest.mark.parametrize("method", [None, "password", "oidc"])
def test_session_needs_a_secret_that_signs(method: str | None) -> None:
    document = with_hooks("registration", "after", {"hook": "session"}, method=method)
    pointer = f"/selfservice/flows/registration/after/{f'{method}/' if method else ''}hooks/0"
    assert faults(document) == {pointer: "'session' needs secrets.cookie or secrets.default"}
    assert faults(document | {"secrets": {"cipher": ["x" * 32]}}) != {}
    for name in ("cookie", "default"):
        assert faults(document | {"secrets": {name: ["x" * 16]}}) == {}


def test_what_is_deprecated_warns() -> None:
    document = with_hooks("login", "after", {"hook": "verification"}, a_web_hook(can_interrupt=True))
    reading = examine(document, env={})
    assert reading.faults == ()
    assert [warning.split(": ")[0] for warning in reading.warnings] == [
        LOGIN_AFTER,
        "/selfservice/flows/login/after/hooks/1/config/can_interrupt",
    ]
    assert LOGIN_AFTER not in reading.ignored


@pytest.mark.parametrize(
    ("flow", "method", "hook", "ignored"),
    [
        ("registration", "password", "show_verification_ui", False),
        ("registration", "password", "verification", False),
        ("settings", "profile", "notify_previous_addresses", False),
        ("login", "password", "organization", True),
        ("login", "password", "require_verified_address", False),
    ],
)
def test_an_action_that_is_not_performed_yet_is_named_as_ignored(
    flow: str, method: str, hook: str, ignored: bool
) -> None:
    reading = examine(with_hooks(flow, "after", {"hook": hook}, method=method), env={})
    assert reading.faults == ()
    assert (f"/selfservice/flows/{flow}/after/{method}/hooks/0" in reading.ignored) is ignored
