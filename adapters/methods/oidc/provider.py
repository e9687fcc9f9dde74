"""Provider: one entry of `selfservice.methods.oidc.config.providers`, with what its preset knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from limen.adapters.configuration.presets import PRESETS, Preset

OFFLINE: Final = "offline_access"
"""The scope for tokens that outlive the visit (OIDC Core §11). Some providers have parameters for that."""


@dataclass(frozen=True, slots=True)
class AppleKey:
    """What Apple's client secret is signed with."""

    team: str
    id: str
    pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """A configured provider. `mapper` is Jsonnet; `audiences` are further clients whose ID tokens count."""

    id: str
    kind: str
    label: str
    client_id: str
    client_secret: str = field(repr=False)
    mapper: str = field(repr=False)
    preset: Preset
    issuer: str | None = None
    auth_url: str | None = None
    token_url: str | None = None
    userinfo_url: str | None = None
    scope: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    pkce: str = "auto"
    claims_source: str = "id_token"
    subject_source: str = "userinfo"
    requested_claims: Mapping[str, Any] = field(default_factory=dict)
    audiences: tuple[str, ...] = ()
    linking_automatic: bool = False
    updates_identity: bool = False
    apple_key: AppleKey | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Provider":
        """The provider of a checked configuration."""
        preset = PRESETS[config["provider"]]
        issuer = config.get("issuer_url") or preset.issuer
        if issuer is not None and config["provider"] == "microsoft":
            issuer = issuer.replace("{tenant}", config["microsoft_tenant"])
        if preset.auth_url is not None:  # it gives no ID tokens: where it is, is the beginning of its addresses
            issuer, base = None, (issuer or "").rstrip("/")
        else:
            base = ""
        key = config.get("apple_private_key")
        return cls(
            id=config["id"],
            kind=config["provider"],
            label=config.get("label") or config["id"],
            client_id=config["client_id"],
            client_secret=config.get("client_secret", ""),
            mapper=config["mapper_url"],
            preset=preset,
            issuer=issuer,
            auth_url=config.get("auth_url") or _at(preset.auth_url, base),
            token_url=config.get("token_url") or _at(preset.token_url, base),
            userinfo_url=_at(preset.userinfo_url, base),
            scope=_asked(preset, config.get("scope", ())),
            parameters={**preset.parameters, **(preset.offline if OFFLINE in config.get("scope", ()) else {})},
            pkce=config.get("pkce", "auto"),
            claims_source=config.get("claims_source") or preset.claims_source,
            subject_source=config.get("subject_source", "userinfo"),
            requested_claims=config.get("requested_claims", {}),
            audiences=tuple(config.get("additional_id_token_audiences", ())),
            linking_automatic=config.get("account_linking_mode") == "automatic",
            updates_identity=config.get("update_identity_on_login") == "automatic",
            apple_key=AppleKey(config["apple_team_id"], config["apple_private_key_id"], key) if key else None,
        )

    @property
    def speaks_oidc(self) -> bool:
        """Whether it gives ID tokens. The others' APIs say who somebody is."""
        return self.issuer is not None


def _at(url: str | None, base: str) -> str | None:
    return url and url.replace("{issuer}", base)


def _asked(preset: Preset, configured: Sequence[str]) -> tuple[str, ...]:
    """The scopes to ask for, each under the name that it has there, once."""
    names = {**preset.scopes, **({OFFLINE: None} if preset.offline else {})}
    theirs = (*preset.scope, *(names.get(name, name) for name in configured))
    return tuple(dict.fromkeys(name for name in theirs if name is not None))
