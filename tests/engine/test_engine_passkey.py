"""`passkey`: keys that say whose they are, in browsers and apps, asked by forms and answered by an authenticator."""

import asyncio
import json
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowBusy, FlowView, RequestRefused
from tests.support.authenticator import Authenticator, challenge_of, decode, options_of, parts
from tests.support.engine import ADA, House, messages, open_house, parse, shown
from tests.support.factors import node
from tests.support.keys import ALONE, PASSKEY, SIGNS_IN, Keyring, methods

ON = methods(passkey=PASSKEY)
BOTH = ("api", "browser")
NOTHING: tuple[Any, ...] = ("nothing", "{}", "[]", "{" * 5000, '{"rawId": 5}', 5, ["x"], {"a": 1}, "x" * 70_000)


def table(flow: FlowView, *left_out: str) -> list[tuple[str, str, int | None]]:
    """Name, type and label of every node of the two groups, in order."""
    return [
        (one.attributes.name or one.attributes.id, one.attributes.type, one.meta.label.id if one.meta.label else None)
        for one in flow.ui.nodes
        if one.group in ("webauthn", "passkey") and one.attributes.id not in left_out
    ]


# ----------------------------------------------------------------------------------------------------------- the forms


@pytest.mark.parametrize("type", BOTH)
async def test_the_forms_are_those_of_kratos(type: str) -> None:
    script = [("webauthn_script", "text/javascript", None)] if type == "browser" else []
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person = Keyring(house, type=type)
        flow = await person.start("registration")
        assert table(flow) == [
            *script,
            ("passkey_register_trigger", "button", 1040007),
            ("passkey_register", "hidden", None),
            ("passkey_create_data", "hidden", None),
        ]
        assert list(parts(flow))[-2:] == ["password", "method=password"]
        assert node(flow, "passkey_register_trigger").attributes.onclickTrigger == "oryPasskeyRegistration"
        await person.register(flow=flow)
        flow = await person.start("login", session_token=None)
        assert table(flow) == [
            *script,
            ("passkey_login_trigger", "button", 1010021),
            ("passkey_login", "hidden", None),
            ("passkey_challenge", "hidden", None),
        ]
        assert node(flow, "identifier").attributes.autocomplete == "username webauthn"
        assert node(flow, "passkey_login").attributes.onloadTrigger == "oryPasskeyLoginAutocompleteInit"
        token = person.token or (await person.sign_in(Authenticator(), flow)).session_token
        if type == "api":
            flow = await person.start("settings", session_token=token)
            assert table(flow) == [
                ("passkey_remove", "submit", 1050020),
                ("passkey_register_trigger", "button", 1050019),
                ("passkey_settings_register", "hidden", None),
                ("passkey_create_data", "hidden", None),
            ]


async def test_a_browser_gets_a_script_and_calls_and_an_app_does_not() -> None:
    async with open_house(selfservice=ON) as house:
        flow = await house.start("login", type="browser")
        script = node(flow, "webauthn_script").attributes
        assert script.src == "http://127.0.0.1:4433/.well-known/ory/webauthn.js"
        assert script.integrity.startswith("sha512-")
        assert (script["async"], script.crossorigin, script.referrerpolicy) == (True, "anonymous", "no-referrer")
        other = await house.start("login", type="browser")
        assert node(other, "webauthn_script").attributes.nonce != script.nonce
        assert node(await house.engine.flow(flow.id), "webauthn_script").attributes.nonce == script.nonce
        assert node(flow, "passkey_login_trigger").attributes.onclick == "window.oryPasskeyLogin()"
        app = await house.start("login")
        assert "onclick" not in node(app, "passkey_login_trigger").attributes
        assert "onload" not in node(app, "passkey_login").attributes


