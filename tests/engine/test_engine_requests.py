"""What of the caller's request, and which ids, reach an action."""

from typing import Any

import pytest

from limen.domain import Request
from tests.support.engine import ADA, PASSWORD, House, JsonDict, hook, open_house, parse

BROWSER = Request(
    method="POST",
    url="http://127.0.0.1:4433/self-service/login?flow=x",
    headers=[
        ("accept", "text/html"),
        ("Accept-Language", "de"),
        ("Accept-Language", "en"),
        ("user-agent", "Firefox"),
        ("AUTHORIZATION", "Bearer secret"),
        ("Cookie", "ory_kratos_session=secret"),
        ("X-Session-Token", "secret"),
        ("X-Private", "secret"),
        ("sec-ch-ua-mobile", "?0"),
    ],
    cookies={
        "theme": "dark",
        "ory_kratos_session": "secret",
        "csrf_token_806060ca5bf70dff": "secret",
        "limen_s": "secret",
    },
    client_ip="203.0.113.7",
)


async def sent(house: House, request: Request) -> JsonDict:
    await house.start("login", request=request)
    return house.sent("/before")


async def test_only_listed_headers_pass_under_canonical_names_as_lists() -> None:
    async with open_house({"login.before": [hook("/before")]}) as house:
        ctx = await sent(house, BROWSER)
        assert ctx["request_headers"] == {
            "Accept": ["text/html"],
            "Accept-Language": ["de", "en"],
            "Sec-Ch-Ua-Mobile": ["?0"],
            "True-Client-Ip": ["203.0.113.7"],
            "User-Agent": ["Firefox"],
        }
        assert ctx["request_method"] == "POST"
        assert ctx["request_url"] == BROWSER.url


async def test_a_configured_list_replaces_the_default_and_credentials_never_pass() -> None:
    clients = {"web_hook": {"header_allowlist": ["X-Private", "Authorization", "Cookie", "X-Session-Token"]}}
    async with open_house({"login.before": [hook("/before")]}, clients=clients) as house:
        assert (await sent(house, BROWSER))["request_headers"] == {"X-Private": ["secret"]}


async def test_own_cookies_never_pass() -> None:
    async with open_house({"login.before": [hook("/before")]}) as house:
        assert (await sent(house, BROWSER))["request_cookies"] == {"theme": "dark"}
        assert b"secret" not in house.sink.received[0].body


async def test_an_address_that_a_trusted_proxy_has_set_stands() -> None:
    request = Request(headers={"True-Client-Ip": "198.51.100.1"}, client_ip="10.0.0.1")
    async with open_house({"login.before": [hook("/before")]}) as house:
        assert (await sent(house, request))["request_headers"]["True-Client-Ip"] == ["198.51.100.1"]


async def test_the_request_is_that_of_the_call_that_ran_the_action() -> None:
    async with open_house({"login.before": [hook("/before")], "login.after": [hook("/after")]}) as house:
        await house.register()
        flow = await house.start("login", query={"invite": "friend"})
        request = Request("POST", f"http://127.0.0.1:4433/self-service/login?flow={flow.id}", client_ip="203.0.113.9")
        values = {"identifier": ADA, "password": PASSWORD}
        outcome = await house.engine.submit(flow.id, method="password", values=values, request=request)
        before, after = house.sent("/before"), house.sent("/after")
        assert (before["request_method"], before["request_url"]) == ("POST", "http://127.0.0.1:4433/?invite=friend")
        assert (after["request_method"], after["request_url"]) == ("POST", request.url)
        assert after["flow"]["request_url"] == before["request_url"]
        assert after["session"]["devices"][0]["ip_address"] == "203.0.113.9"
        assert outcome.session is not None
        assert outcome.session.devices[0].ip_address == "203.0.113.9"


# ---------------------------------------------------------------------------------------------------------- real ids


async def test_a_parsing_action_of_registration_knows_the_identity_that_will_be() -> None:
    hooks = {"registration.after.password": [parse("/parse"), hook("/plain"), {"hook": "session"}]}
    async with open_house(hooks) as house:
        outcome = await house.register()
        assert outcome.identity is not None
        for path in ("/parse", "/plain"):
            seen = house.sent(path)["identity"]
            person = outcome.identity
            assert seen["id"] == person.id
            assert seen["created_at"] == person.created_at
            assert seen["verifiable_addresses"][0]["id"] == person.verifiable_addresses[0].id
            assert seen["recovery_addresses"][0]["id"] == person.recovery_addresses[0].id
        assert (await house.sign_in()).identity.id == outcome.identity.id  # type: ignore[union-attr]


