"""How a web hook's request is built from its configuration and its rendered body."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from limen.domain.action import Action, ActionSettings, Auth, WebHook
from limen.domain.ports import PreparedRequest
from limen.domain.preparation import prepare
from limen.domain.templating import TemplateFailed

TRIGGER = UUID("11111111-1111-4111-8111-111111111111")
AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
CTX: dict[str, Any] = {"flow": {"id": "f-1", "type": "api"}, "identity": {"id": "i-1"}}
FORM = "application/x-www-form-urlencoded"


def prepared(rendered: bytes | None = b"{}", *, method: str | None = "password", **hook: Any) -> PreparedRequest:
    source = hook.pop("source", "/selfservice/flows/login/after/password/hooks/0")
    settings = ActionSettings(signing_secrets=hook.pop("signing_secrets", ()))
    web_hook = WebHook(url="https://target.example/hook?k=v", **hook)
    action = Action("web_hook", "welcome", source, 0, web_hook, settings=settings)
    return prepare(action, rendered, trigger_id=TRIGGER, ctx=CTX, method=method, at=AT)


def test_a_rendered_body_is_sent_as_it_is() -> None:
    request = prepared(b'{\n   "a": 1\n}\n')
    assert (request.method, request.url, request.trigger_id) == ("POST", "https://target.example/hook?k=v", TRIGGER)
    assert request.headers == (("Content-Type", "application/json"),)
    assert request.body == b'{\n   "a": 1\n}\n'


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_every_method_but_trace_has_a_body(method: str) -> None:
    request = prepare(
        Action("web_hook", "a", "/selfservice/flows/login/before/hooks/0", 0, WebHook("http://t.example", method)),
        b"null\n",
        trigger_id=TRIGGER,
        ctx=CTX,
        method=None,
        at=AT,
    )
    assert (request.method, request.body) == (method, b"null\n")


def test_trace_has_none() -> None:
    hook = WebHook("http://t.example", "TRACE")
    action = Action("web_hook", "a", "/selfservice/flows/login/before/hooks/0", 0, hook)
    assert prepare(action, b"{}", trigger_id=TRIGGER, ctx=CTX, method=None, at=AT).body is None


class TestForm:
    @pytest.mark.parametrize("kind", [FORM, f"{FORM}; charset=utf-8", FORM.upper()])
    def test_a_flat_object_of_strings_is_sent_sorted_by_key(self, kind: str) -> None:
        request = prepared(b'{"b": "x", "a": "1 2&3", "\xc3\xa9": "~_.-*"}', headers={"Content-Type": kind})
        assert request.body == b"a=1+2%263&b=x&%C3%A9=~_.-%2A"
        assert ("Content-Type", kind) in request.headers

    @pytest.mark.parametrize("rendered", [b"null", b"[]", b'"a=b"', b'{"a": 1}', b'{"a": null}', b'{"a": {"b": "c"}}'])
    def test_anything_else_fails_without_saying_the_value(self, rendered: bytes) -> None:
        with pytest.raises(TemplateFailed) as failed:
            prepared(rendered, headers={"content-type": FORM})
        assert failed.value.detail == "welcome: a form takes a flat object of strings"


class TestCredentials:
    def test_basic_auth(self) -> None:
        request = prepared(auth=Auth("basic_auth", "u", "p"))
        assert dict(request.headers)["Authorization"] == "Basic dTpw"
        assert request.credentials == ("authorization",)

    def test_an_api_key_in_a_header_replaces_a_fixed_one(self) -> None:
        request = prepared(auth=Auth("api_key", "X-Mine", "k"), headers={"x-mine": "old", "X-Other": "o"})
        assert request.headers == (("X-Other", "o"), ("Content-Type", "application/json"), ("X-Mine", "k"))
        assert request.credentials == ("x-mine",)

    def test_an_api_key_in_a_cookie_joins_the_fixed_ones(self) -> None:
        request = prepared(auth=Auth("api_key", "key", 'a b;"', "cookie"), headers={"cookie": "x=1"})
        assert dict(request.headers)["Cookie"] == 'x=1; key="a b"'
        assert request.credentials == ("cookie",)

    def test_fixed_headers_that_sound_like_secrets_count_as_credentials(self) -> None:
        given = {"Authorization": "Bearer t", "X-Api-Key": "k", "X-Auth-Token": "t", "X-Tenant": "a"}
        assert prepared(headers=given).credentials == ("authorization", "x-api-key", "x-auth-token")

    def test_nothing_secret_is_shown(self) -> None:
        request = prepared(
            b'"body-s3cret"', auth=Auth("api_key", "X-Key", "header-s3cret"), signing_secrets=("sign-s3cret",)
        )
        assert "s3cret" not in repr(request)
        assert request.signing_secrets == ("sign-s3cret",)


def test_headers_that_belong_to_the_connection_are_left_to_the_caller() -> None:
    given = {"Host": "evil.example", "Content-Length": "7", "transfer-encoding": "chunked", "X-A": "a"}
    assert prepared(headers=given).headers == (("X-A", "a"), ("Content-Type", "application/json"))


class TestWithoutTemplate:
    @pytest.mark.parametrize(
        ("source", "method", "kind"),
        [
            ("/selfservice/flows/login/before/hooks/0", None, "login.before"),
            ("/selfservice/flows/login/after/hooks/2", "code", "login.after.code"),
            ("/selfservice/flows/settings/after/profile/hooks/0", "profile", "settings.after.profile"),
            ("/selfservice/flows/recovery/after/hooks/0", None, "recovery.after"),
        ],
    )
    def test_a_standard_webhooks_payload_is_sent(self, source: str, method: str | None, kind: str) -> None:
        body = prepared(None, source=source, method=method).body
        assert body is not None
        assert json.loads(body) == {
            "type": kind,
            "timestamp": "2026-03-01T12:30:00Z",
            "data": {"flow_id": "f-1", "flow_type": "api", "method": method, "identity_id": "i-1"},
        }

    def test_it_cannot_be_a_form(self) -> None:
        with pytest.raises(TemplateFailed, match="flat object"):
            prepared(None, headers={"Content-Type": FORM})
