"""Providers that are slow, down, mistaken or malicious, and tokens that anybody may have written: refused, each."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jwt

from limen.adapters.methods.oidc import client
from limen.adapters.sink import Received, Reply
from limen.domain import Outcome
from tests.support.engine import ADA, JsonDict, shown, uri
from tests.support.provider import Abroad, abroad


def refused(outcome: Outcome) -> bool:
    return (outcome.state, shown(outcome)) == ("choose_method", {None: [4000001]})


def described(there: Abroad, **members: Any) -> None:
    own = {**there.idp.description(), **members}
    there.idp.sink.script("/.well-known/openid-configuration", Reply(200, json.dumps(own).encode()))


def part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


HEADERS: tuple[Any, ...] = (
    *(["alg"], "alg", 5, None, {}, {"alg": {}, "kid": "1"}, {"alg": ["ES256"], "kid": "1"}),
    *({"alg": "ES256", "kid": [1]}, {"alg": "ES256", "kid": {}}, {"alg": "ES256", "kid": "1", "crit": 5}),
    *({"alg": "ES256", "kid": "1", "crit": ["x"], "x": 1}, {"alg": "ES256", "kid": "1", "x": "y" * 20_000}),
)


async def test_a_token_that_is_none_is_refused_whatever_it_is() -> None:
    """Anybody may submit one to an app's flow, signed in or not."""
    async with abroad() as there:
        for header in HEADERS:
            for token in (f"{part(header)}.e30.x", f"{part(header)}.{part([])}.AAAA"):
                flow = await there.house.start("login")
                values = {"provider": "idp", "id_token": token, "id_token_nonce": "n"}
                assert refused(await there.house.engine.submit(flow.id, method="oidc", values=values)), header
        for token in ("", "a.b.c.d.e", "ä.ä.ä", "." * 3, "[" * 300):
            flow = await there.house.start("login")
            values = {"provider": "idp", "id_token": token or ".", "id_token_nonce": "n"}
            assert refused(await there.house.engine.submit(flow.id, method="oidc", values=values)), token


LIES: tuple[JsonDict, ...] = (
    *({"azp": ["cid"]}, {"azp": {}}, {"aud": {"a": 1}}, {"aud": [{"a": 1}]}, {"aud": [["cid"]]}, {"aud": 5}),
    *({"aud": ["cid", {}], "azp": "cid"}, {"iss": ["x"]}, {"iat": "5"}, {"exp": True}, {"iat": 1e400}),
    *({"sub": "x" * 2049}, {"nonce": ["n"]}, {"sub": "a\x00b"}),
)


async def test_claims_of_the_wrong_kind_are_refused() -> None:
    async with abroad() as there:
        await there.register()
        for there.idp.lies in LIES:
            assert refused(await there.go("login")), there.idp.lies


async def test_a_subject_may_be_long() -> None:
    async with abroad() as there:
        there.idp.lies = {"sub": "x" * 2048}
        assert (await there.go("registration")).completed


@pytest.mark.parametrize(
    ("member", "value", "fits"),
    [
        ("token_endpoint_auth_methods_supported", 5, True),
        ("code_challenge_methods_supported", True, True),
        ("code_challenge_methods_supported", "S256", True),
        ("userinfo_endpoint", 7, True),
        ("id_token_signing_alg_values_supported", True, False),
        ("id_token_signing_alg_values_supported", {"ES256": 1}, False),
        ("id_token_signing_alg_values_supported", ["RS256"], False),
        ("jwks_uri", None, False),
        ("jwks_uri", ["x"], False),
    ],
)
async def test_a_description_with_members_of_the_wrong_kind(member: str, value: Any, fits: bool) -> None:
    """What cannot be read is as good as not there; RS256 is what OIDC Core has then, and no more than is listed."""
    async with abroad() as there:
        described(there, **{member: value})
        outcome = await there.go("registration")
        assert (outcome.completed, refused(outcome)) == (fits, not fits)


@pytest.mark.parametrize("issuer", ["https://elsewhere.example", 5, None, ["x"], ""])
async def test_a_description_of_somebody_else_is_refused(issuer: Any) -> None:
    """Discovery §4.3: else whoever can put a document there speaks for anybody."""
    async with abroad() as there:
        described(there, issuer=issuer)
        flow = await there.house.start("login")
        assert refused(await there.house.engine.submit(flow.id, method=None, values={"provider": "idp"}))


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint"])
async def test_a_description_without_endpoints_is_refused(endpoint: str) -> None:
    async with abroad() as there:
        described(there, **{endpoint: ["x"]})
        flow = await there.house.start("login")
        assert refused(await there.house.engine.submit(flow.id, method=None, values={"provider": "idp"}))


async def test_a_provider_that_does_not_answer_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.TIMEOUT <= 10
    monkeypatch.setattr(client, "TIMEOUT", 0.2)
    for path in ("/.well-known/openid-configuration", "/token", "/keys"):
        async with abroad() as there:
            there.idp.sink.script(path, Reply(fault="hang"))
            flow = await there.house.start("login")
            outcome = await there.house.engine.submit(flow.id, method=None, values={"provider": "idp"})
            if outcome.redirect_browser_to is not None:
                outcome = await there.back(flow, await there.visit(outcome.redirect_browser_to))
            assert refused(outcome), path


async def test_tokens_that_come_with_a_failure_do_not_count() -> None:
    async with abroad() as there:
        real = there.idp._token

        def failing(request: Received) -> Reply:
            return Reply(503, real(request).body)

        there.idp.sink.script("/token", failing)
        assert refused(await there.go("registration"))


# -- what a mapper makes of it


async def test_a_number_that_cannot_be_kept_is_refused() -> None:
    mapper = "{ identity: { traits: { email: 'a@b.c' }, metadata_admin: std.extVar('claims').raw_claims } }"
    async with abroad(provider={"mapper_url": uri(mapper)}) as there:
        there.idp.lies = {"account_no": 12345678901234567890123}
        assert refused(await there.go("registration"))


@pytest.mark.parametrize(
    "identity",
    [
        "traits: { email: 'a@b.c', age: 1e300 }",
        "traits: { email: 'a\\u0000@b.c' }",
        "traits: null",
        "traits: { email: 'a@b.c' }, metadata_admin: (local f(n) = if n == 0 then {} else { a: f(n - 1) }; f(50))",
    ],
)
async def test_what_a_mapper_gives_is_held_to_what_people_send_is_held_to(identity: str) -> None:
    async with abroad(provider={"mapper_url": uri(f"{{ identity: {{ {identity} }} }}")}) as there:
        assert refused(await there.go("registration"))


async def test_claims_that_are_null_are_not_there() -> None:
    async with abroad() as there:
        there.idp.sign = lambda claims: jwt.encode(  # type: ignore[method-assign]
            {"alg": "ES256", "kid": there.idp.key.kid}, {**claims, "email_verified": None}, there.idp.key
        )
        outcome = await there.go("registration")
        assert outcome.identity is not None, outcome.flow.messages
        assert outcome.identity.traits.email == ADA
