"""A small OpenID provider on loopback, for the demo and for tests: `python -m limen.adapters.demo.provider`.

Authorization code with PKCE (S256), discovery, keys, userinfo (OpenID Connect Core 1.0, Discovery 1.0, RFC 9207). It
asks nobody for a password: whoever comes is `visitor`. It is no provider to leave running anywhere.
"""

import asyncio
import hmac
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from limen.adapters.sink import Received, Reply, Sink
from limen.adapters.system import SystemClock, SystemSecrets
from limen.domain.ports import Secrets

LIFESPAN = timedelta(minutes=5)
Form = Mapping[str, str]


@dataclass(slots=True)
class _Grant:
    """A code that was given out: whom it is of, and what must come with it."""

    subject: str
    asked: Form = field(repr=False)


class DemoProvider:
    """The provider. `people` are the claims it has of each subject; `visitor` is who signs in.

    `error` is what it answers instead of a code, once. `asked` is what was asked of it at its front door.
    """

    def __init__(
        self,
        people: Mapping[str, Mapping[str, Any]],
        *,
        now: Callable[[], datetime],
        secrets: Secrets,
        client: tuple[str, str] = ("limen", "demo-secret"),
        port: int = 0,
    ) -> None:
        self.people = dict(people)
        self.visitor = next(iter(self.people), "")
        self.client = client
        self.error: str | None = None
        self.asked: list[Form] = []
        self.sink = Sink(port=port)
        self.key = new_key("1")
        self._now = now
        self._secrets = secrets
        self._grants: dict[str, _Grant] = {}
        self._tokens: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self.sink.__aenter__()
        self.sink.script("/.well-known/openid-configuration", lambda _: _json(self.description()))
        self.sink.script("/authorize", self._authorize)
        self.sink.script("/token", self._token)
        self.sink.script("/keys", lambda _: _json(KeySet([self.key]).as_dict(private=False)))
        self.sink.script("/userinfo", self._userinfo)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.sink.__aexit__()

    @property
    def issuer(self) -> str:
        """Its address, which is its name."""
        return self.sink.url

    def description(self) -> dict[str, Any]:
        """What it says of itself (Discovery 1.0 §3)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def claims(self, subject: str, nonce: str | None) -> dict[str, Any]:
        """What an ID token says."""
        now = self._now()
        token = {"iss": self.issuer, "aud": self.client[0], "sub": subject, "iat": int(now.timestamp())}
        token["exp"] = int((now + LIFESPAN).timestamp())
        return {**self.people[subject], **token, **({"nonce": nonce} if nonce else {})}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """The ID token."""
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, dict(claims), self.key)

    # -- the doors

    def _authorize(self, request: Received) -> Reply:
        asked = dict(parse_qsl(urlsplit(request.target).query))
        self.asked.append(asked)
        if asked.get("client_id") != self.client[0] or "redirect_uri" not in asked:
            return _json({"error": "invalid_request"}, 400)
        said = {"state": asked.get("state", ""), "iss": self.issuer}
        if self.error is not None:
            said["error"], self.error = self.error, None
        else:
            code = said["code"] = self._random()
            self._grants[code] = _Grant(self.visitor, asked)
        mark = "&" if "?" in asked["redirect_uri"] else "?"
        return Reply(302, b"", (("Location", f"{asked['redirect_uri']}{mark}{urlencode(said)}"),))

    def _token(self, request: Received) -> Reply:
        form = dict(parse_qsl(request.body.decode()))
        if not self._is_client(request):
            return _json({"error": "invalid_client"}, 401)
        grant = self._grants.pop(form.get("code", ""), None)  # a code counts once
        if grant is None or grant.asked["redirect_uri"] != form.get("redirect_uri") or not _proven(grant, form):
            return _json({"error": "invalid_grant"}, 400)
        access = self._random()
        self._tokens[access] = grant.subject
        claims = self.claims(grant.subject, grant.asked.get("nonce"))
        return _json({"access_token": access, "token_type": "Bearer", "id_token": self.sign(claims)})

    def _userinfo(self, request: Received) -> Reply:
        token = (request.header("Authorization") or "").removeprefix("Bearer ")
        subject = self._tokens.get(token)
        return _json({"error": "invalid_token"}, 401) if subject is None else _json(self.told(subject))

    def told(self, subject: str) -> dict[str, Any]:
        """What its userinfo endpoint says."""
        return {**self.people[subject], "sub": subject}

    def _is_client(self, request: Received) -> bool:
        given = (request.header("Authorization") or "").removeprefix("Basic ")
        user, _, password = b64decode(given).decode().partition(":")
        return hmac.compare_digest(f"{unquote(user)}:{unquote(password)}".encode(), ":".join(self.client).encode())

    def _random(self) -> str:
        return urlsafe_b64encode(self._secrets.bytes(24)).decode()


def new_key(kid: str) -> ECKey:
    """A key to sign with."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


def _proven(grant: _Grant, form: Form) -> bool:
    """RFC 7636 §4.6: whoever was given a challenge must bring its verifier."""
    challenge, verifier = grant.asked.get("code_challenge"), form.get("code_verifier", "")
    if challenge is None:
        return not verifier
    made = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    return grant.asked.get("code_challenge_method") == "S256" and hmac.compare_digest(made, challenge)


def _json(body: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body).encode())


async def _serve() -> None:
    people = {"ada": {"email": "ada@example.org", "email_verified": True, "given_name": "Ada"}}
    async with DemoProvider(people, now=SystemClock().now, secrets=SystemSecrets()) as provider:
        print(provider.issuer, flush=True)  # noqa: T201 - what whoever started it waits for
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
