"""Conditions: what no single key can say, because it takes two of them. Source: what Kratos accepts."""

from collections.abc import Mapping
from typing import Any

from limen.adapters.configuration.draft import Draft
from limen.adapters.configuration.findings import Findings, join, section
from limen.adapters.configuration.origins import origin_of

_METHODS = "/selfservice/methods"
_NEVER_PASSED = ("authorization", "cookie")


def check_conditions(draft: Draft) -> None:
    """Reports every pair of keys that does not go together, and what is ignored for want of a key."""
    methods = section(draft.document, "selfservice", "methods")
    _check_code(section(methods, "code"), draft.findings)
    _check_relying_party(methods, draft.findings)
    _check_allowlist(draft)
    _check_mail(draft)
    algorithm = section(draft.document, "ciphers").get("algorithm")
    if algorithm in ("aes", "xchacha20-poly1305") and not section(draft.document, "secrets").get("cipher"):
        draft.findings.fault("/ciphers/algorithm", "needs secrets.cipher")


def offered(document: Mapping[str, Any], use: Any) -> bool:
    """Whether the method that recovery or verification uses is on. A passwordless code is, whatever `enabled` says."""
    method = section(document, "selfservice", "methods", use) if isinstance(use, str) else {}
    return bool(method.get("enabled", use == "code") or (use == "code" and method.get("passwordless_enabled")))


def _check_code(code: Mapping[str, Any], findings: Findings) -> None:
    if code.get("passwordless_enabled") is True and code.get("mfa_enabled") is True:
        findings.fault(join(_METHODS, "code", "mfa_enabled"), "excludes passwordless_enabled: a code is one factor")


def _check_relying_party(methods: Mapping[str, Any], findings: Findings) -> None:
    for name in ("webauthn", "passkey"):
        if section(methods, name).get("enabled") is True and "config" not in section(methods, name):
            findings.fault(join(_METHODS, name, "config"), "is missing")
        elif section(methods, name).get("enabled") is True and "rp" not in section(methods, name, "config"):
            findings.fault(join(_METHODS, name, "config", "rp"), "is missing: an authenticator is told who asks")
        elif section(methods, name).get("enabled") is True:
            _check_origins(section(methods, name, "config", "rp"), join(_METHODS, name, "config", "rp"), findings)
    party = section(methods, "webauthn", "config", "rp")
    if "origin" in party and "origins" in party:
        findings.fault(join(_METHODS, "webauthn", "config", "rp", "origin"), "excludes origins; keep origins")


def _check_origins(party: Mapping[str, Any], here: str, findings: Findings) -> None:
    """A browser's answer names its origin: one that has more to it would never be met."""
    many = party.get("origins")
    given = [(join(here, "origins", at), one) for at, one in enumerate(many if isinstance(many, list) else ())]
    for pointer, one in [*given, (join(here, "origin"), party.get("origin"))]:
        if isinstance(one, str) and one and origin_of(one) is None:
            findings.fault(pointer, "is no origin: a scheme, a host and a port, such as https://app.example.org")


def _check_allowlist(draft: Draft) -> None:
    names = section(draft.document, "clients", "web_hook").get("header_allowlist")
    for position, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and name.strip().lower() in _NEVER_PASSED:
            here = join("/clients/web_hook/header_allowlist", position)
            draft.findings.warn(here, "is never passed on, whatever this list says")


def _check_mail(draft: Draft) -> None:
    flows = section(draft.document, "selfservice", "flows")
    mailing = [name for name in ("recovery", "verification") if section(flows, name).get("enabled") is True]
    for name in mailing:
        use = section(flows, name).get("use", "code")
        if use in ("link", "code") and not offered(draft.document, use):
            here = join("/selfservice/flows", name, "use")
            draft.findings.warn(here, f"selfservice.methods.{use} is not enabled: this flow offers nothing")
    if mailing and not section(draft.document, "courier", "smtp").get("connection_uri"):
        here = join("/selfservice/flows", mailing[0], "enabled")
        draft.findings.warn(here, "courier.smtp.connection_uri is missing: messages stay in this process's memory")
