"""Model: builds the `Configuration` from a file that has no fault. Defaults are Kratos' own unless said otherwise."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from limen.adapters.configuration.draft import Draft
from limen.adapters.configuration.findings import section
from limen.adapters.configuration.hooks import by_slot
from limen.adapters.configuration.providers import with_mappers
from limen.adapters.configuration.values import parse_duration, parse_size
from limen.domain.action import Action
from limen.domain.configuration import (
    SESSION_COOKIE,
    Configuration,
    CourierSettings,
    FlowKind,
    FlowSettings,
    HasherSettings,
    HttpGuard,
    KeySecrets,
    MethodSettings,
    Slot,
)
from limen.domain.placement import LIST_METHODS

_ENABLED_FLOWS = (FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS)
_ENABLED_METHODS = ("password", "code", "profile")
_METHODS = (*_ENABLED_METHODS, "link", "totp", "lookup_secret", "webauthn", "passkey", "oidc")
_HIGHEST = "highest_available"
_BASE_URL = "http://127.0.0.1:4433/"
Lists = Mapping[Slot, tuple[Action, ...]]


def build(
    draft: Draft,
    lists: Lists,
    schemas: Mapping[str, Mapping[str, Any]],
    documents: tuple[Mapping[str, Any], Mapping[str, Any]],
    ignored: tuple[str, ...],
    warnings: tuple[str, ...],
) -> Configuration:
    """The configuration. `documents` are the canonical document and the secrets masked in it."""
    file = draft.document
    selfservice, session = section(file, "selfservice"), section(file, "session")
    return Configuration(
        flows={flow: _flow(flow, section(selfservice, "flows", flow), lists) for flow in FlowKind},
        methods={name: _method(name, section(selfservice, "methods", name), draft) for name in _METHODS},
        schemas=schemas,
        default_schema=section(file, "identity").get("default_schema_id", "default"),
        selectable_schemas=_selectable(section(file, "identity")),
        base_url=section(file, "serve", "public").get("base_url", _BASE_URL),
        default_return_url=selfservice.get("default_browser_return_url"),
        allowed_return_urls=tuple(selfservice.get("allowed_return_urls", ())),
        session_lifespan=_duration(session, "lifespan", timedelta(hours=24)),
        session_cookie=section(session, "cookie").get("name") or SESSION_COOKIE,
        whoami_required_aal=section(session, "whoami").get("required_aal", _HIGHEST),
        mitigates_enumeration=section(file, "security", "account_enumeration").get("mitigate"),
        secrets=_secrets(section(file, "secrets")),
        guard=_guard(section(file, "clients")),
        hasher=_hasher(section(file, "hashers")),
        courier=_courier(section(file, "courier", "smtp")),
        settings=draft.settings,
        hooks=by_slot(draft.hooks),
        triggers=draft.triggers.lists,
        document=documents[0],
        secret_document=documents[1],
        ignored=ignored,
        warnings=warnings,
    )


def _selectable(identity: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(one["id"] for one in identity["schemas"] if one.get("selfservice_selectable") is True)


def _duration(values: Mapping[str, Any], key: str, default: timedelta) -> timedelta:
    return parse_duration(values[key]) or timedelta(0) if key in values else default


def _flow(flow: FlowKind, values: Mapping[str, Any], lists: Lists) -> FlowSettings:
    after = section(values, "after")
    methods = LIST_METHODS[flow]
    urls = {name: section(after, name).get("default_browser_return_url") for name in methods}
    return FlowSettings(
        enabled=values.get("enabled", flow in _ENABLED_FLOWS),
        lifespan=_duration(values, "lifespan", timedelta(hours=1)),
        ui_url=values.get("ui_url"),
        before=lists[Slot(flow, "before")],
        after=lists[Slot(flow, "after")],
        after_methods={name: lists[Slot(flow, "after", name)] for name in methods if lists[Slot(flow, "after", name)]},
        return_url=after.get("default_browser_return_url"),
        return_urls={name: url for name, url in urls.items() if url is not None},
        use=values.get("use", "code"),
        notify_unknown_recipients=values.get("notify_unknown_recipients", False),
        privileged_session_max_age=_duration(values, "privileged_session_max_age", timedelta(hours=1)),
        required_aal=values.get("required_aal", _HIGHEST),
        style=_style(flow, values),
    )


def _style(flow: FlowKind, values: Mapping[str, Any]) -> str:
    """Registration asks in two steps unless told not to; the older key counts before the newer one (Kratos)."""
    if flow is not FlowKind.REGISTRATION:
        return str(values.get("style", "unified"))
    return "unified" if values.get("enable_legacy_one_step") is True else str(values.get("style", "profile_first"))


def _method(name: str, values: Mapping[str, Any], draft: Draft) -> MethodSettings:
    """A code that is passwordless is on, whatever `enabled` says: Kratos keeps an old file working so."""
    passwordless = values.get("passwordless_enabled", False)
    config = _method_config(section(values, "config"))
    return MethodSettings(
        enabled=values.get("enabled", name in _ENABLED_METHODS) or passwordless,
        passwordless_enabled=passwordless,
        mfa_enabled=values.get("mfa_enabled", False),
        config=with_mappers(config, draft.contents) if name == "oidc" else config,
    )


def _method_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The method's own settings, durations read."""
    return dict(config) | ({"lifespan": _duration(config, "lifespan", timedelta(0))} if "lifespan" in config else {})


def _secrets(values: Mapping[str, Any]) -> KeySecrets:
    return KeySecrets(*(tuple(values.get(name, ())) for name in ("default", "cookie", "cipher")))


def _guard(clients: Mapping[str, Any]) -> HttpGuard:
    http, names = section(clients, "http"), section(clients, "web_hook").get("header_allowlist")
    return HttpGuard(
        disallow_private_ip_ranges=http.get("disallow_private_ip_ranges", False),
        private_ip_exception_urls=tuple(http.get("private_ip_exception_urls", ())),
        header_allowlist=None if names is None else tuple(_canonical_header(name) for name in names),
    )


def _canonical_header(name: str) -> str:
    return "-".join(part.capitalize() for part in name.strip().split("-"))


def _hasher(values: Mapping[str, Any]) -> HasherSettings:
    argon2, default = section(values, "argon2"), HasherSettings()
    size = parse_size(argon2["memory"]) if "memory" in argon2 else None
    return HasherSettings(
        algorithm=values.get("algorithm", default.algorithm),
        memory=max(1, size // 1024) if size is not None else default.memory,
        iterations=argon2.get("iterations", default.iterations),
        parallelism=argon2.get("parallelism", default.parallelism),
        salt_length=argon2.get("salt_length", default.salt_length),
        key_length=argon2.get("key_length", default.key_length),
        cost=section(values, "bcrypt").get("cost", default.cost),
    )


def _courier(smtp: Mapping[str, Any]) -> CourierSettings:
    default = CourierSettings()
    return CourierSettings(
        connection_uri=smtp.get("connection_uri"),
        from_address=smtp.get("from_address", default.from_address),
        from_name=smtp.get("from_name", default.from_name),
        headers=dict(section(smtp, "headers")),
        local_name=smtp.get("local_name", default.local_name),
    )
