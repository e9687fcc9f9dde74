"""`webauthn` as a second factor: a security key is added in settings and asked at a login for more; browsers only."""

import asyncio
import json

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowBusy, Outcome, RequestRefused
from tests.support.authenticator import Authenticator, Signer, challenge_of, options_of, parts
from tests.support.engine import ADA, House, JsonDict, messages, open_house, parse, person, shown, uri
from tests.support.factors import FACTORS, link_totp, node
from tests.support.keys import PASSKEY, SECOND, SIGNS_IN, Keyring, methods

ON = methods(webauthn=SECOND)
WITH_OTHERS = methods(webauthn=SECOND, **FACTORS)
WRONG = {None: [4000008]}
ADDING = ["webauthn_register_displayname", "webauthn_register", "webauthn_register_trigger", "webauthn_script"]
ASKED = ["csrf_token", "identifier", "webauthn_login", "webauthn_script", "webauthn_login_trigger"]


async def keyed(house: House, key: Authenticator | None = None) -> tuple[Keyring, Authenticator]:
    """Somebody with a password and a security key, signed in by the password alone."""
    person, key = await Keyring(house).by_password(), key or Authenticator()
    assert (await person.add_key(key)).completed
    return await person.by_password(registered=True), key


# ------------------------------------------------------------------------------------------------------------ settings


async def test_a_key_is_added_and_counts_as_shown() -> None:
    async with open_house(selfservice=WITH_OTHERS) as house:
        person, key = await Keyring(house).by_password(), Authenticator()
        flow = await person.start("settings")
        assert list(parts(flow, "webauthn")) == ADDING
        order = list(dict.fromkeys(one.group for one in flow.ui.nodes))
        assert order == ["default", "profile", "password", "lookup_secret", "webauthn", "totp"]
        name, button = node(flow, "webauthn_register_displayname"), node(flow, "webauthn_register_trigger")
        assert (name.meta.label.id, button.meta.label.id) == (1050013, 1050012)
        value = button.attributes.value
        assert button.attributes.onclick == f"window.oryWebAuthnRegistration({value})"
        assert button.attributes.onclickTrigger == "oryWebAuthnRegistration"
        asked = json.loads(value)["publicKey"]
        assert (asked["timeout"], asked["authenticatorSelection"]) == (120_000, {"userVerification": "discouraged"})

        added = await person.add_key(key, flow=flow)
        assert (added.state, shown(added)) == ("completed", {None: [1050001]})
        assert list(parts(added, "webauthn")) == ["webauthn_remove", *ADDING]
        session = await house.engine.session(person.token)
        assert session is not None
        assert session.authenticator_assurance_level == "aal2"
        assert [(one.method, one.aal) for one in session.authentication_methods] == [
            ("password", "aal1"),
            ("webauthn", "aal2"),
        ]
        house.clock.advance(5)
        assert (await person.add_key(Authenticator(), "red key")).completed
        listed = [one for one in (await person.start("settings")).ui.nodes if one.attributes.name == "webauthn_remove"]
        assert [(one.meta.label.id, one.meta.label.context.display_name) for one in listed] == [
            (1050018, "red key"),
            (1050018, "blue key"),
        ]


async def test_a_key_needs_a_name_and_an_answer() -> None:
    async with open_house(selfservice=ON) as house:
        person, key = await Keyring(house).by_password(), Authenticator()
        flow = await person.start("settings")
        assert shown(await person.submit(flow, "webauthn", {})) == {None: [4010004]}
        nothing = {"webauthn_register": "nothing", "webauthn_register_displayname": "x"}
        assert shown(await person.submit(flow, "webauthn", nothing)) == {None: [4000001]}
        answer = key.create(options_of(flow, "webauthn_register_trigger"))
        unnamed = await person.submit(flow, "webauthn", {"webauthn_register": answer})
        assert shown(unnamed) == {"webauthn_register_displayname": [4000002]}
        named = {"webauthn_register": answer, "webauthn_register_displayname": "blue key"}
        assert (await person.submit(flow, "webauthn", named)).completed


