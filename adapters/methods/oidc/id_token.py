"""ID tokens, checked as OpenID Connect Core 1.0 §3.1.3.7 says. The signatures are joserfc's business."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from limen.adapters.methods.oidc.discovery import Discovery, Endpoints
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.issuer import issued_by
from limen.adapters.methods.oidc.provider import Provider
from limen.adapters.methods.oidc.published_keys import Keys, fitting

LEEWAY: Final = 60
"""Seconds that a provider's clock may be off."""
MAX_LENGTH: Final = 64 * 1024
_UNREADABLE: Final = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What joserfc raises over a token that anybody may have written."""


async def checked(
    token: Any,
    provider: Provider,
    discovery: Discovery,
    now: datetime,
    *,
    nonce: str | None,
    native: bool = False,
) -> Mapping[str, Any]:
    """The claims of an ID token that counts. Raises `ProviderFault`.

    | rule of §3.1.3.7 | here |
    |---|---|
    | 2 | `iss` is the issuer that was discovered |
    | 3 | `aud` names this client; of a `native` app, one of the audiences that are configured besides |
    | 4, 5 | with several audiences `azp` must name this client; where it is there at all it must, but for native apps |
    | 6, 7, 8 | signed by a key of the provider, with an algorithm it lists that is no shared secret and not `none` |
    | 9, 10 | `exp` is ahead, `iat` is not, each within a minute |
    | 11 | `nonce` is the one that was sent, character by character; an app sends one too. A provider that is known to
    have none in its tokens is let off, but not with an app |
    """
    endpoints = await discovery.endpoints(provider, now)
    if not isinstance(token, str) or len(token) > MAX_LENGTH:
        raise ProviderFault("id_token", "there is no ID token")
    try:
        registry = _Registry(endpoints.algorithms)
        header = jws.extract_compact(token.encode(), registry=registry).headers()
        kid = header.get("kid") if isinstance(header, Mapping) else None
        keys = await discovery.keys(provider, endpoints, now, kid if isinstance(kid, str) else None)
        claims = _decoded(token, fitting(keys, kid), registry)
        _claims(now).validate(claims)
    except _UNREADABLE as fault:
        raise ProviderFault("id_token", f"its ID token does not count ({type(fault).__name__})") from None
    _issued_by(claims, endpoints)
    _meant_for(claims, provider, native=native)
    _answers(claims, nonce, provider, native=native)
    return claims


class _Registry(jws.JWSRegistry):
    """What a header may be: members that nobody knows are ignored (RFC 7515 §4), certificates have room (`x5c`)."""

    max_header_length = 16 * 1024

    def __init__(self, algorithms: tuple[str, ...]) -> None:
        if not algorithms:  # joserfc reads an empty list as its own, which has shared secrets in it
            raise ProviderFault("id_token", "the provider signs with nothing that counts")
        super().__init__(algorithms=algorithms, strict_check_header=False)


def _decoded(token: str, keys: Keys, registry: jws.JWSRegistry) -> dict[str, Any]:
    """What one of the keys has signed. Where the token names none, each is tried (OIDC Core §10.1 asks for a name)."""
    fault: Exception = InvalidKeyIdError("there is no such key")
    for key in keys:
        try:
            return jwt.decode(token, key, registry=registry).claims
        except _UNREADABLE as found:
            fault = found
    raise fault


def _claims(now: datetime) -> jwt.JWTClaimsRegistry:
    needed = jwt.ClaimsOption(essential=True)
    return jwt.JWTClaimsRegistry(
        now=int(now.timestamp()), leeway=LEEWAY, iss=needed, sub=needed, aud=needed, exp=needed, iat=needed
    )


def _issued_by(claims: Mapping[str, Any], endpoints: Endpoints) -> None:
    """Of a shared tenant's issuer, the one with the tenant that the token says it is of (`tid`)."""
    if not issued_by(endpoints.issuer or "", claims["iss"], str(claims.get("tid") or "")):
        raise ProviderFault("id_token", "its ID token is of another issuer")


def _meant_for(claims: Mapping[str, Any], provider: Provider, *, native: bool) -> None:
    listed = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    audience = [one if isinstance(one, str) else "" for one in listed]
    mine = {provider.client_id, *(provider.audiences if native else ())}
    if not mine.intersection(audience):
        raise ProviderFault("id_token", "its ID token is for another client")
    party, several = claims.get("azp"), len(audience) > 1
    if party is not None and not isinstance(party, str):
        raise ProviderFault("id_token", "its ID token was asked for by nobody who can be told")
    if (several and party is None) or (party is not None and party not in mine and (several or not native)):
        raise ProviderFault("id_token", "its ID token was asked for by another client")


def _answers(claims: Mapping[str, Any], nonce: str | None, provider: Provider, *, native: bool) -> None:
    there = claims.get("nonce")
    if there is None and not native and not provider.preset.echoes_nonce:
        return  # fetched from the provider itself with a code of this trip's; of an app's nobody knows where it was
    if native and there is None and nonce is None and claims.get("nonce_supported") is False:
        return  # Apple says so where the device's library cannot ask with one
    if not isinstance(there, str) or nonce is None or not hmac.compare_digest(there.encode(), nonce.encode()):
        raise ProviderFault("id_token", "its ID token answers another request")
