"""Providers that are known by name: those without ID tokens, those with ways of their own; and a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from limen.adapters.configuration.presets import PRESETS
from limen.adapters.sink import Received, Reply, Sink
from limen.adapters.system import SystemClock
from limen.domain import Outcome, Request
from tests.support.engine import ADA, House, JsonDict, open_house, shown, uri
from tests.support.provider import CALLBACK, MAPPER, abroad, landing, methods_of, query

CONFIG = {"client_id": "cid", "client_secret": "a-secret", "mapper_url": uri(MAPPER)}


@asynccontextmanager
async def house_with(provider: JsonDict, **options: Any) -> AsyncIterator[House]:
    oidc = {"enabled": True, "config": {"providers": [{"id": "p", **CONFIG, **provider}]}}
    async with open_house(selfservice={"methods": {"oidc": oidc}}, **options) as house:
        yield house


async def leave(house: House) -> tuple[Any, dict[str, str]]:
    flow = await house.start("registration")
    away = await house.engine.submit(flow.id, method=None, values={"provider": "p"})
    assert away.redirect_browser_to is not None, away.flow.messages
    return flow, query(away.redirect_browser_to)


async def back(house: House, flow: Any, asked: dict[str, str]) -> Outcome:
    url = f"{CALLBACK}/p?code=c&state={asked['state']}"
    return await house.engine.resume(flow.id, request=Request(method="GET", url=url))


def answering(body: Any) -> Reply:
    return Reply(200, json.dumps(body).encode())


async def test_github_says_who_it_is_by_its_api(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Sink() as api:
        known = replace(PRESETS["github"], userinfo_url=f"{api.url}/user", emails_url=f"{api.url}/emails")
        monkeypatch.setitem(PRESETS, "github", known)
        api.script("/token", answering({"access_token": "a", "token_type": "bearer"}))
        api.script("/user", answering({"id": 7, "login": "ada", "name": "Ada L.", "email": None}))
        listed = [{"email": "x@example.org"}, {"email": ADA, "primary": True, "verified": True}]
        api.script("/emails", answering(listed))
        own = {"provider": "github", "token_url": f"{api.url}/token", "scope": ["user:email"]}
        async with house_with(own) as house:
            flow, asked = await leave(house)
            assert (asked["scope"], asked["code_challenge_method"], "nonce" in asked) == ("user:email", "S256", False)
            outcome = await back(house, flow, asked)
            assert (outcome.completed, methods_of(outcome)) == (True, [("oidc", "p")])
            assert outcome.identity is not None
            assert (outcome.identity.traits.email, outcome.identity.verifiable_addresses[0].verified) == (ADA, True)
            (token,) = api.of("/token")
            form = dict(parse_qsl(token.body.decode()))
            assert (form["client_id"], form["client_secret"], form["code"]) == ("cid", "a-secret", "c")
            assert [one.header("Authorization") for one in api.of("/user")] == ["Bearer a"]


async def test_an_api_that_does_not_say_who_it_is_signs_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Sink() as api:
        monkeypatch.setitem(PRESETS, "discord", replace(PRESETS["discord"], userinfo_url=f"{api.url}/me"))
        api.script("/token", answering({"access_token": "a"}))
        api.script("/me", [answering({"username": "ada"}), answering([]), Reply(500), Reply(302)])
        async with house_with({"provider": "discord", "token_url": f"{api.url}/token"}) as house:
            for _ in range(4):
                flow, asked = await leave(house)
                assert shown(await back(house, flow, asked)) == {None: [4000001]}


async def test_apple_is_shown_a_secret_that_is_signed_and_posts_its_answer() -> None:
    key = ECKey.generate_key("P-256")
    apple = {
        "provider": "apple",
        "client_secret": "",
        "apple_team_id": "team",
        "apple_private_key_id": "kid",
        "apple_private_key": key.as_pem(private=True).decode(),
    }
    async with abroad(provider=apple) as there:
        secrets: list[str] = []
        token = there.idp._token

        def front(request: Received) -> Reply:
            secrets.append(dict(parse_qsl(request.body.decode()))["client_secret"])
            return token(request)

        there.idp._is_client = lambda _: True  # type: ignore[assignment,method-assign]  # Apple looks into the form
        there.idp.sink.script("/token", front)
        flow, url = await there.leave("registration")
        assert query(url)["response_mode"] == "form_post"
        there.idp.people["s-ada"] = {"email": ADA}
        user = {"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "another@example.org"}
        values = {**query(await there.visit(url)), "user": json.dumps(user)}
        request = Request(method="POST", url=f"{CALLBACK}/idp")
        outcome = await there.house.engine.resume(flow.id, values=values, request=request)
        assert outcome.completed, outcome.flow.messages
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == {"email": ADA, "name": {"first": "Ada"}}, "Apple's form has the name"
        claims = jwt.decode(secrets[0], key).claims
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("team", "cid", "https://appleid.apple.com")
        assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize(("tenant", "fits"), [("mine", True), ("another", False)])
async def test_microsoft_s_shared_tenants_name_the_person_s_own(tenant: str, fits: bool) -> None:
    microsoft = {"provider": "microsoft", "microsoft_tenant": "common", "subject_source": "oid"}
    async with abroad(provider=microsoft) as there:
        own = {**there.idp.description(), "issuer": "https://login.example/{tenantid}/v2.0"}
        own["authorization_response_iss_parameter_supported"] = False
        there.idp.sink.script("/.well-known/openid-configuration", answering(own))
        there.idp.lies = {"iss": "https://login.example/mine/v2.0", "tid": tenant, "oid": "o-1"}
        flow, url = await there.leave("registration")
        landed = await there.visit(url)
        outcome = await there.back(flow, landed.replace(f"iss={quote(there.idp.issuer, safe='')}", ""))
        assert outcome.completed == fits, outcome.flow.messages


async def test_a_provider_that_is_a_process_of_its_own() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "limen.adapters.demo.provider", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        issuer = (await process.stdout.readline()).decode().strip()
        own = {"provider": "generic", "issuer_url": issuer, "client_id": "limen", "client_secret": "demo-secret"}
        async with house_with(own, clock=SystemClock()) as house:
            flow = await house.start("registration")
            away = await house.engine.submit(flow.id, method=None, values={"provider": "p"})
            there = await landing(str(away.redirect_browser_to))
            outcome = await house.engine.resume(flow.id, request=Request(method="GET", url=there))
            assert outcome.completed, outcome.flow.messages
            assert outcome.identity is not None
            assert outcome.identity.traits.email == ADA
    finally:
        process.kill()
        await process.wait()
