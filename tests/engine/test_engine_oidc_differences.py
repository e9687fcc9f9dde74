"""In what providers differ that all keep to the standards, or nearly: what signing in through them has to bear."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey
from joserfc.jws import JWSRegistry

from limen.adapters.configuration.presets import PRESETS
from limen.adapters.demo.provider import new_key
from limen.adapters.methods.oidc import exchange
from limen.adapters.methods.oidc.fault import ProviderFault
from limen.adapters.methods.oidc.issuer import describes
from limen.adapters.methods.oidc.provider import Provider
from limen.adapters.methods.oidc.published_keys import published
from limen.adapters.sink import Received, Reply, Sink
from limen.domain import Outcome, Request
from limen.domain.errors import RequestRefused
from limen.domain.testing import FixedClock
from tests.support.engine import ADA, NOON, JsonDict, open_house, shown, uri
from tests.support.provider import CALLBACK, SECRET, Abroad, LyingProvider, abroad, providers, query

CLAIMS = "local c = std.extVar('claims'); { identity: { traits: { email: 'ada@example.org' }, metadata_public: c } }"
"""A mapper that shows what it was given."""
GUID = "9188040d-6c67-4c5b-b112-36a304b66dad"


def answering(body: Any) -> Reply:
    return Reply(200, json.dumps(body).encode())


def described(there: Abroad, **members: Any) -> None:
    """The provider says this of itself."""
    there.idp.sink.script("/.well-known/openid-configuration", answering({**there.idp.description(), **members}))


def refused(outcome: Outcome) -> bool:
    return (outcome.state, shown(outcome)) == ("choose_method", {None: [4000001]})


@asynccontextmanager
async def api_of(kind: str, answer: JsonDict, monkeypatch: pytest.MonkeyPatch, **provider: Any) -> AsyncIterator[Any]:
    """A house and the API of a provider without ID tokens."""
    async with Sink() as api:
        preset = replace(PRESETS[kind], userinfo_url=f"{api.url}/me", emails_url=None)
        monkeypatch.setitem(PRESETS, kind, preset)
        api.script("/token", answering({"access_token": "a"}))
        api.script("/me", answering(answer))
        config = {"provider": kind, "token_url": f"{api.url}/token", "mapper_url": uri(CLAIMS), **provider}
        listed = [{"id": "p", "client_id": "cid", "client_secret": SECRET, **config}]
        oidc = {"enabled": True, "config": {"providers": listed}}
        async with open_house(selfservice={"methods": {"oidc": oidc}}) as house:
            yield house, api


async def through(house: Any, more: str = "") -> Outcome:
    """There and back; `more` is what the callback's address has besides."""
    flow = await house.start("registration")
    away = await house.engine.submit(flow.id, method=None, values={"provider": "p"})
    url = f"{CALLBACK}/p?code=c&state={query(away.redirect_browser_to)['state']}{more}"
    outcome: Outcome = await house.engine.resume(flow.id, request=Request(method="GET", url=url))
    return outcome


def given(outcome: Outcome) -> Mapping[str, Any]:
    """What the mapper was given."""
    assert outcome.completed, outcome.flow.messages
    assert outcome.identity is not None
    claims: Mapping[str, Any] = outcome.identity.metadata_public.plain()
    return claims


# -- `iss` in the answer (RFC 9207)


async def test_github_says_who_answers_without_having_promised_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "&iss=" + quote("https://github.com/login/oauth", safe="")
    async with api_of("github", {"id": 7}, monkeypatch) as (house, _):
        assert (await through(house)).completed
        assert (await through(house, own)).completed
        with pytest.raises(RequestRefused, match="another provider"):
            await through(house, "&iss=https%3A%2F%2Felsewhere.example")


