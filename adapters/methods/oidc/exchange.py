"""Exchange: the code for tokens (RFC 6749 §4.1.3), and tokens for what the provider says of somebody."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from limen.adapters.methods.oidc.answers import addressed, claims_of, inside, primary
from limen.adapters.methods.oidc.apple import apple_secret
from limen.adapters.methods.oidc.client import ProviderClient
from limen.adapters.methods.oidc.discovery import Discovery, Endpoints
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.id_token import checked
from limen.adapters.methods.oidc.provider import Provider
from limen.adapters.methods.oidc.trip import Trip, redirect_uri

GRAPH: Final = "https://graph.microsoft.com/v1.0/me"


class Exchange:
    """Talks to the providers of one configuration."""

    def __init__(self, client: ProviderClient, discovery: Discovery) -> None:
        self.client = client
        self.discovery = discovery
        self._in_body: dict[str, bool] = {}

    async def claims(self, provider: Provider, trip: Trip, code: str, base: str, now: datetime) -> Mapping[str, Any]:
        """What the provider says of whoever came back with a code. Tokens are not kept. Raises `ProviderFault`."""
        endpoints = await self.discovery.endpoints(provider, now)
        landing = trip.landing or redirect_uri(base, provider)  # RFC 6749 §4.1.3: the same as they were sent away with
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": landing}
        if trip.verifier is not None:
            form["code_verifier"] = trip.verifier
        tokens = await self._tokens(provider, endpoints, form, now)
        if not isinstance(tokens, Mapping) or "error" in tokens or not isinstance(tokens.get("access_token"), str):
            raise ProviderFault("provider_error", "the provider does not take its own code; try again")
        if not provider.speaks_oidc:
            return await self._from_api(provider, endpoints.userinfo or "", tokens)
        authorization = {"Authorization": f"Bearer {tokens['access_token']}"}
        said = await checked(tokens.get("id_token"), provider, self.discovery, now, nonce=trip.nonce)
        return await self._completed(provider, said, endpoints.userinfo, authorization)

    async def of_app(self, provider: Provider, token: Any, nonce: str | None, now: datetime) -> Mapping[str, Any]:
        """What an app's ID token says: of the same account as after a trip. Raises `ProviderFault`."""
        if not provider.speaks_oidc:
            raise ProviderFault("id_token", "this provider gives no ID tokens")
        if provider.subject_source == "me":
            raise ProviderFault("id_token", "this provider must be asked who it is, which an ID token cannot do")
        claims = dict(await checked(token, provider, self.discovery, now, nonce=nonce, native=True))
        return {**claims, "sub": claims.get("oid")} if provider.subject_source == "oid" else claims

    async def _tokens(self, provider: Provider, endpoints: Endpoints, form: Mapping[str, str], now: datetime) -> Any:
        """What the token endpoint answers. The secret goes there in the header or in the form (RFC 6749 §2.3.1).

        Where the provider does not say which it wants, the other way is tried once after `invalid_client`; what it took
        is remembered.
        """
        secret = apple_secret(provider, provider.apple_key, now) if provider.apple_key else provider.client_secret
        in_body = self._in_body.get(provider.id, endpoints.secret_in_body)
        tokens = await self._asked(provider, endpoints.token, form, secret, in_body=in_body)
        refused = isinstance(tokens, Mapping) and tokens.get("error") == "invalid_client"
        if not refused or endpoints.auth_known:
            return tokens
        tokens = await self._asked(provider, endpoints.token, form, secret, in_body=not in_body)
        if isinstance(tokens, Mapping) and tokens.get("error") != "invalid_client":
            self._in_body[provider.id] = not in_body
        return tokens

    async def _asked(self, provider: Provider, url: str, form: Mapping[str, str], secret: str, *, in_body: bool) -> Any:
        form, names = {**form, **provider.preset.token_parameters}, provider.preset.json_names
        if names:
            sent = {**form, "client_id": provider.client_id, "client_secret": secret}
            answer = await self.client.post_json(url, {names.get(name, name): value for name, value in sent.items()})
            token = inside(answer, names["access_token"])
            return answer if token is None else {**answer, "access_token": token}
        if in_body:
            return await self.client.post(url, {**form, "client_id": provider.client_id, "client_secret": secret})
        return await self.client.post(url, form, basic=(provider.client_id, secret))

    async def _completed(
        self, provider: Provider, said: Mapping[str, Any], userinfo: str | None, authorization: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """The ID token's claims, and those of userinfo where it is the source: of the same `sub` (OIDC Core §5.3.2)."""
        claims = dict(said)
        if provider.claims_source == "userinfo" and userinfo is not None:
            more = await self.client.get(userinfo, headers=authorization)
            if not isinstance(more, Mapping) or more.get("sub") != claims["sub"]:
                raise ProviderFault("claims", "the provider speaks of somebody else at its userinfo endpoint")
            claims = {**claims, **more}
        if provider.subject_source == "oid":
            claims["sub"] = claims.get("oid")
        elif provider.subject_source == "me":
            me = await self.client.get(GRAPH, headers=authorization)
            claims["sub"] = me.get("id") if isinstance(me, Mapping) else None
        return claims

    async def _from_api(self, provider: Provider, url: str, tokens: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a provider without ID tokens says, under the names that OpenID Connect has for it."""
        preset, token = provider.preset, str(tokens["access_token"])
        address, headers = addressed(preset, url, token, provider.client_secret)
        answer = await self.client.get(address, headers=headers)
        claims = {"iss": url, **claims_of(preset, answer, tokens)}
        if preset.emails_url is not None and "user:email" in provider.scope:
            claims |= primary(await self.client.get(preset.emails_url, headers=headers))
        return {**claims, "raw_claims": answer}


def name_in_form(provider: Provider, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Apple tells a person's name once, in the form it posts; nothing else of that form counts: no one signed it."""
    try:
        user = orjson.loads(values["user"]) if provider.kind == "apple" and "user" in values else {}
    except (orjson.JSONDecodeError, TypeError):
        return {}
    names = {"given_name": inside(user, "name.firstName"), "family_name": inside(user, "name.lastName")}
    return {claim: name for claim, name in names.items() if isinstance(name, str)}
