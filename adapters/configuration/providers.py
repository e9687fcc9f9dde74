"""Providers: reads `selfservice.methods.oidc.config.providers`. Source: what Kratos accepts."""

from collections.abc import Mapping, Sequence
from typing import Any

from limen.adapters.configuration.apple_key import signing_key
from limen.adapters.configuration.draft import Draft, TemplateSource
from limen.adapters.configuration.findings import join, section
from limen.adapters.configuration.presets import PRESETS
from limen.adapters.configuration.web_hook import read_template

POINTER = "/selfservice/methods/oidc/config/providers"
_APPLE = ("apple_team_id", "apple_private_key_id", "apple_private_key")
_LATER = ("organization_id", "aal2_acr_values", "aal2_amr_values", "fedcm_config_url", "net_id_token_origin_header")


def read_providers(draft: Draft) -> None:
    """Checks every provider, and gets the mapper of each that is switched on."""
    oidc = section(draft.document, "selfservice", "methods", "oidc")
    seen: set[str] = set()
    for position, provider in enumerate(_listed(section(oidc, "config").get("providers"))):
        here = join(POINTER, position)
        if not isinstance(provider, Mapping):
            continue
        name = str(provider.get("id"))
        if name in seen:
            draft.findings.fault(join(here, "id"), "stands twice: an account at a provider is kept under its id")
        seen.add(name)
        _check_keys(draft, provider, here)
        if oidc.get("enabled") is True:  # what is switched off may be half finished
            _check_kind(draft, provider, here)
            _check_apple_key(draft, provider, join(here, "apple_private_key"))
            _read_mapper(draft, provider.get("mapper_url"), join(here, "mapper_url"))


def with_mappers(config: Mapping[str, Any], contents: Mapping[str, str]) -> dict[str, Any]:
    """The configuration of the method, with the source of each mapper in place of where it was found."""
    providers = [
        {**provider, "mapper_url": contents.get(join(POINTER, position, "mapper_url"), "")}
        for position, provider in enumerate(_listed(config.get("providers")))
    ]
    return {**config, "providers": providers}


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _check_keys(draft: Draft, provider: Mapping[str, Any], here: str) -> None:
    kind = provider.get("provider")
    needed = _APPLE if kind == "apple" else ("client_secret",)
    needed = (*needed, "microsoft_tenant") if kind == "microsoft" else needed
    refused = ("client_secret",) if kind == "apple" else _APPLE
    refused = refused if kind == "microsoft" else (*refused, "microsoft_tenant")
    for key in needed:
        if key not in provider:
            draft.findings.fault(join(here, key), "is missing")
    for key in refused:
        if provider.get(key):
            draft.findings.fault(join(here, key), "does not belong to this provider")
    if provider.get("subject_source") == "me" and kind != "microsoft":
        draft.findings.fault(join(here, "subject_source"), "'me' is asked of Microsoft, with this provider's token")
    for key in _LATER:
        if provider.get(key):
            draft.findings.ignore(join(here, key))


def _check_kind(draft: Draft, provider: Mapping[str, Any], here: str) -> None:
    """A provider that nobody could sign in through is refused, not ignored: its button would lead nowhere."""
    preset, place = PRESETS.get(str(provider.get("provider"))), join(here, "provider")
    if preset is None and any(fault.path == place for fault in draft.findings.faults):
        return
    if preset is None:
        draft.findings.fault(join(here, "provider"), f"is not built yet; there are {', '.join(sorted(PRESETS))}")
    elif preset.issuer is None and "{issuer}" in (preset.userinfo_url or "{issuer}") and not provider.get("issuer_url"):
        draft.findings.fault(join(here, "issuer_url"), "is missing: its endpoints are found there")


def _check_apple_key(draft: Draft, provider: Mapping[str, Any], here: str) -> None:
    key = provider.get("apple_private_key")
    if provider.get("provider") != "apple" or not isinstance(key, str):
        return
    try:
        signing_key(key)
    except ValueError as fault:
        draft.findings.fault(here, str(fault))


def _read_mapper(draft: Draft, url: Any, here: str) -> None:
    if not isinstance(url, str):
        return
    source = read_template(url, here, draft.content, draft.findings)
    if source is not None:
        draft.contents[here] = source
        draft.templates.append(TemplateSource(here, here, source, mapper=True))
