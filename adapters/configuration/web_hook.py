"""Web hook: reads the `config` of a `web_hook` action. Source: Ory's page on webhooks, and what Kratos accepts."""

import re
from collections.abc import Mapping
from typing import Any

from limen.adapters.configuration.check import check
from limen.adapters.configuration.draft import Draft, TemplateSource, masked_url
from limen.adapters.configuration.findings import Findings, join, section
from limen.adapters.configuration.key_parts import AUTH, SECRET_HEADERS
from limen.adapters.configuration.shape import BOOL, SECRET, TEXT, Later, Leaf, Shape, one_of, unless
from limen.adapters.configuration.uri import Content, ContentUnavailable
from limen.adapters.configuration.values import escaped, is_hook_url
from limen.domain.action import Auth, WebHook

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
CONTENT_TYPES = ("application/json", "application/x-www-form-urlencoded")
WEB_HOOK: Shape = {
    "id": Leaf("text", 1, 200),
    "url!": Leaf("hook_url"),
    "method": TEXT,
    "body": TEXT,
    "headers": SECRET_HEADERS,
    "auth": AUTH,
    "response": {"ignore": BOOL, "parse": BOOL},
    "can_interrupt": BOOL,
    "emit_analytics_event": Later(BOOL, unless(False)),
}
_AUTH_CONFIG: Mapping[str, Shape] = {
    "basic_auth": {"user!": TEXT, "password!": SECRET},
    "api_key": {"name!": Leaf("text", 1), "value!": SECRET, "in!": one_of("header", "cookie")},
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def read_web_hook(draft: Draft, config: Any, pointer: str) -> WebHook | None:
    """The web hook at `pointer`, or None when it has a fault that leaves nothing to build."""
    before = len(draft.findings.faults)
    check(WEB_HOOK, config, pointer, draft.findings, draft.mask)
    if not isinstance(config, Mapping):
        return None
    _check_method(draft, config.get("method"), pointer)
    _check_headers(draft, section(config, "headers"), join(pointer, "headers"))
    _check_auth(draft, section(config, "auth"), join(pointer, "auth"))
    _check_response(draft, config, pointer)
    template = _read_template(draft, config.get("body"), pointer)
    url = config.get("url")
    if isinstance(url, str) and is_hook_url(url) and masked_url(url) != url:
        draft.mask(join(pointer, "url"), url)
    return _build(config, template, pointer) if len(draft.findings.faults) == before else None


def _build(config: Mapping[str, Any], template: str | None, pointer: str) -> WebHook:
    response = section(config, "response")
    return WebHook(
        url=escaped(config["url"]),
        method=config.get("method", "POST").upper(),
        template=template,
        template_name=join(pointer, "body"),
        headers=dict(config.get("headers", {})),
        auth=_build_auth(section(config, "auth")),
        parse=response.get("parse", False),
        ignore=response.get("ignore", False),
        can_interrupt=config.get("can_interrupt", False),
    )


def _build_auth(auth: Mapping[str, Any]) -> Auth | None:
    if not auth:
        return None
    config = auth["config"]
    if auth["type"] == "basic_auth":
        return Auth("basic_auth", config["user"], config["password"])
    return Auth("api_key", config["name"], config["value"], config["in"])


def _check_method(draft: Draft, method: Any, pointer: str) -> None:
    if isinstance(method, str) and method.upper() not in METHODS:
        draft.findings.fault(join(pointer, "method"), f"must be one of {', '.join(METHODS)}")


def _check_headers(draft: Draft, headers: Mapping[str, Any], pointer: str) -> None:
    seen: set[str] = set()
    for name, value in headers.items():
        here = join(pointer, name)
        if not _TOKEN.fullmatch(name):
            draft.findings.fault(here, "is no name of a header")
        if name.lower() in seen:
            draft.findings.fault(here, "stands twice; names of headers do not tell upper from lower case")
        seen.add(name.lower())
        if not isinstance(value, str):
            continue
        if _CONTROL.search(value):
            draft.findings.fault(here, "must be one line")
        if name.lower() == "content-type" and value.partition(";")[0].strip().lower() not in CONTENT_TYPES:
            draft.findings.fault(here, f"must be {' or '.join(CONTENT_TYPES)}")


def _check_auth(draft: Draft, auth: Mapping[str, Any], pointer: str) -> None:
    kind = auth.get("type")
    if not isinstance(kind, str) or kind not in _AUTH_CONFIG or not isinstance(auth.get("config"), Mapping):
        return
    check(_AUTH_CONFIG[kind], auth["config"], join(pointer, "config"), draft.findings, draft.mask)
    if kind == "api_key":
        name, value = auth["config"].get("name"), auth["config"].get("value")
        if isinstance(name, str) and name and not _TOKEN.fullmatch(name):
            draft.findings.fault(join(pointer, "config", "name"), "is no name of a header or cookie")
        if isinstance(value, str) and _CONTROL.search(value):
            draft.findings.fault(join(pointer, "config", "value"), "must be one line")


def _check_response(draft: Draft, config: Mapping[str, Any], pointer: str) -> None:
    response = section(config, "response")
    if config.get("can_interrupt") is True:
        draft.findings.warn(join(pointer, "can_interrupt"), "is deprecated; write response.parse instead")
    if response.get("ignore") is not True:
        return
    for name, asked in (("response.parse", response.get("parse")), ("can_interrupt", config.get("can_interrupt"))):
        if asked is True:
            draft.findings.fault(
                join(pointer, "response"), f"ignore and {name} exclude each other: an ignored answer is never read"
            )


def _read_template(draft: Draft, body: Any, pointer: str) -> str | None:
    if not isinstance(body, str):
        return None
    here = join(pointer, "body")
    template = read_template(body, here, draft.content, draft.findings)
    if template is not None:
        draft.contents[here] = template
        draft.templates.append(TemplateSource(here, here, template))
    return template


def read_template(body: str, pointer: str, content: Content, findings: Findings) -> str | None:
    """The Jsonnet source behind the URI of a `body`, or None and a fault."""
    if not _SCHEME.match(body):
        findings.warn(pointer, "a bare path is deprecated; write file:// before it")
    try:
        return content.text(body)
    except ContentUnavailable as error:
        findings.fault(pointer, str(error))
        return None
