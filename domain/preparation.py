"""Preparation: an action and its rendered body become the HTTP request to send. Pure.

Source: Kratos 26.2.0 (content types, credentials, form encoding), Standard Webhooks (the payload without a template).
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote_plus
from uuid import UUID

from limen.domain.action import Action, Auth, WebHook
from limen.domain.ports import PreparedRequest
from limen.domain.templating import TemplateFailed

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

_FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "trailer"})
"""Headers that belong to the connection: the caller sets them, what a configuration says of them is dropped."""
_SECRETIVE: Final = re.compile(r"auth|cookie|token|secret|password|session|signature|api-?key|-key$")


def prepare(
    action: Action,
    rendered: bytes | None,
    *,
    trigger_id: UUID,
    ctx: Mapping[str, Any],
    method: str | None,
    at: datetime,
) -> PreparedRequest:
    """The request of a `web_hook`.

    `rendered` is the JSON text its template gave, None where it has no template: then the body is `standard_payload`,
    made from `ctx`, the flow's `method` and the time `at`. Raises `TemplateFailed` when the body cannot be a form.
    """
    hook = action.web_hook
    if hook is None:
        raise ValueError(f"action '{action.id}' is no web_hook")
    if rendered is None:
        rendered = standard_payload(_place(action.source), ctx, method, at)
    headers = _headers(hook)
    verb = hook.method.upper()
    return PreparedRequest(
        method=verb,
        url=hook.url,
        headers=tuple(headers),
        body=None if verb == "TRACE" else _body(rendered, headers, action.id),
        trigger_id=trigger_id,
        credentials=_credentials(hook, headers),
        signing_secrets=action.settings.signing_secrets,
    )


def standard_payload(place: Sequence[str], ctx: Mapping[str, Any], method: str | None, at: datetime) -> bytes:
    """`{"type": "login.after.password", "timestamp": …, "data": {…}}`, as Standard Webhooks recommends it.

    `place` is the action's flow and phase. A failed login says its `reason` too; a logout, which is of no flow, its
    `session_id`.
    """
    flow, identity = ctx.get("flow") or {}, ctx.get("identity") or {}
    data = {"identity_id": identity.get("id")}
    if place[-1:] == ["logout"]:
        data = {"session_id": ctx["session"]["id"], **data}
    else:
        data = {"flow_id": flow.get("id"), "flow_type": flow.get("type"), "method": method, **data}
    if place[-1:] == ["failed"]:
        data["reason"] = ctx["reason"]
    payload = {
        "type": ".".join([*place, *([method] if method and place[-1] in ("after", "failed") else [])]),
        "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": {name: None if value is None else str(value) for name, value in data.items()},
    }
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def _place(source: str) -> list[str]:
    """Flow and phase of an action from where it stands: a list of the configuration, or a trigger of `limen.yml`."""
    parts = source.split("/")
    if parts[1] == "triggers":
        return ["logout"] if parts[2] == "logout" else ["login", "failed"]
    return parts[3:5]


def form_body(rendered: bytes, name: str) -> bytes:
    """A flat JSON object of strings as a form, keys sorted. Raises `TemplateFailed` for anything else."""
    values = json.loads(rendered)
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise TemplateFailed(f"{name}: a form takes a flat object of strings")
    # Go's url.Values.Encode, which Kratos uses, sorts by key; str and UTF-8 sort alike
    return "&".join(f"{quote_plus(key)}={quote_plus(values[key])}" for key in sorted(values)).encode()


def _body(rendered: bytes, headers: Iterable[tuple[str, str]], name: str) -> bytes:
    kind = next(value for header, value in headers if header.lower() == "content-type")
    return form_body(rendered, name) if kind.partition(";")[0].strip().lower() == FORM else rendered


def _headers(hook: WebHook) -> list[tuple[str, str]]:
    """The fixed headers, then the content type and the credentials, which replace one of the same name."""
    headers = [(name, value) for name, value in hook.headers.items() if name.lower() not in _FRAMING]
    if not any(name.lower() == "content-type" and value for name, value in headers):
        headers = [*_without(headers, "content-type"), ("Content-Type", JSON)]
    if hook.auth is None:
        return headers
    name, value = _credential(hook.auth)
    if name == "Cookie":
        before = "; ".join(held for header, held in headers if header.lower() == "cookie")
        value = f"{before}; {value}" if before else value
    return [*_without(headers, name), (name, value)]


def _without(headers: Iterable[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    return [(header, value) for header, value in headers if header.lower() != name.lower()]


def _credential(auth: Auth) -> tuple[str, str]:
    if auth.kind == "basic_auth":
        return "Authorization", "Basic " + base64.b64encode(f"{auth.name}:{auth.secret}".encode()).decode()
    if auth.place == "cookie":
        return "Cookie", f"{auth.name}={_cookie_value(auth.secret)}"
    return auth.name, auth.secret


def _cookie_value(value: str) -> str:
    """RFC 6265 §4.1.1, as Go writes it: what a cookie cannot hold is left out, blanks and commas are quoted."""
    kept = "".join(character for character in value if " " <= character < "\x7f" and character not in '";\\')
    return f'"{kept}"' if " " in kept or "," in kept else kept


def _credentials(hook: WebHook, headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The names of headers that are credentials: those of `auth`, and fixed ones whose name says so."""
    named = {name.lower() for name, _ in headers if _SECRETIVE.search(name.lower())}
    if hook.auth is not None:
        named.add(_credential(hook.auth)[0].lower())
    return tuple(sorted(named))
