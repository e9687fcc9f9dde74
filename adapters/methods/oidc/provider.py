"""Provider: one entry of `selfservice.methods.oidc.config.providers`, with what its preset knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limen.adapters.configuration.presets import PRESETS, Preset


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
    scope: tuple[str, ...] = ()
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
            auth_url=config.get("auth_url") or preset.auth_url,
            token_url=config.get("token_url") or preset.token_url,
            scope=tuple(dict.fromkeys((*preset.scope, *config.get("scope", ())))),
            pkce=config.get("pkce", "auto"),
            claims_source=config.get("claims_source", "id_token"),
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
