"""An OpenID provider to sign in through, that can be told to lie; and the browser that goes there and comes back."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from limen.adapters.demo.provider import DemoProvider
from limen.adapters.system import SystemSecrets
from limen.domain import FlowView, Outcome, Request
from limen.domain.testing import FixedClock
from tests.support.engine import ADA, NOON, UI, House, JsonDict, open_house, uri

CALLBACK = "http://127.0.0.1:4433/self-service/methods/oidc/callback"
AFTER = f"{UI}/native"
SECRET = "a-client-secret-of-a-test"
MAPPER = """
local claims = { email_verified: false } + std.extVar('claims');
{
  identity: {
    traits: {
      [if 'email' in claims then 'email']: claims.email,
      [if 'given_name' in claims then 'name']: { first: claims.given_name },
    },
    [if claims.email_verified then 'verified_addresses']: [{ via: 'email', value: claims.email }],
  },
}
"""
PEOPLE: Mapping[str, JsonDict] = {
    "s-ada": {"email": ADA, "email_verified": True, "given_name": "Ada"},
    "s-bob": {"email": "bob@example.org", "given_name": "Bob"},
    "s-fay": {"given_name": "Fay"},
}


class LyingProvider(DemoProvider):
    """The provider with switches: `lies` are claims put into its ID tokens (None takes one out)."""

    lies: JsonDict
    unsigned = False
    told_instead: JsonDict

    def __init__(self, clock: FixedClock, client_id: str = "cid", port: int = 0) -> None:
        super().__init__(PEOPLE, now=clock.now, secrets=SystemSecrets(), client=(client_id, SECRET), port=port)
        self.lies, self.told_instead = {}, {}

    def sign(self, claims: Mapping[str, Any]) -> str:
        said = {name: value for name, value in {**claims, **self.lies}.items() if value is not None}
        return _unsigned(said) if self.unsigned else super().sign(said)

    def told(self, subject: str) -> JsonDict:
        return {**super().told(subject), **self.told_instead}


def _unsigned(claims: Mapping[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}."


async def landing(url: str) -> str:
    """Where a browser that goes to a provider is sent back to."""
    async with httpx.AsyncClient(verify=False) as browser:
        answer = await browser.get(url)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


@dataclass
class Abroad:
    """A house with two providers: `idp`, and `other`, whose label is its id."""

    house: House
    idp: LyingProvider
    other: LyingProvider
    visited: list[str] = field(default_factory=list)
    claim: str | None = None
    """What the browser brought back to the app with a flow that is still open."""

    async def leave(self, kind: str = "login", **options: Any) -> tuple[FlowView, str]:
        """A flow, and where the browser is sent for a provider."""
        values = options.pop("values", {"provider": "idp"})
        token = options.get("session_token")
        flow = options.pop("flow", None) or await self.house.start(kind, **options)
        away = await self.house.engine.submit(flow.id, method=None, values=values, session_token=token)
        assert away.error == "browser_location_change_required", (away.state, away.flow.messages)
        assert away.redirect_browser_to is not None
        return flow, away.redirect_browser_to

    async def visit(self, url: str) -> str:
        """What the provider sends the browser back to."""
        self.visited.append(url)
        return await landing(url)

    async def back(self, flow: FlowView, url: str, **options: Any) -> Outcome:
        """The browser is back at `url`."""
        outcome = await self.house.engine.resume(flow.id, request=Request(method="GET", url=url), **options)
        self.claim = None if outcome.completed else outcome.return_code
        return outcome

    async def go(self, kind: str = "login", **options: Any) -> Outcome:
        """There and back."""
        token = options.get("session_token")
        flow, url = await self.leave(kind, **options)
        return await self.back(flow, await self.visit(url), session_token=token)

    async def register(self, visitor: str = "s-ada") -> Outcome:
        """Somebody new, through the provider."""
        self.idp.visitor = visitor
        outcome = await self.go("registration")
        assert outcome.completed, outcome.flow.messages
        return outcome


def providers(idp: str, other: str | None = None, **more: Any) -> list[JsonDict]:
    """The configuration of these issuers; `more` goes into the first."""
    common = {"provider": "generic", "client_secret": SECRET, "mapper_url": uri(MAPPER), "scope": ["email"]}
    one = {**common, "id": "idp", "client_id": "cid", "issuer_url": idp, "label": "Example IdP", **more}
    two = {**common, "id": "other", "client_id": "cid2", "issuer_url": other}
    return [one, two] if other else [one]


@asynccontextmanager
async def abroad(
    hooks: Mapping[str, Any] | None = None, *, provider: JsonDict | None = None, **options: Any
) -> AsyncIterator[Abroad]:
    """The house, open; `provider` is put into the configuration of `idp`."""
    clock = options.pop("clock", None) or FixedClock(NOON)
    methods = options.pop("methods", {})
    async with LyingProvider(clock) as idp, LyingProvider(clock, "cid2") as other:
        config = {"enabled": True, "config": {"providers": providers(idp.issuer, other.issuer, **(provider or {}))}}
        selfservice = {"methods": {"oidc": config, **methods}, "flows": options.pop("flows", {})}
        async with open_house(hooks, clock=clock, selfservice=selfservice, **options) as house:
            yield Abroad(house, idp, other)


def query(url: str) -> dict[str, str]:
    """The fields of an address."""
    return dict(parse_qsl(urlsplit(url).query))


def methods_of(outcome: Outcome) -> list[tuple[str, str | None]]:
    """What a session says it was signed in with."""
    assert outcome.session is not None
    return [(one["method"], one.get("provider")) for one in outcome.session.plain()["authentication_methods"]]


def buttons(shown: Outcome | FlowView) -> list[tuple[str, str, int]]:
    """The providers' buttons of a form: name, value and label."""
    flow = shown.flow if isinstance(shown, Outcome) else shown
    theirs = [one for one in flow.ui.nodes or () if one.group == "oidc"]
    return [(one.attributes.name, one.attributes.value, one.meta.label.id) for one in theirs]