async def test_a_bad_key_is_refused_like_a_bad_answer() -> None:
    """Better than Kratos, which answers 500 for another origin, another challenge and a replay."""
    async with open_house(selfservice=ON) as house:
        person, key = await Keyring(house).by_password(), Authenticator()
        flow = await person.start("settings")
        for bad in (key.lying(origin="http://evil.example"), key.lying(challenge="AAAA"), key.lying(rp_id="evil")):
            flow_then = await person.add_key(bad, flow=flow)
            assert (flow_then.state, shown(flow_then)) == ("show_form", WRONG)
            flow = flow_then.flow
        answer = key.create(options_of(flow, "webauthn_register_trigger"))
        values = {"webauthn_register": answer, "webauthn_register_displayname": "blue key"}
        assert (await person.submit(flow, "webauthn", values)).completed
        assert shown(await person.submit(await person.start("settings"), "webauthn", values)) == WRONG


async def test_keys_are_removed_and_the_last_second_factor_may_go() -> None:
    async with open_house(selfservice=ON) as house:
        person, key = await keyed(house)
        await person.prove(key)
        flow = await person.start("settings")
        assert shown(await person.submit(flow, "webauthn", {"webauthn_remove": "00ff"})) == {None: [4000001]}
        assert node(flow, "webauthn_remove").attributes.disabled is False
        removed = await person.remove(key, "webauthn")
        assert (removed.state, list(parts(removed, "webauthn"))) == ("completed", ADDING)
        await person.by_password(registered=True)
        assert await house.engine.session(person.token) is not None
        assert list(parts(await person.start("login", aal="aal2"))) == ["csrf_token"]


async def test_second_factors_are_changed_by_who_has_shown_all_there_are() -> None:
    """Whatever `required_aal` says: else the password alone could set up another key, or take this one off."""
    lax = {**ON, "flows": {"settings": {"required_aal": "aal1"}}}
    async with open_house(selfservice=lax) as house:
        person, key = await keyed(house)
        for change in (person.add_key(Authenticator()), person.remove(key, "webauthn")):
            with pytest.raises(RequestRefused) as refused:
                await change
            assert refused.value.id == "session_aal2_required"
        assert (await person.prove(key)).completed
        assert (await person.add_key(Authenticator())).completed


async def test_who_has_a_key_shows_it_where_the_highest_level_is_asked_for() -> None:
    async with open_house(selfservice=ON) as house:
        person, key = await keyed(house)
        with pytest.raises(RequestRefused) as refused:
            await house.engine.session(person.token)
        assert refused.value.id == "session_aal2_required"
        assert (await person.prove(key)).completed
        assert await house.engine.session(person.token) is not None


async def test_of_two_keys_that_are_added_at_once_none_is_lost() -> None:
    async with open_house({"settings.after.webauthn": [parse("/slow")]}, selfservice=ON) as house:
        person, keys = await Keyring(house).by_password(), [Authenticator(), Authenticator()]
        flows = [await person.start("settings") for _ in keys]
        house.sink.script("/slow", Reply(204, delay=0.05))
        done = await asyncio.gather(
            *(person.add_key(key, flow=flow) for key, flow in zip(keys, flows, strict=True)), return_exceptions=True
        )
        assert sorted(isinstance(one, FlowBusy) for one in done) == [False, True]
        late = next(at for at, one in enumerate(done) if isinstance(one, FlowBusy))
        assert (await person.add_key(keys[late], flow=flows[late])).completed
        assert list(parts(await person.start("settings"), "webauthn")).count("webauthn_remove") == 2


# --------------------------------------------------------------------------------------------------------------- login