async def test_an_action_of_login_knows_the_session_that_will_be() -> None:
    async with open_house({"login.after": [parse("/parse"), hook("/plain")]}) as house:
        await house.register()
        outcome = await house.sign_in()
        live = await house.engine.session(outcome.session_token)
        assert live is not None
        for path in ("/parse", "/plain"):
            seen = house.sent(path)["session"]
            assert seen["id"] == live.id
            assert seen["devices"][0]["id"] == live.devices[0].id
            assert seen["expires_at"] == live.expires_at
            assert seen["active"] is True


async def test_settings_show_what_was_and_what_will_be() -> None:
    async with open_house({"settings.after": [parse("/parse"), hook("/plain")]}) as house:
        await house.register(traits={"age": 36})
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": "countess@example.org", "age": 37}}
        await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        for path in ("/parse", "/plain"):
            seen = house.sent(path)
            assert (seen["identity"]["traits"]["age"], seen["previous_identity"]["traits"]["age"]) == (37, 36)
            assert seen["previous_identity"]["verifiable_addresses"][0]["value"] == ADA
            assert seen["session"]["identity"] == seen["previous_identity"] == seen["flow"]["identity"]


# ------------------------------------------------------------------------------------------------- transient payload

PAYLOAD = {"ref": "x9", "nested": {"list": [1, None, "é"]}}


async def submitted(house: House, kind: str, **options: Any) -> None:
    if kind == "registration":
        await house.register("bob@example.org", **options)
    elif kind == "login":
        await house.sign_in(**options)
    elif kind == "settings":
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": ADA, "age": 50}}
        await house.engine.submit(flow.id, method="profile", values=values, session_token=token, **options)
    else:
        await house.give_code(await house.ask_code(kind), **options)


@pytest.mark.parametrize("kind", ["login", "registration", "settings", "recovery", "verification"])
async def test_a_transient_payload_reaches_the_actions_of_every_flow_and_is_stored_nowhere(kind: str) -> None:
    async with open_house({f"{kind}.after": [parse("/parse"), hook("/plain")]}) as house:
        await house.register()
        await submitted(house, kind, transient_payload=PAYLOAD)
        for path in ("/parse", "/plain"):
            assert house.sent(path)["flow"]["transient_payload"] == PAYLOAD
        session = await house.engine.session((await house.sign_in()).session_token)
        assert session is not None
        assert "x9" not in str(session.plain())


async def test_a_transient_payload_of_the_start_reaches_the_before_actions() -> None:
    async with open_house({"login.before": [hook("/before")]}) as house:
        await house.start("login", transient_payload=PAYLOAD)
        assert house.sent("/before")["flow"]["transient_payload"] == PAYLOAD


async def test_a_payload_among_the_values_counts_as_kratos_clients_send_it() -> None:
    async with open_house({"login.after": [hook("/after")]}) as house:
        await house.register()
        flow = await house.start("login")
        values = {"identifier": ADA, "password": PASSWORD, "transient_payload": PAYLOAD}
        await house.engine.submit(flow.id, method="password", values=values)
        assert house.sent("/after")["flow"]["transient_payload"] == PAYLOAD


# --------------------------------------------------------------------------------------------- the request that is sent


async def test_every_request_carries_its_ids_and_the_standard_headers() -> None:
    async with open_house({"login.before": [hook("/before")]}) as house:
        await house.start("login")
        (request,) = house.sink.received
        assert request.method == "POST"
        assert request.header("Content-Type") == "application/json"
        assert request.header("webhook-id") == request.header("Ory-Webhook-Trigger-Id")
        assert request.header("webhook-timestamp") == str(int(house.clock.now().timestamp()))
        assert request.header("Ory-Webhook-Request-Id") != request.header("Ory-Webhook-Trigger-Id")


async def test_without_a_template_the_standard_payload_is_sent() -> None:
    action = hook("/after")
    del action["config"]["body"]
    async with open_house({"login.after": [action]}) as house:
        await house.register()
        outcome = await house.sign_in()
        assert outcome.identity is not None
        body = house.sent("/after")
        assert body["type"] == "login.after.password"
        assert body["data"] == {
            "flow_id": str(outcome.flow.id),
            "flow_type": "api",
            "method": "password",
            "identity_id": outcome.identity.id,
        }