async def test_what_is_asked_of_an_authenticator() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person = Keyring(house)
        flow = await person.start("registration")
        data = json.loads(options_of(flow, "passkey_create_data"))
        assert data["displayNameFieldName"] == "traits.email"
        asked = data["credentialOptions"]["publicKey"]
        assert (asked["rp"], asked["user"]["name"]) == ({"name": "Example", "id": "127.0.0.1"}, "Example")
        assert asked["timeout"] == 300_000
        assert asked["authenticatorSelection"] == {
            "authenticatorAttachment": "platform",
            "requireResidentKey": True,
            "residentKey": "required",
            "userVerification": "preferred",
        }
        assert {"excludeCredentials", "attestation"}.isdisjoint(asked)
        assert (len(decode(asked["challenge"])), len(decode(asked["user"]["id"]))) == (32, 64)
        key = await person.register(flow=flow)
        login = json.loads(options_of(await person.start("login", session_token=None), "passkey_challenge"))
        assert list(login["publicKey"]) == ["challenge", "timeout", "rpId", "userVerification"]
        again = await person.start("login", refresh=True)
        assert shown(again) == {None: [1010003]}
        assert list(parts(again)) == [
            *("csrf_token", "identifier", "webauthn_script"),
            *("passkey_login_trigger", "passkey_login", "passkey_challenge"),
        ]
        asked = json.loads(options_of(again, "passkey_challenge"))["publicKey"]
        assert asked["allowCredentials"] == [{"type": "public-key", "id": key.name}]
        settings = json.loads(options_of(await person.start("settings"), "passkey_create_data"))["publicKey"]
        assert settings["excludeCredentials"] == [{"type": "public-key", "id": key.name}]
        assert (settings["user"]["name"], settings["user"]["id"]) == (ADA, key.handle)


async def test_the_configuration_says_what_is_asked() -> None:
    config = {
        "rp": {"id": "example.org", "display_name": "Example", "origins": ["https://app.example.org"]},
        "authenticator_selection": {"attachment": "cross-platform", "user_verification": "required"},
        "attestation": {"preference": "direct"},
        "timeouts": {"registration": "10m", "login": "90s"},
    }
    async with open_house(SIGNS_IN, selfservice=methods(passkey={"enabled": True, "config": config})) as house:
        person, key = Keyring(house), Authenticator(origin="https://app.example.org")
        outcome = await person.try_register(key.lying(flags=1))
        assert shown(outcome) == {None: [4000008]}, "user verification is required, and this one had none"
        await person.register(key)
        assert (key.asked["timeout"], key.asked["attestation"]) == (600_000, "direct")
        assert key.asked["authenticatorSelection"]["authenticatorAttachment"] == "cross-platform"
        await person.sign_out()
        assert shown(await person.sign_in(key.lying(flags=1, counter=key.counter))) == {None: [4000008]}
        assert (await person.sign_in(key)).completed
        assert (key.asked["timeout"], key.asked["rpId"]) == (90_000, "example.org")


# ------------------------------------------------------------------------------------------------ from end to end


@pytest.mark.parametrize("type", BOTH)
@pytest.mark.parametrize("algorithm", [-7, -8, -257])
async def test_somebody_registers_and_signs_in_and_needs_nothing_else(type: str, algorithm: int) -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = Keyring(house, type=type), Authenticator(algorithm=algorithm)
        registered = await person.try_register(key)
        assert registered.completed
        assert "active" not in registered.flow.body
        assert registered.session is not None
        assert registered.session.authenticator_assurance_level == "aal1"
        assert [(one.method, one.aal) for one in registered.session.authentication_methods] == [("passkey", "aal1")]
        await person.sign_out()
        outcome = await person.sign_in(key)
        assert (outcome.state, outcome.flow.active) == ("completed", "passkey")
        assert outcome.session is not None
        assert outcome.session.identity.traits.email == ADA
        assert [(one.method, one.aal) for one in outcome.session.authentication_methods] == [("passkey", "aal1")]
        assert [entry.data["type"] for entry in house.log("CredentialUsed")] == ["passkey"]


async def test_actions_of_a_registration_see_no_method_under_way_and_no_challenge() -> None:
    hooks = {**SIGNS_IN, "registration.before": [parse("/before")]}
    hooks["registration.after.passkey"] = [parse("/after"), *SIGNS_IN["registration.after.passkey"]]
    async with open_house(hooks, selfservice=ON) as house:
        await Keyring(house).register()
        for path in ("/before", "/after"):
            flow = house.sent(path)["flow"]
            assert "active" not in flow
            values = {one["attributes"].get("name"): one["attributes"].get("value") for one in flow["ui"]["nodes"]}
            assert values["passkey_create_data"] == ""
        assert "credentials" not in house.sent("/after")["identity"]