@pytest.mark.parametrize(
    ("kind", "more"), [("discord", {}), ("github", {"auth_url": "https://git.example/login/oauth/authorize"})]
)
async def test_an_issuer_that_nobody_knows_what_to_compare_with_is_ignored(
    kind: str, more: JsonDict, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api_of(kind, {"id": 7}, monkeypatch, **more) as (house, _):
        assert (await through(house, "&iss=https%3A%2F%2Fgit.example")).completed


@pytest.mark.parametrize(("named", "fits"), [("mine", True), ("mine/v2.0/x", False), (None, False)])
async def test_the_shared_tenants_of_microsoft_answer_as_one_of_them(named: str | None, fits: bool) -> None:
    async with abroad(provider={"provider": "microsoft", "microsoft_tenant": "common"}) as there:
        described(there, issuer="https://login.example/{tenantid}/v2.0")
        there.idp.lies = {"iss": "https://login.example/mine/v2.0", "tid": "mine"}
        flow, url = await there.leave("registration")
        bare = (await there.visit(url)).replace(f"iss={quote(there.idp.issuer, safe='')}", "")
        back = bare if named is None else f"{bare}&iss={quote(f'https://login.example/{named}/v2.0', safe='')}"
        if fits:
            assert (await there.back(flow, back)).completed
        else:
            with pytest.raises(RequestRefused, match="another provider"):
                await there.back(flow, back)


# -- issuers


@pytest.mark.parametrize(
    ("issuer", "fits"),
    [(f"/{GUID}/v2.0", True), ("/another/v2.0", False), (f"/{GUID}/v1.0", False), (f"/x/{GUID}/v2.0", False)],
)
async def test_a_tenant_of_microsoft_may_be_asked_for_by_a_name(issuer: str, fits: bool) -> None:
    clock = FixedClock(NOON)
    async with LyingProvider(clock) as idp:
        own = {**idp.description(), "issuer": idp.issuer + issuer}
        own["authorization_response_iss_parameter_supported"] = False
        idp.sink.script("/consumers/v2.0/.well-known/openid-configuration", answering(own))
        microsoft = {"provider": "microsoft", "microsoft_tenant": "consumers"}
        listed = providers(f"{idp.issuer}/consumers/v2.0", **microsoft)
        oidc = {"enabled": True, "config": {"providers": listed}}
        async with open_house(clock=clock, selfservice={"methods": {"oidc": oidc}}) as house:
            there = Abroad(house, idp, idp)
            if not fits:
                flow = await house.start("login")
                assert refused(await house.engine.submit(flow.id, method=None, values={"provider": "idp"}))
                return
            flow, url = await there.leave("registration")
            for there.idp.lies, counts in (({}, False), ({"iss": idp.issuer + issuer, "tid": GUID}, True)):
                back = (await there.visit(url)).replace(f"iss={quote(idp.issuer, safe='')}", "")
                assert (await there.back(flow, back)).completed == counts
                if not counts:
                    flow, url = await there.leave("registration", flow=flow)


def test_a_tenant_that_is_asked_for_by_its_id_is_that_one() -> None:
    config = {"id": "p", "provider": "microsoft", "client_id": "c", "mapper_url": "", "microsoft_tenant": GUID}
    by_id, host = Provider.of(config), "https://login.microsoftonline.com"
    mine, other = f"{host}/{GUID}/v2.0", f"{host}/{GUID.replace('9', '8')}/v2.0"
    assert (describes(by_id, mine), describes(by_id, other)) == (True, False)
    assert describes(replace(by_id, issuer=f"{host}/contoso.example/v2.0"), other)


async def test_the_final_slash_of_an_issuer_is_easily_forgotten() -> None:
    async with abroad() as there:
        described(there, issuer=f"{there.idp.issuer}/", authorization_response_iss_parameter_supported=False)
        there.idp.lies = {"iss": f"{there.idp.issuer}/"}
        flow, url = await there.leave("registration")
        back = (await there.visit(url)).replace(f"iss={quote(there.idp.issuer, safe='')}", "")
        assert (await there.back(flow, back)).completed, "the tokens' issuer is what was discovered"


# -- PKCE and nonce


async def test_providers_with_forced_pkce_share_one_callback() -> None:
    """As recorded of Kratos: clients are registered with that address."""
    async with abroad(provider={"pkce": "force"}) as there:
        flow, url = await there.leave("registration")
        assert (query(url)["redirect_uri"], query(url)["code_challenge_method"]) == (CALLBACK, "S256")
        back = await there.visit(url)
        with pytest.raises(RequestRefused, match="not the provider"):
            await there.back(flow, back.replace("/callback", "/callback/idp"))
        assert (await there.back(flow, back)).completed
        (token,) = there.idp.sink.of("/token")
        assert dict(parse_qsl(token.body.decode()))["redirect_uri"] == CALLBACK


@pytest.mark.parametrize("kind", ["linkedin", "linkedin_v2"])
async def test_linkedin_s_id_tokens_have_no_nonce(kind: str) -> None:
    async with abroad(provider={"provider": kind}) as there:
        there.idp._is_client = lambda _: True  # type: ignore[assignment,method-assign]  # it looks into the form
        for lies, counts in (({"nonce": "another"}, False), ({"nonce": None}, True)):
            there.idp.lies = lies
            assert (await there.go("registration")).completed == counts
        flow = await there.house.start("login")
        values = {"provider": "idp", "id_token": there.idp.sign(there.idp.claims("s-ada", None))}
        assert refused(await there.house.engine.submit(flow.id, method="oidc", values=values)), "an app's needs one"


# -- which way the secret goes (RFC 6749 §2.3.1)


def wanting_the_form(there: Abroad) -> list[Received]:
    """The provider takes the secret in the form alone; what it was asked."""
    asked: list[Received] = []

    def is_client(request: Received) -> bool:
        asked.append(request)
        return dict(parse_qsl(request.body.decode())).get("client_secret") == SECRET

    there.idp._is_client = is_client  # type: ignore[method-assign]
    return asked


async def test_a_provider_that_wants_its_secret_in_the_form_is_found_out_once() -> None:
    async with abroad() as there:
        asked = wanting_the_form(there)
        assert (await there.go("registration")).completed
        assert len(asked) == 2
        assert (await there.go("login")).completed
        assert len(asked) == 3, "remembered"


async def test_a_provider_that_says_how_it_wants_its_secret_is_believed() -> None:
    async with abroad() as there:
        described(there, token_endpoint_auth_methods_supported=["client_secret_basic"])
        asked = wanting_the_form(there)
        assert refused(await there.go("registration"))
        assert len(asked) == 1


# -- keys and headers (RFC 7515 §4, RFC 7517 §5)

ODD_KEYS: tuple[JsonDict, ...] = (
    {"kty": "EC", "crv": "BP-256", "x": "AAAA", "y": "AAAA", "kid": "bp"},
    {"kty": "RSA", "kid": "half"},
    {"kty": "RSA", "use": "tls", "kid": "u", "n": "sXch", "e": "AQAB"},
    {"kty": ["EC"]},
    {"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AAAA"},
)


async def test_a_key_that_cannot_be_read_is_ignored() -> None:
    async with abroad() as there:
        good = KeySet([there.idp.key]).as_dict(private=False)["keys"]
        there.idp.sink.script("/keys", answering({"keys": [5, None, *ODD_KEYS, *good]}))
        assert (await there.go("registration")).completed


@pytest.mark.parametrize("more", [{"ver": "1"}, {"x5c": ["A" * 1200]}, {"org.example": "x"}])
async def test_what_a_header_has_that_nobody_knows_is_ignored(more: JsonDict) -> None:
    registry = JWSRegistry(strict_check_header=False, algorithms=["ES256"])
    async with abroad() as there:
        header = {"alg": "ES256", "kid": there.idp.key.kid, **more}
        there.idp.sign = lambda claims: jwt.encode(header, dict(claims), there.idp.key, registry=registry)  # type: ignore[method-assign]
        assert (await there.go("registration")).completed


async def test_a_token_that_names_no_key_is_tried_with_each() -> None:
    async with abroad() as there:
        published = KeySet([new_key("9"), there.idp.key]).as_dict(private=False)
        there.idp.sink.script("/keys", answering(published))
        there.idp.sign = lambda claims: jwt.encode({"alg": "ES256"}, dict(claims), there.idp.key)  # type: ignore[method-assign]
        assert (await there.go("registration")).completed
        there.idp.key = new_key("1")
        assert refused(await there.go("login"))


async def test_shared_secrets_never_count_whatever_is_listed_and_published() -> None:
    """The one who lists HS256 alone leaves nothing that counts: that must not be read as anything goes."""
    key = OctKey.import_key("a-secret-that-is-published-by-mistake", {"kid": "h"})
    for listed in (["HS256"], ["HS256", "ES256"]):
        async with abroad() as there:
            described(there, id_token_signing_alg_values_supported=listed)
            good = KeySet([there.idp.key]).as_dict(private=False)["keys"]
            there.idp.sink.script("/keys", answering({"keys": [key.as_dict(), *good]}))
            header = {"alg": "HS256", "kid": "h"}
            there.idp.sign = lambda claims, header=header: jwt.encode(header, dict(claims), key, algorithms=["HS256"])  # type: ignore[method-assign,misc]
            assert refused(await there.go("registration")), listed


async def test_a_list_of_nothing_that_counts_lets_nothing_count() -> None:
    async with abroad() as there:
        described(there, id_token_signing_alg_values_supported=["HS256", "none"])
        assert refused(await there.go("registration")), "not even what another list would have allowed"


def test_a_key_that_is_shared_is_none_of_the_provider_s() -> None:
    key = OctKey.import_key("a-secret-that-is-published-by-mistake", {"kid": "h"})
    with pytest.raises(ProviderFault):
        published({"keys": [key.as_dict()]})


# -- what is said of somebody


@pytest.mark.parametrize(
    ("written", "verified"), [(True, True), ("true", True), ("false", False), (False, False), (None, False)]
)
async def test_an_address_is_verified_or_not_however_that_is_written(written: Any, verified: bool) -> None:
    """The documented mapper asks `if claims.email_verified`."""
    async with abroad(provider={"claims_source": "userinfo"}) as there:
        there.idp.told_instead = {"email_verified": written}
        outcome = await there.go("registration")
        assert outcome.identity is not None, outcome.flow.messages
        assert outcome.identity.verifiable_addresses[0].verified == verified


@pytest.mark.parametrize("kind", ["gitlab", "auth0", "salesforce", "netid", "linkedin_v2"])
async def test_some_say_more_at_their_userinfo_endpoint(kind: str) -> None:
    async with abroad(provider={"provider": kind, "mapper_url": uri(CLAIMS)}) as there:
        there.idp._is_client = lambda _: True  # type: ignore[assignment,method-assign]  # LinkedIn looks into the form
        there.idp.lies = {"email": None}
        assert given(await there.go("registration"))["email"] == ADA


async def test_the_claims_of_the_id_token_alone_can_be_asked_for() -> None:
    async with abroad(provider={"provider": "gitlab", "claims_source": "id_token"}) as there:
        assert (await there.go("registration")).completed
        assert there.idp.sink.of("/userinfo") == []


API: Mapping[str, tuple[JsonDict, JsonDict]] = {
    "discord": (
        {"id": "1", "avatar": "h", "email": ADA, "verified": True},
        {"email_verified": True, "picture": "https://cdn.discordapp.com/avatars/1/h.png"},
    ),
    "spotify": (
        {"id": "1", "images": [{"url": "https://i.example"}], "external_urls": {"spotify": "https://s.example"}},
        {"picture": "https://i.example", "profile": "https://s.example"},
    ),
    "yandex": (
        {"id": "1", "default_avatar_id": "9/a"},
        {"picture": "https://avatars.yandex.net/get-yapic/9%2Fa/islands-200"},
    ),
    "facebook": ({"id": "1", "email": ADA}, {"email": ADA, "email_verified": True}),
}


@pytest.mark.parametrize("kind", sorted(API))
async def test_what_an_api_says_goes_by_the_names_of_openid_connect(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, wanted = API[kind]
    async with api_of(kind, answer, monkeypatch) as (house, api):
        claims = given(await through(house))
        assert {name: claims.get(name) for name in wanted} == wanted
        proof = query(api.of("/me")[0].target).get("appsecret_proof", "")
        assert len(proof) == (64 if kind == "facebook" else 0)
    async with api_of(kind, {"id": "2"}, monkeypatch) as (house, _):
        assert set(given(await through(house))) == {"iss", "sub", "raw_claims"}


@pytest.mark.parametrize(
    ("provider", "scope", "more"),
    [
        ({"provider": "google", "scope": ["email", "offline_access"]}, "openid email", {"access_type": "offline"}),
        ({"provider": "generic", "scope": ["offline_access"]}, "openid offline_access", {}),
        (
            {"provider": "slack", "scope": ["identity.basic", "identity.email", "identity.team"]},
            "openid profile email",
            {},
        ),
    ],
)
async def test_scopes_go_by_the_names_that_they_have_there(provider: JsonDict, scope: str, more: JsonDict) -> None:
    async with abroad(provider=provider) as there:
        _, url = await there.leave()
        asked = query(url)
        assert (asked["scope"], asked.get("access_type")) == (scope, more.get("access_type"))


async def test_a_level_of_assurance_is_asked_of_the_provider() -> None:
    async with abroad() as there:
        _, url = await there.leave(values={"provider": "idp", "upstream_parameters": {"acr_values": "high", "x": "y"}})
        assert (query(url).get("acr_values"), query(url).get("x")) == ("high", None)


# -- who somebody is, at Microsoft


async def test_a_browser_and_an_app_bring_the_same_account() -> None:
    microsoft = {"provider": "microsoft", "microsoft_tenant": "common", "subject_source": "oid"}
    async with abroad(provider=microsoft) as there:
        there.idp.lies = {"oid": "o-1"}
        first = await there.go("registration")
        values = {
            "provider": "idp",
            "id_token": there.idp.sign(there.idp.claims("s-ada", "n")),
            "id_token_nonce": "n",
        }
        flow = await there.house.start("login")
        second = await there.house.engine.submit(flow.id, method="oidc", values=values)
        assert first.identity is not None
        assert second.identity is not None, shown(second)
        assert first.identity.id == second.identity.id


async def test_whom_microsoft_s_graph_is_asked_for_an_app_cannot_bring(monkeypatch: pytest.MonkeyPatch) -> None:
    microsoft = {"provider": "microsoft", "microsoft_tenant": "common", "subject_source": "me"}
    async with Sink() as graph, abroad(provider=microsoft) as there:
        monkeypatch.setattr(exchange, "GRAPH", f"{graph.url}/me")
        graph.script("/me", answering({"id": "g-1"}))
        assert (await there.go("registration")).completed
        token = there.idp.sign(there.idp.claims("s-ada", "n"))
        values = {"provider": "idp", "id_token": token, "id_token_nonce": "n"}
        flow = await there.house.start("login")
        assert refused(await there.house.engine.submit(flow.id, method="oidc", values=values))