async def test_a_login_by_key_exchange_by_exchange() -> None:
    """As Kratos was recorded: start, no answer, a wrong one, the right one."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await keyed(house)
        flow = await person.start("login", aal="aal2")
        assert (flow.state, list(parts(flow)), shown(flow)) == ("choose_method", ASKED, {None: [1010004]})
        named, button = node(flow, "identifier").attributes, node(flow, "webauthn_login_trigger")
        assert (named.type, named.value) == ("hidden", ADA)
        assert (button.meta.label.id, button.attributes.onclickTrigger) == (1010008, "oryWebAuthnLogin")
        asked = json.loads(options_of(flow, "webauthn_login_trigger"))["publicKey"]
        assert list(asked) == ["challenge", "timeout", "rpId", "allowCredentials", "userVerification"]
        assert asked["allowCredentials"] == [{"type": "public-key", "id": key.name}]
        unnamed = await person.submit(flow, "webauthn", {"webauthn_login": "nothing"})
        assert shown(unnamed) == {"identifier": [4000002]}
        for values in ({"identifier": ADA}, {"identifier": ADA, "webauthn_login": "nothing"}):
            assert shown(await person.submit(flow, "webauthn", values)) == {None: [4000001]}
        wrong = await person.prove(key.lying(signer=Signer.new(-7)), flow)
        assert (wrong.state, shown(wrong), list(parts(wrong))) == ("choose_method", WRONG, ASKED)
        assert challenge_of(wrong, "webauthn_login_trigger") != asked["challenge"]
        right = await person.prove(key, wrong)
        assert (right.state, right.flow.active) == ("completed", "webauthn")
        assert right.session is not None
        assert right.session.authenticator_assurance_level == "aal2"
        assert [(one.method, one.aal) for one in right.session.authentication_methods] == [
            ("password", "aal1"),
            ("webauthn", "aal2"),
        ]


async def test_second_factors_are_offered_in_the_order_of_kratos() -> None:
    async with open_house(selfservice=WITH_OTHERS) as house:
        person = await Keyring(house).by_password()
        await link_totp(house, person.token)
        await person.add_key(Authenticator())
        await person.by_password(registered=True)
        flow = await person.start("login", aal="aal2")
        assert list(parts(flow)) == [*ASKED, "totp_code", "method=totp"]
        app = await person.start("login", aal="aal2", type="api")
        assert list(parts(app)) == ["csrf_token", "totp_code", "method=totp"]


async def test_the_key_of_another_account_proves_nothing() -> None:
    async with open_house(selfservice=ON) as house:
        person, _ = await keyed(house)
        bob, his = await Keyring(house, "bob@example.org").by_password(), Authenticator()
        await bob.add_key(his)
        refused = await person.prove(his)
        assert (refused.state, refused.session, shown(refused)) == ("choose_method", None, WRONG)
        flow = await person.start("login", aal="aal2")
        with pytest.raises(RequestRefused) as mismatch:
            await bob.prove(his, flow)
        assert mismatch.value.id == "security_identity_mismatch"


async def test_an_answer_counts_once_and_its_counter_goes_on() -> None:
    async with open_house(selfservice=ON) as house:
        person, key = await keyed(house)
        flow = await person.start("login", aal="aal2")
        answer = {"identifier": ADA, "webauthn_login": key.get(options_of(flow, "webauthn_login_trigger"))}
        assert (await person.submit(flow, "webauthn", answer)).completed
        await person.by_password(registered=True)
        again = await person.start("login", aal="aal2")
        assert shown(await person.submit(again, "webauthn", answer)) == WRONG
        assert shown(await person.prove(key.lying(counter=0), await person.start("login", aal="aal2"))) == WRONG
        reasons = [entry.data["reason"] for entry in house.log("MethodRefused")]
        assert reasons == ["wrong_answer", "lower_counter"]
        assert len(house.log("CredentialMissed")) == 1


async def test_wrong_answers_need_no_pause_and_count_nothing() -> None:
    async with open_house(selfservice=ON) as house:
        person, key = await keyed(house)
        flow = await person.start("login", aal="aal2")
        for _ in range(15):
            wrong = await person.prove(key.lying(signer=Signer.new(-7)), flow)
            assert (wrong.state, shown(wrong)) == ("choose_method", WRONG)
            flow = wrong.flow
        assert not house.log("CredentialMissed")
        assert (await person.prove(key, flow)).completed


async def test_a_counter_that_went_back_is_counted_and_needs_no_pause() -> None:
    async with open_house(selfservice=ON) as house:
        person, key = await keyed(house, Authenticator(counter=50))
        flow = await person.start("login", aal="aal2")
        for _ in range(12):
            flow = (await person.prove(key.lying(counter=1), flow)).flow
        assert len(house.log("CredentialMissed")) == 12
        assert (await person.prove(key, flow)).completed


async def test_an_action_that_refuses_leaves_counter_and_session_as_they_were() -> None:
    async with open_house({"login.after.webauthn": [parse("/risk")]}, selfservice=ON) as house:
        person, key = await keyed(house)
        flow = await person.start("login", aal="aal2")
        house.sink.script("/risk", messages(("#/", 7, "not now")))
        answer = {"identifier": ADA, "webauthn_login": key.get(options_of(flow, "webauthn_login_trigger"))}
        refused = await person.submit(flow, "webauthn", answer)
        assert (refused.flow.active, shown(refused)) == ("webauthn", {None: [7]})
        told = house.sent("/risk")["flow"]["ui"]["nodes"]
        values = {one["attributes"].get("name"): one["attributes"].get("value") for one in told}
        assert (values["webauthn_login_trigger"], "webauthn_login" in values) == ("", True)
        assert not house.log("CredentialUsed")
        house.sink.script("/risk", Reply(204))
        assert (await person.submit(flow, "webauthn", answer)).completed


async def test_apps_have_no_security_keys() -> None:
    async with open_house(selfservice=ON) as house:
        person, key = await keyed(house)
        await person.prove(key)
        flow = await person.start("settings", type="api")
        assert list(parts(flow, "webauthn")) == []
        values = {"webauthn_register": "x", "webauthn_register_displayname": "x"}
        assert shown(await person.submit(flow, "webauthn", values)) == {None: [4010004]}
        login = await house.start("login")
        values = {"identifier": ADA, "webauthn_login": "x"}
        refused = await house.engine.submit(login.id, method="webauthn", values=values)
        assert shown(refused) == {None: [4010002]}
        browser = await house.start("login", type="browser")
        refused = await house.engine.submit(browser.id, method="webauthn", values={"identifier": ADA})
        assert shown(refused) == {None: [4010002]}, "a second factor signs nobody in"


# ------------------------------------------------------------------------------------- who has no name to sign in with


def a_schema(**credentials: JsonDict) -> JsonDict:
    """The address is good for these credentials alone."""
    document = person()
    document["properties"]["traits"]["properties"]["email"]["ory.sh/kratos"] = {"credentials": credentials}
    return {"schemas": [{"id": "person", "url": uri(document)}]}


async def confirmed(person: Keyring, key: Authenticator) -> tuple[str, Outcome]:
    """The name the form has, and what comes of an answer by just that form."""
    flow = await person.start("login", aal="aal2")
    name = node(flow, "identifier").attributes.value
    answer = key.get(options_of(flow, "webauthn_login_trigger"))
    return name, await person.submit(flow, "webauthn", {"identifier": name, "webauthn_login": answer})


async def test_who_signs_in_by_code_alone_is_called_by_their_address() -> None:
    """Else the form would have no name for them, and want one."""
    schema = a_schema(code={"identifier": True, "via": "email"})
    hooks, key = {"registration.after.code": [{"hook": "session"}]}, Authenticator()
    async with open_house(hooks, identity=schema, selfservice={"methods": {"webauthn": SECOND}}) as house:
        ada = Keyring(house)
        ada.token = (await house.give_code(await house.ask_code("registration"))).session_token
        assert (await ada.add_key(key)).completed
        ada.token = (await house.give_code(await house.ask_code("login"))).session_token
        name, outcome = await confirmed(ada, key)
        assert (name, outcome.completed) == (ADA, True)
        assert (await ada.start("settings")).state == "show_form"


@pytest.mark.parametrize(("credentials", "name"), [({"totp": {"account_name": True}}, ADA), ({}, "")])
async def test_who_has_no_name_at_all_need_not_say_it(credentials: JsonDict, name: str) -> None:
    both, key, passkey = methods(webauthn=SECOND, passkey=PASSKEY), Authenticator(), Authenticator()
    async with open_house(SIGNS_IN, identity=a_schema(**credentials), selfservice=both) as house:
        ada = Keyring(house)
        assert (await ada.try_register(passkey)).completed
        assert (await ada.add_key(key)).completed
        await ada.sign_out()
        assert (await ada.sign_in(passkey)).completed
        called, outcome = await confirmed(ada, key)
        assert (called, outcome.completed) == (name, True)


async def test_whom_the_form_has_a_name_for_gives_it() -> None:
    """As Kratos was recorded."""
    async with open_house(selfservice=ON) as house:
        ada, key = await keyed(house)
        flow = await ada.start("login", aal="aal2")
        answer = key.get(options_of(flow, "webauthn_login_trigger"))
        refused = await ada.submit(flow, "webauthn", {"webauthn_login": answer})
        assert shown(refused) == {"identifier": [4000002]}
