"""Discovery: where a provider's endpoints are, and with which keys it signs (OpenID Connect Discovery 1.0 §4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from limen.adapters.methods.oidc.client import ProviderClient
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.issuer import describes
from limen.adapters.methods.oidc.provider import Provider
from limen.adapters.methods.oidc.published_keys import Keys, published

FRESH: Final = timedelta(hours=1)
"""How long what was discovered is good for."""
PATIENCE: Final = timedelta(seconds=10)
"""The least time between two looks for a key that is not there: else anybody's tokens would make us ask and ask."""
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that anybody can check and the provider alone can make. `none` and shared secrets never count."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where to go for what. `issuer` is what ID tokens must name, None for providers that give none.

    `answers_as` is what an answer's `iss` must be, None where nobody knows; `auth_known`: which way the secret goes.
    """

    authorize: str
    token: str
    userinfo: str | None = None
    keys: str | None = None
    issuer: str | None = None
    answers_as: str | None = None
    pkce: bool = False
    secret_in_body: bool = False
    auth_known: bool = True
    names_itself: bool = False
    """RFC 9207: its answers carry `iss`."""
    algorithms: tuple[str, ...] = ALGORITHMS


class Discovery:
    """What the providers of one configuration say of themselves, asked for when it is needed and kept for an hour."""

    def __init__(self, client: ProviderClient) -> None:
        self.client = client
        self._endpoints: dict[str, tuple[datetime, Endpoints]] = {}
        self._keys: dict[str, tuple[datetime, Keys]] = {}

    async def endpoints(self, provider: Provider, now: datetime) -> Endpoints:
        """The endpoints of a provider. Raises `ProviderFault`."""
        if provider.issuer is None:
            return _known(provider)
        kept = self._endpoints.get(provider.id)
        if kept is None or now - kept[0] > FRESH:
            url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            kept = now, _read(provider, await self.client.get(url))
            self._endpoints[provider.id] = kept
        return kept[1]

    async def keys(self, provider: Provider, endpoints: Endpoints, now: datetime, kid: str | None) -> Keys:
        """The provider's keys; asked for once more where none has this id: it may have rotated (OIDC Core §10.1.1)."""
        kept = self._keys.get(provider.id)
        if kept is not None and now - kept[0] <= FRESH and (_has(kept[1], kid) or now - kept[0] < PATIENCE):
            return kept[1]
        if endpoints.keys is None:
            raise ProviderFault("id_token", "the provider publishes no keys")
        kept = now, published(await self.client.get(endpoints.keys))
        self._keys[provider.id] = kept
        return kept[1]


def _has(keys: Keys, kid: str | None) -> bool:
    return kid is None or any(key.kid == kid for key in keys)


def _known(provider: Provider) -> Endpoints:
    preset = provider.preset
    if provider.auth_url is None or provider.token_url is None:
        raise ProviderFault("upstream", "the provider has no endpoints")
    return Endpoints(
        provider.auth_url,
        provider.token_url,
        provider.userinfo_url,
        answers_as=preset.answers_as if provider.auth_url == preset.auth_url else None,  # not of another house's own
        pkce=preset.pkce,
        secret_in_body=preset.secret_in_body,
    )


def _read(provider: Provider, document: Any) -> Endpoints:
    if not isinstance(document, Mapping):
        raise ProviderFault("upstream", "the provider's description of itself cannot be read")
    issuer, preset = document.get("issuer"), provider.preset
    if not describes(provider, issuer):
        raise ProviderFault("upstream", "the provider describes another issuer than the configured one")
    authorize = provider.auth_url or _text(document, "authorization_endpoint")
    token = provider.token_url or _text(document, "token_endpoint")
    if not authorize or not token:
        raise ProviderFault("upstream", "the provider's description of itself names no endpoints")
    algorithms = _texts(document, "id_token_signing_alg_values_supported") or ("RS256",)
    how = _texts(document, "token_endpoint_auth_methods_supported")
    return Endpoints(
        authorize,
        token,
        _text(document, "userinfo_endpoint"),
        _text(document, "jwks_uri"),
        str(issuer),
        answers_as=str(issuer),
        pkce=preset.pkce or "S256" in _texts(document, "code_challenge_methods_supported"),
        secret_in_body=preset.secret_in_body or (bool(how) and "client_secret_basic" not in how),
        auth_known=preset.secret_in_body or len(how) == 1,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        algorithms=tuple(name for name in ALGORITHMS if name in algorithms),
    )


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of words; one word alone is taken for a list of it, anything else for none."""
    value = document.get(name)
    listed = value if isinstance(value, list) else [value]
    return tuple(one for one in listed if isinstance(one, str))
