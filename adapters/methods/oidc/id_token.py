"""ID tokens, checked as OpenID Connect Core 1.0 §3.1.3.7 says. The signatures are joserfc's business."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError

from limen.adapters.methods.oidc.discovery import Discovery, Endpoints
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.provider import Provider

LEEWAY: Final = 60
"""Seconds that a provider's clock may be off."""
MAX_LENGTH: Final = 64 * 1024
MICROSOFT_TENANT: Final = "{tenantid}"


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
    | 11 | `nonce` is the one that was sent, character by character; a native app sends one too |
    """
    endpoints = await discovery.endpoints(provider, now)
    if not isinstance(token, str) or len(token) > MAX_LENGTH:
        raise ProviderFault("id_token", "there is no ID token")
    try:
        header = jws.extract_compact(token.encode()).headers()
        keys = await discovery.keys(provider, endpoints, now, header.get("kid"))
        claims = jwt.decode(token, keys, algorithms=list(endpoints.algorithms)).claims
        _claims(now).validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as fault:
        raise ProviderFault("id_token", f"its ID token does not count ({type(fault).__name__})") from None
    _issued_by(claims, endpoints)
    _meant_for(claims, provider, native=native)
    _answers(claims, nonce, native=native)
    return claims


def _claims(now: datetime) -> jwt.JWTClaimsRegistry:
    needed = jwt.ClaimsOption(essential=True)
    return jwt.JWTClaimsRegistry(
        now=int(now.timestamp()), leeway=LEEWAY, iss=needed, sub=needed, aud=needed, exp=needed, iat=needed
    )


def _issued_by(claims: Mapping[str, Any], endpoints: Endpoints) -> None:
    issuer = endpoints.issuer or ""
    if MICROSOFT_TENANT in issuer:
        issuer = issuer.replace(MICROSOFT_TENANT, str(claims.get("tid") or ""))
    if claims["iss"] != issuer:
        raise ProviderFault("id_token", "its ID token is of another issuer")


def _meant_for(claims: Mapping[str, Any], provider: Provider, *, native: bool) -> None:
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    mine = {provider.client_id, *(provider.audiences if native else ())}
    if not mine.intersection(audience):
        raise ProviderFault("id_token", "its ID token is for another client")
    party, several = claims.get("azp"), len(audience) > 1
    if (several and party is None) or (party is not None and party not in mine and (several or not native)):
        raise ProviderFault("id_token", "its ID token was asked for by another client")


def _answers(claims: Mapping[str, Any], nonce: str | None, *, native: bool) -> None:
    there = claims.get("nonce")
    if native and there is None and nonce is None and claims.get("nonce_supported") is False:
        return  # Apple says so where the device's library cannot ask with one
    if not isinstance(there, str) or nonce is None or not hmac.compare_digest(there.encode(), nonce.encode()):
        raise ProviderFault("id_token", "its ID token answers another request")
