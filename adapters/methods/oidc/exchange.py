"""Exchange: the code for tokens (RFC 6749 §4.1.3), and tokens for what the provider says of somebody."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from limen.adapters.methods.oidc.client import ProviderClient
from limen.adapters.methods.oidc.discovery import Discovery
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.id_token import checked
from limen.adapters.methods.oidc.provider import AppleKey, Provider
from limen.adapters.methods.oidc.trip import Trip, redirect_uri

APPLE: Final = "https://appleid.apple.com"
APPLE_LIFESPAN: Final = timedelta(minutes=5)
GRAPH: Final = "https://graph.microsoft.com/v1.0/me"


class Exchange:
    """Talks to the providers of one configuration."""

    def __init__(self, client: ProviderClient, discovery: Discovery) -> None:
        self.client = client
        self.discovery = discovery

    async def claims(self, provider: Provider, trip: Trip, code: str, base: str, now: datetime) -> Mapping[str, Any]:
        """What the provider says of whoever came back with a code. Tokens are not kept. Raises `ProviderFault`."""
        endpoints = await self.discovery.endpoints(provider, now)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri(base, provider.id)}
        if trip.verifier is not None:
            form["code_verifier"] = trip.verifier
        secret = _apple_secret(provider, provider.apple_key, now) if provider.apple_key else provider.client_secret
        if endpoints.secret_in_body:
            tokens = await self.client.post(
                endpoints.token, {**form, "client_id": provider.client_id, "client_secret": secret}
            )
        else:
            tokens = await self.client.post(endpoints.token, form, basic=(provider.client_id, secret))
        if not isinstance(tokens, Mapping) or "error" in tokens or not isinstance(tokens.get("access_token"), str):
            raise ProviderFault("provider_error", "the provider does not take its own code; try again")
        authorization = f"{provider.preset.authorization} {tokens['access_token']}"
        if not provider.speaks_oidc:
            return await self._from_api(provider, endpoints.userinfo or "", authorization)
        said = await checked(tokens.get("id_token"), provider, self.discovery, now, nonce=trip.nonce)
        return await self._completed(provider, said, endpoints.userinfo, authorization)

    async def _completed(
        self, provider: Provider, said: Mapping[str, Any], userinfo: str | None, authorization: str
    ) -> Mapping[str, Any]:
        """The ID token's claims, and those of userinfo where it is the source: of the same `sub` (OIDC Core §5.3.2)."""
        claims = dict(said)
        if provider.claims_source == "userinfo" and userinfo is not None:
            more = await self.client.get(userinfo, authorization=authorization)
            if not isinstance(more, Mapping) or more.get("sub") != claims["sub"]:
                raise ProviderFault("claims", "the provider speaks of somebody else at its userinfo endpoint")
            claims = {**claims, **more}
        if provider.subject_source == "oid":
            claims["sub"] = claims.get("oid")
        elif provider.subject_source == "me":
            me = await self.client.get(GRAPH, authorization=authorization)
            claims["sub"] = me.get("id") if isinstance(me, Mapping) else None
        return claims

    async def _from_api(self, provider: Provider, url: str, authorization: str) -> Mapping[str, Any]:
        """What a provider without ID tokens says, under the names that OpenID Connect has for it."""
        preset = provider.preset
        answer = await self.client.get(url, authorization=authorization)
        subject = _inside(answer, preset.subject)
        claims: dict[str, Any] = {"iss": url, "sub": str(subject) if subject not in (None, "") else None}
        found = {claim: _inside(answer, member) for claim, member in preset.members.items()}
        claims |= {claim: value for claim, value in found.items() if value is not None}
        if preset.emails_url is not None and "user:email" in provider.scope:
            claims |= _primary(await self.client.get(preset.emails_url, authorization=authorization))
        return {**claims, "raw_claims": answer}


def name_in_form(provider: Provider, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Apple tells a person's name once, in the form it posts; nothing else of that form counts: no one signed it."""
    try:
        user = orjson.loads(values["user"]) if provider.kind == "apple" and "user" in values else {}
    except (orjson.JSONDecodeError, TypeError):
        return {}
    names = {"given_name": _inside(user, "name.firstName"), "family_name": _inside(user, "name.lastName")}
    return {claim: name for claim, name in names.items() if isinstance(name, str)}


def _inside(answer: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        answer = answer.get(part) if isinstance(answer, Mapping) else None
    return answer


def _primary(listed: Any) -> Mapping[str, Any]:
    """GitHub's list of addresses: the primary one."""
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and one.get("primary") is True:
            return {"email": one.get("email"), "email_verified": one.get("verified") is True}
    return {}


def _apple_secret(provider: Provider, key: AppleKey, now: datetime) -> str:
    """Apple's client secret: a token of five minutes, signed with the team's key (Apple: creating a client secret)."""
    claims = {
        "iss": key.team,
        "iat": int(now.timestamp()),
        "exp": int((now + APPLE_LIFESPAN).timestamp()),
        "aud": APPLE,
        "sub": provider.client_id,
    }
    pem = key.pem if "-----" in key.pem else base64.b64decode(key.pem).decode()
    try:
        return jwt.encode({"alg": "ES256", "kid": key.id}, claims, ECKey.import_key(pem))
    except (JoseError, ValueError):
        raise ProviderFault("upstream", "the configured key cannot sign for Apple") from None
