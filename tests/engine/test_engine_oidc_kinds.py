"""Providers that ask in ways of their own: JSON for a form, a token in the address, a key to be asked for."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from limen.adapters.configuration.presets import PRESETS
from limen.adapters.sink import Received, Reply, Sink
from limen.domain import Request
from tests.support.engine import ADA, JsonDict, open_house, uri
from tests.support.provider import CALLBACK, SECRET, abroad, query

CLAIMS = "local c = std.extVar('claims'); { identity: { traits: { email: 'ada@example.org' }, metadata_public: c } }"


@asynccontextmanager
async def signed_up(
    kind: str, api: Sink, monkeypatch: pytest.MonkeyPatch, tokens: JsonDict, answer: JsonDict, **provider: Any
) -> AsyncIterator[tuple[JsonDict, dict[str, str]]]:
    """What the mapper was given, and what the browser was sent away with, after a trip to this API."""
    own = PRESETS[kind].userinfo_url or ""
    path = own.replace("{issuer}", "").partition("?")
    if "{issuer}" not in own:
        preset = replace(PRESETS[kind], userinfo_url=f"{api.url}/me{path[1]}{path[2]}")
        monkeypatch.setitem(PRESETS, kind, preset)
        provider["token_url"] = f"{api.url}/token"
    for where in ("/token", "/idshub/token"):
        api.script(where, Reply(200, json.dumps(tokens).encode()))
    for where in ("/me", "/idshub/userinfo"):
        api.script(where, Reply(200, json.dumps(answer).encode()))
    config = {"id": "p", "provider": kind, "client_id": "cid", "client_secret": SECRET, "mapper_url": uri(CLAIMS)}
    oidc = {"enabled": True, "config": {"providers": [{**config, **provider}]}}
    async with open_house(selfservice={"methods": {"oidc": oidc}}) as house:
        flow = await house.start("registration")
        away = await house.engine.submit(flow.id, method=None, values={"provider": "p"})
        assert away.redirect_browser_to is not None, away.flow.messages
        asked = {**query(away.redirect_browser_to), "": away.redirect_browser_to.partition("?")[0]}
        name = "authCode" if kind == "dingtalk" else "code"
        url = f"{CALLBACK}/p?{name}=c&state={asked['state']}"
        outcome = await house.engine.resume(flow.id, request=Request(method="GET", url=url))
        assert outcome.completed, outcome.flow.messages
        assert outcome.identity is not None
        yield outcome.identity.metadata_public.plain(), asked


def form(request: Received) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


async def test_lark_tells_people_apart_by_open_id(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"open_id": "ou_1", "sub": "ou_1", "name": "Ada", "avatar_url": "https://a.example", "email": ADA}
    async with Sink() as api, signed_up("lark", api, monkeypatch, {"access_token": "a"}, answer) as (claims, asked):
        assert (claims["sub"], claims["name"], claims["picture"]) == ("ou_1", "Ada", "https://a.example")
        assert form(api.of("/token")[0])["client_secret"] == SECRET
        assert asked[""] == "https://passport.feishu.cn/suite/passport/oauth/authorize"


async def test_uae_pass_is_where_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"sub": "UAEPASS/1", "firstnameEN": "Ada", "lastnameEN": "L", "email": ADA, "mobile": "9715"}
    async with Sink() as api:
        issuer = f"{api.url}/"
        async with signed_up("uaepass", api, monkeypatch, {"access_token": "a"}, answer, issuer_url=issuer) as told:
            claims, asked = told
            assert (claims["sub"], claims["given_name"], claims["phone_number"]) == ("UAEPASS/1", "Ada", "9715")
            assert asked[""] == f"{api.url}/idshub/authorize"
            assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "urn:uae:digitalid:profile:general")
            assert asked["acr_values"].endswith(":level:low")
            assert form(api.of("/idshub/token")[0])["code_verifier"]
            assert api.of("/idshub/userinfo")[0].header("Authorization") == "Bearer a"


async def test_vk_gives_the_address_with_the_token_and_wants_the_token_in_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = {"response": [{"id": 7, "first_name": "Ada", "photo_200": "https://p.example"}]}
    tokens = {"access_token": "a", "email": ADA, "user_id": 7}
    async with Sink() as api, signed_up("vk", api, monkeypatch, tokens, answer) as (claims, _):
        assert (claims["sub"], claims["email"], claims["picture"]) == ("7", ADA, "https://p.example")
        assert "email_verified" not in claims
        (me,) = api.of("/me")
        assert query(me.target)["access_token"] == "a"
        assert query(me.target)["v"] == "5.103"
        assert me.header("Authorization") is None


async def test_dingtalk_wants_json_and_a_header_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"openId": "o-1", "nick": "Ada", "avatarUrl": "https://a.example", "mobile": "1"}
    async with Sink() as api, signed_up("dingtalk", api, monkeypatch, {"accessToken": "a"}, answer) as told:
        claims, asked = told
        assert (claims["sub"], claims["name"], claims["phone_number"]) == ("o-1", "Ada", "1")
        sent = json.loads(api.of("/token")[0].body)
        assert {name: sent[name] for name in ("clientId", "clientSecret", "code", "grantType")} == {
            "clientId": "cid",
            "clientSecret": SECRET,
            "code": "c",
            "grantType": "authorization_code",
        }
        assert api.of("/me")[0].header("x-acs-dingtalk-access-token") == "a"
        assert (asked["prompt"], asked["scope"]) == ("consent", "openid")


async def test_line_is_asked_for_a_token_that_anybody_can_check() -> None:
    async with abroad(provider={"provider": "line"}) as there:
        there.idp._is_client = lambda _: True  # type: ignore[assignment,method-assign]  # it looks into the form
        assert (await there.go("registration")).completed
        sent = form(there.idp.sink.of("/token")[0])
        assert (sent["id_token_key_type"], sent["client_secret"]) == ("JWK", SECRET)
    assert PRESETS["line"].issuer == "https://access.line.me"