async def test_without_an_answer_nothing_is_judged() -> None:
    """As recorded: 422 at login, where the page goes on by itself; elsewhere there is no such method."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person = Keyring(house)
        flow = await person.start("login")
        asked = await person.submit(flow, "passkey", {})
        assert (asked.state, asked.error) == ("choose_method", "browser_location_change_required")
        assert asked.redirect_browser_to == f"http://127.0.0.1:4455/login?flow={flow.id}"
        assert challenge_of(asked, "passkey_challenge") == challenge_of(flow, "passkey_challenge")
        flow = await person.start("registration")
        assert shown(await person.submit(flow, "passkey", {"traits": {"email": ADA}})) == {None: [4010003]}
        await person.register(flow=flow)
        assert shown(await person.submit(await person.start("settings"), "passkey", {})) == {None: [4010004]}


@pytest.mark.parametrize("answer", NOTHING, ids=range(len(NOTHING)))
async def test_what_is_no_answer_uses_no_challenge_up(answer: object) -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person = Keyring(house)
        new = await person.start("registration")
        values = {"traits": {"email": ADA}, "passkey_register": answer}
        refused = await person.submit(new, "passkey", values)
        assert shown(refused) == {None: [4000001]}
        assert challenge_of(refused, "passkey_create_data") == challenge_of(new, "passkey_create_data")
        key = await person.register(flow=refused.flow)
        flow = await person.start("settings")
        refused = await person.submit(flow, "passkey", {"passkey_settings_register": answer})
        assert shown(refused) == {None: [4000001]}
        await person.sign_out()
        flow = await person.start("login")
        refused = await person.submit(flow, "passkey", {"passkey_login": answer})
        assert shown(refused) == {None: [4000001]}
        assert (await person.sign_in(key, refused)).completed


async def test_traits_are_looked_at_before_the_key() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = Keyring(house), Authenticator()
        flow = await person.start("registration")
        answer = key.create(options_of(flow, "passkey_create_data"))
        refused = await person.submit(flow, "passkey", {"traits": {}, "passkey_register": answer})
        assert shown(refused) == {"traits.email": [4000002]}
        values = {"traits": {"email": ADA}, "passkey_register": answer}
        assert (await person.submit(flow, "passkey", values)).completed


async def test_an_address_that_is_taken_is_refused_and_no_key_is_kept() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        await house.register()
        person, key = Keyring(house), Authenticator()
        assert shown(await person.try_register(key)) == {None: [4000007]}
        assert shown(await person.sign_in(key)) == {None: [4000015]}


# ------------------------------------------------------------------------------------------------------------ settings


async def test_keys_are_added_and_removed_one_by_one() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person = Keyring(house, type="api")
        first, second = await person.register(), Authenticator()
        house.clock.advance(90)
        added = await person.add(second)
        assert (added.state, shown(added)) == ("completed", {None: [1050001]})
        buttons = [one for one in added.flow.ui.nodes if one.attributes.name == "passkey_remove"]
        assert [one.attributes.value for one in buttons] == [first.id.hex(), second.id.hex()]
        label = buttons[1].meta.label
        assert (label.context.display_name, label.context.added_at) == ("unnamed", "2026-03-02T12:01:30Z")
        assert not any(one.attributes.disabled for one in buttons)
        assert second.handle == first.handle, "somebody's keys have one user handle"
        session = await house.engine.session(person.token)
        assert session is not None
        assert [one.method for one in session.authentication_methods] == ["passkey", "passkey"]
        removed = await person.remove(first)
        assert (removed.state, list(parts(removed, "passkey")).count("passkey_remove")) == ("completed", 1)
        assert shown(await Keyring(house).sign_in(first)) == {None: [4000008]}
        assert (await Keyring(house).sign_in(second)).completed
        assert shown(await person.submit(await person.start("settings"), "passkey", {"passkey_remove": "00ff"})) == {
            None: [4000001]
        }


async def test_the_last_way_to_sign_in_is_not_removed() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person = Keyring(house)
        key = await person.register()
        assert node(await person.start("settings"), "passkey_remove").attributes.disabled is True
        refused = await person.remove(key)
        assert (refused.state, shown(refused)) == ("show_form", {"passkey_remove": [4000001]})
        flow = await person.start("settings")
        assert (await person.submit(flow, "password", {"password": "correct horse battery"})).completed
        assert node(await person.start("settings"), "passkey_remove").attributes.disabled is False
        gone = await person.remove(key)
        assert (gone.state, list(parts(gone, "passkey")).count("passkey_remove")) == ("completed", 0)
        assert [entry.data["type"] for entry in house.log("CredentialRemoved")] == ["passkey"]
        assert shown(await Keyring(house).sign_in(key)) == {None: [4000008]}


async def test_a_key_that_was_given_up_can_be_somebody_elses() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await Keyring(house).by_password(), Authenticator()
        await person.add(key)
        await person.remove(key)
        other = Keyring(house, "bob@example.org")
        key.handle = None
        await other.register(key)
        assert (await Keyring(house).sign_in(key)).completed


@pytest.mark.parametrize(
    ("method", "field"), [("passkey", "passkey_settings_register"), ("webauthn", "webauthn_register")]
)
async def test_keys_are_changed_in_a_fresh_session_alone(method: str, field: str) -> None:
    """Whatever is submitted, as Kratos was recorded with other methods: nothing of it is judged, nor used up."""
    async with open_house(SIGNS_IN, selfservice=methods(passkey=PASSKEY, webauthn=ALONE)) as house:
        person, key, other = Keyring(house), Authenticator(), Authenticator()
        asks = "passkey_create_data" if method == "passkey" else "webauthn_register_trigger"
        assert (await (person.try_register(key) if method == "passkey" else person.try_register_key(key))).completed
        house.clock.advance(2 * 3600)
        flow = await person.start("settings")
        right = {field: other.create(options_of(flow, asks)), "webauthn_register_displayname": "red key"}
        wrong = {**right, field: other.lying(origin="http://evil.example").create(options_of(flow, asks))}
        for values in (
            right,
            wrong,
            {field: "nothing"},
            {f"{method}_remove": key.id.hex()},
            {f"{method}_remove": "00"},
        ):
            before = house.size
            with pytest.raises(RequestRefused) as refused:
                await person.submit(flow, method, values)
            assert (refused.value.id, house.size) == ("session_refresh_required", before)
        again = await person.start("login", refresh=True)
        assert (await (person.sign_in(key, again) if method == "passkey" else person.answer(key, again))).completed
        assert (await person.submit(flow, method, right)).completed


async def test_of_two_keys_that_are_added_at_once_none_is_lost() -> None:
    async with open_house({**SIGNS_IN, "settings.after.passkey": [parse("/slow")]}, selfservice=ON) as house:
        person, keys = await Keyring(house).by_password(), [Authenticator() for _ in range(3)]
        flows = [await person.start("settings") for _ in keys]
        house.sink.script("/slow", Reply(204, delay=0.05))
        done = await asyncio.gather(
            *(person.add(key, flow) for key, flow in zip(keys, flows, strict=True)), return_exceptions=True
        )
        won = [one for one in done if not isinstance(one, BaseException)]
        assert len(won) == 1
        assert all(isinstance(one, FlowBusy) for one in done if one is not won[0])
        for key, flow, outcome in zip(keys, flows, done, strict=True):
            if isinstance(outcome, FlowBusy):
                assert (await person.add(key, flow)).state == "completed"
        assert list(parts(await person.start("settings"), "passkey")).count("passkey_remove") == 3
        for key in keys:
            assert (await Keyring(house).sign_in(key)).completed


async def test_who_is_erased_takes_their_keys_along() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person = Keyring(house)
        key = await person.register()
        signed_in = await house.engine.signed_in(person.token)
        assert signed_in is not None
        await house.engine.erase(signed_in.identity.id)
        assert shown(await Keyring(house).sign_in(key)) == {None: [4000008]}
        key.handle = None
        await Keyring(house, "bob@example.org").register(key)


async def ada(house: House, key: Authenticator | None = None) -> tuple[Keyring, Authenticator]:
    """Somebody with a passkey, signed out."""
    person = Keyring(house)
    made = await person.register(key)
    await person.sign_out()
    return person, made


async def test_an_action_that_refuses_leaves_the_counter_as_it_was() -> None:
    async with open_house({**SIGNS_IN, "login.after.passkey": [parse("/risk")]}, selfservice=ON) as house:
        person, key = await ada(house)
        flow = await person.start("login")
        house.sink.script("/risk", messages(("#/", 7, "not now")))
        answer = key.get(options_of(flow, "passkey_challenge"))
        refused = await person.submit(flow, "passkey", {"passkey_login": answer})
        assert (refused.flow.active, shown(refused)) == ("passkey", {None: [7]})
        assert not house.log("CredentialUsed")
        house.sink.script("/risk", Reply(204))
        assert (await person.submit(flow, "passkey", {"passkey_login": answer})).completed
