"""`webauthn` passwordless: a name is given, its keys are asked; and who has an account is not to be learnt so."""

import asyncio
import json
import re
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowBusy, FlowView, Outcome, RequestRefused
from tests.support.authenticator import Authenticator, Signer, challenge_of, options_of, parts
from tests.support.engine import ADA, PASSWORD, House, open_house, parse, shown
from tests.support.factors import node
from tests.support.keys import ALONE, PASSKEY, SECOND, SIGNS_IN, Keyring, methods

ON = methods(webauthn=ALONE)
NOBODY = "nobody@example.org"
WRONG = {None: [4000008]}
AT_FIRST = ["csrf_token", "identifier", "method=webauthn", "password", "method=password"]
AFTER_THE_NAME = ["identifier", "csrf_token", "webauthn_script", "webauthn_login_trigger", "webauthn_login", "screen"]
CONFIRMING = ["csrf_token", "identifier", "webauthn_login", "webauthn_script", "webauthn_login_trigger"]
AFTER_A_MISTAKE = [*CONFIRMING, "screen"]
"""As recorded, but for the way back (better)."""


async def registered(house: House, key: Authenticator | None = None, email: str = ADA) -> tuple[Keyring, Authenticator]:
    """Somebody who registered with a security key alone, signed out."""
    person, key = Keyring(house, email), key or Authenticator()
    assert (await person.try_register_key(key)).completed
    await person.sign_out()
    return person, key


def listed(shown: Outcome | FlowView) -> list[str]:
    """The keys that are asked."""
    asked = json.loads(options_of(shown, "webauthn_login_trigger"))["publicKey"]
    return [one["id"] for one in asked["allowCredentials"]]


async def test_somebody_registers_with_a_key_alone() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = Keyring(house), Authenticator()
        flow = await person.start("registration")
        assert list(parts(flow, "webauthn")) == [
            *("webauthn_register_displayname", "webauthn_register", "webauthn_register_trigger", "webauthn_script")
        ]
        assert node(flow, "webauthn_register_trigger").meta.label.id == 1040004
        values = {"traits": {"email": ADA}, "webauthn_register_displayname": "blue key"}
        missing = await person.submit(flow, "webauthn", values)
        assert shown(missing) == {"webauthn_register": [4000002]}
        assert node(missing, "webauthn_register_displayname").attributes.value == "blue key"
        refused = await person.try_register_key(key.lying(origin="http://evil.example"), flow)
        assert (refused.state, shown(refused)) == ("choose_method", WRONG)
        outcome = await person.try_register_key(key, refused.flow)
        assert outcome.completed
        assert outcome.session is not None
        assert [(one.method, one.aal) for one in outcome.session.authentication_methods] == [("webauthn", "aal1")]
        await person.sign_out()
        other = Keyring(house, "bob@example.org")
        assert shown(await other.try_register_key(Authenticator(id=key.id))) == {None: [4000007]}
        assert shown(await Keyring(house).try_register_key(Authenticator())) == {None: [4000007]}


async def test_a_login_exchange_by_exchange() -> None:
    """As Kratos was recorded: no name, the name, no answer, a wrong one, the right one."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await registered(house)
        flow = await person.start("login")
        assert list(parts(flow)) == AT_FIRST
        assert node(flow, "identifier").attributes.autocomplete == "username webauthn"
        assert shown(await person.submit(flow, "webauthn", {})) == {"identifier": [4000002]}
        asked = await person.name(flow=flow)
        assert (asked.state, asked.error) == ("choose_method", "browser_location_change_required")
        assert asked.redirect_browser_to == f"http://127.0.0.1:4455/login?flow={flow.id}"
        assert (list(parts(asked)), shown(asked)) == (AFTER_THE_NAME, {None: [1010012]})
        assert (node(asked, "identifier").attributes.value, listed(asked)) == (ADA, [key.name])
        assert node(asked, "webauthn_login_trigger").meta.label.id == 1010013
        fetched = await house.engine.flow(flow.id)
        assert listed(fetched) == [key.name]
        nothing = await person.submit(asked, "webauthn", {"identifier": ADA, "webauthn_login": "nothing"})
        assert (shown(nothing), list(parts(nothing))) == ({None: [4000001]}, AFTER_A_MISTAKE)
        for bad in (
            key.lying(signer=Signer.new(-7)),
            key.lying(origin="http://evil.example"),
            key.lying(handle="AAAA"),
            key.lying(flags=0),
            Authenticator(handle=key.handle),
        ):
            before = challenge_of(nothing, "webauthn_login_trigger")
            nothing = await person.answer(bad, nothing)
            assert (nothing.state, shown(nothing), list(parts(nothing))) == ("choose_method", WRONG, AFTER_A_MISTAKE)
            assert challenge_of(nothing, "webauthn_login_trigger") != before
        outcome = await person.answer(key, nothing)
        assert (outcome.state, outcome.flow.active) == ("completed", "webauthn")
        assert outcome.session is not None
        assert [(one.method, one.aal) for one in outcome.session.authentication_methods] == [("webauthn", "aal1")]
        assert (outcome.session.identity.traits.email, outcome.session.authenticator_assurance_level) == (ADA, "aal1")


async def test_a_key_need_not_say_whose_it_is() -> None:
    """Security keys that keep no accounts have no user handle to give (§7.2 step 6)."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await registered(house)
        key.handle = ""
        assert (await person.answer(key, await person.name())).completed


async def test_an_answer_counts_for_the_name_it_was_asked_for() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await registered(house)
        other, hers = await registered(house, email="bob@example.org")
        asked = await person.name()
        assert shown(await person.answer(key, asked, "bob@example.org")) == WRONG
        assert shown(await person.answer(hers, await person.name())) == WRONG
        asked = await person.name()
        refused = await person.answer(hers, asked, "bob@example.org")
        assert shown(refused) == WRONG, "her name and her key, and it was not asked (§7.2 step 5)"
        assert (await person.answer(key, refused)).completed
        await person.sign_out()
        assert (
            shown(
                await other.submit(
                    await other.start("login"),
                    "webauthn",
                    {
                        "identifier": "bob@example.org",
                        "webauthn_login": hers.get(options_of(await other.name(), "webauthn_login_trigger")),
                    },
                )
            )
            == WRONG
        ), "nothing was asked in this flow"


async def test_who_confirms_that_it_is_them_is_asked_at_once() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = Keyring(house), Authenticator()
        await person.try_register_key(key)
        flow = await person.start("login", refresh=True)
        assert (list(parts(flow)), shown(flow)) == (CONFIRMING, {None: [1010003]})
        outcome = await person.answer(key, flow)
        assert outcome.session is not None
        shown_by = [(one.method, one.aal) for one in outcome.session.authentication_methods]
        assert shown_by == [("webauthn", "aal1")] * 2


async def test_who_has_a_second_factor_alone_is_offered_no_key_to_confirm_by(tmp_path: Any) -> None:
    """The key stays what it was made as: its answer would not count."""
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_house(SIGNS_IN, store=store, selfservice=methods(webauthn=SECOND)) as house:
        assert (await (await Keyring(house).by_password()).add_key(Authenticator())).completed
    async with open_house(SIGNS_IN, store=store, selfservice=ON) as house:
        person, key = await Keyring(house).by_password(registered=True), Authenticator()
        by_password = ["csrf_token", "identifier", "password", "method=password"]
        assert list(parts(await person.start("login", refresh=True))) == by_password
        assert (await person.add_key(key)).completed
        flow = await person.start("login", refresh=True)
        assert list(parts(flow)) == [*CONFIRMING, *by_password[2:]]
        assert (await person.answer(key, flow)).completed


# ------------------------------------------------------------------------------------------------ the way back


async def back(person: Keyring, asked: Outcome) -> Outcome:
    """The button beside the question; as every button of a form it comes with the empty fields."""
    button = node(asked, "screen").attributes
    assert (button.type, node(asked, "screen").meta.label.id) == ("submit", 1040008)
    flow, values = asked.flow, {"identifier": person.email, "webauthn_login": "", "screen": button.value}
    return await person.house.engine.submit(flow.id, method=None, values=values)


async def test_who_has_no_key_after_all_goes_back_and_signs_in_otherwise() -> None:
    """Better: Kratos has no way back, for it asks nobody who has no key."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        await house.register()
        person = Keyring(house)
        there = await back(person, await person.name())
        assert (there.state, there.error, shown(there), list(parts(there))) == ("choose_method", None, {}, AT_FIRST)
        assert (node(there, "identifier").attributes.type, node(there, "identifier").attributes.value) == ("text", ADA)
        assert list(parts(await house.engine.flow(there.flow.id))) == AT_FIRST
        values = {"identifier": ADA, "password": PASSWORD}
        assert (await person.submit(there, "password", values)).completed


async def test_and_who_mistyped_their_name_gives_another() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = await registered(house)
        stranger = Keyring(house, NOBODY)
        there = await back(stranger, await stranger.name())
        asked = await person.name(flow=there.flow)
        assert (list(parts(asked)), listed(asked)) == (AFTER_THE_NAME, [key.name])
        assert (await person.answer(key, asked)).completed


async def test_another_way_that_is_tried_is_the_one_the_form_shows() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        await house.register()
        person = Keyring(house)
        asked = await person.name()
        wrong = await person.submit(asked, "password", {"identifier": ADA, "password": "another one"})
        assert (shown(wrong), list(parts(wrong))) == ({None: [4000006]}, AT_FIRST)


async def test_without_a_question_there_is_nothing_to_go_back_from() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        flow = await house.start("login", type="browser")
        refused = await house.engine.submit(flow.id, method=None, values={"screen": "previous"})
        assert (shown(refused), list(parts(refused))) == ({"identifier": [4000002]}, AT_FIRST)


# ---------------------------------------------------------------------------------------------------- the last key


async def test_the_last_key_of_who_has_nothing_else_stays() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = Keyring(house), Authenticator()
        await person.try_register_key(key)
        assert node(await person.start("settings"), "webauthn_remove").attributes.disabled is True
        assert shown(await person.remove(key, "webauthn")) == {"webauthn_remove": [4000001]}
        other = Authenticator()
        assert (await person.add_key(other)).completed
        assert (await person.remove(key, "webauthn")).completed
        assert shown(await person.remove(other, "webauthn")) == {"webauthn_remove": [4000001]}
        await person.sign_out()
        assert shown(await person.answer(key, await person.name())) == WRONG
        assert (await person.answer(other, await person.name())).completed


async def test_of_the_last_two_ways_that_are_given_up_at_once_one_stays() -> None:
    slow = {f"settings.after.{method}": [parse("/slow")] for method in ("webauthn", "passkey")}
    async with open_house({**SIGNS_IN, **slow}, selfservice=methods(webauthn=ALONE, passkey=PASSKEY)) as house:
        person, key, passkey = Keyring(house), Authenticator(), Authenticator()
        await person.try_register_key(key)
        assert (await person.add(passkey)).completed
        house.sink.script("/slow", Reply(204, delay=0.05))
        both = (person.remove(key, "webauthn"), person.remove(passkey))
        done = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(isinstance(one, FlowBusy) for one in done) == [False, True]
        assert len(house.log("CredentialRemoved")) == 1


async def test_both_methods_in_one_form_have_one_script() -> None:
    async with open_house(SIGNS_IN, selfservice=methods(webauthn=ALONE, passkey=PASSKEY)) as house:
        person = Keyring(house)
        for kind in ("login", "registration"):
            assert list(parts(await person.start(kind))).count("webauthn_script") == 1
        await person.by_password()
        assert list(parts(await person.start("settings"))).count("webauthn_script") == 1
        app = await house.start("login")
        assert "method=webauthn" not in list(parts(app))


async def test_a_second_factor_is_no_way_in_after_the_configuration_has_changed(tmp_path: Any) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_house(SIGNS_IN, store=store, selfservice=methods(webauthn=SECOND)) as house:
        person, key = await Keyring(house).by_password(), Authenticator()
        await person.add_key(key)
    async with open_house(SIGNS_IN, store=store, selfservice=ON) as house:
        asked = await Keyring(house).name()
        assert key.name not in listed(asked), "it is answered as if there were none"
        assert shown(await Keyring(house).answer(key, asked)) == WRONG


async def test_nor_is_a_way_in_a_second_factor_after_it_has(tmp_path: Any) -> None:
    store, asked = f"sqlite:///{tmp_path / 'limen.db'}", {"required_aal": "highest_available"}
    flows = {"flows": {"settings": asked}}
    async with open_house(SIGNS_IN, store=store, selfservice=ON) as house:
        await (await Keyring(house).by_password()).add_key(Authenticator())
    async with open_house(SIGNS_IN, store=store, selfservice=methods(webauthn=SECOND) | flows) as house:
        person = await Keyring(house).by_password(registered=True)
        assert (await person.add_key(Authenticator())).completed, "nothing more is asked of who has one factor"
        person = await Keyring(house).by_password(registered=True)
        with pytest.raises(RequestRefused, match="second factor"):
            await person.start("settings")


async def test_nor_may_the_last_way_in_go_beside_it(tmp_path: Any) -> None:
    store, passkey, key = f"sqlite:///{tmp_path / 'limen.db'}", Authenticator(), Authenticator()
    async with open_house(SIGNS_IN, store=store, selfservice=methods(webauthn=SECOND, passkey=PASSKEY)) as house:
        person = Keyring(house)
        assert (await person.try_register(passkey)).completed
        assert (await person.add_key(key)).completed
    async with open_house(SIGNS_IN, store=store, selfservice=methods(webauthn=ALONE, passkey=PASSKEY)) as house:
        person.house = house
        assert shown(await person.remove(passkey)) == {"passkey_remove": [4000001]}
        assert (await person.add_key(Authenticator())).completed
        assert (await person.remove(passkey)).completed


# --------------------------------------------------------------------------------------------------------- enumeration


def impersonal(house: House, outcome: Outcome, name: str) -> tuple[str, list[Any]]:
    """What a client sees, and what is on record, without what differs from flow to flow by itself."""
    body = json.dumps(outcome.flow.body.plain()).replace(str(outcome.flow.id), "FLOW").replace(name, "NAME")
    for id_ in listed(outcome):
        body = body.replace(id_, "KEY")
    for secret in (challenge_of(outcome, "webauthn_login_trigger"), node(outcome, "csrf_token").attributes.value):
        body = body.replace(secret, "SECRET")
    body = re.sub(r"(\{[^{}]*KEY[^{}]*\})(,\1)+", r"\1", body)  # of one in eight there are two
    body = body.replace(node(outcome, "webauthn_script").attributes.nonce, "NONCE")
    return body, [(entry.type, entry.data) for entry in house.log(flow=outcome.flow)]


async def test_a_name_that_nobody_has_is_answered_like_one_that_is_somebodys() -> None:
    """§14.6.2; Kratos says 4000015 at once."""
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        await registered(house)
        await house.register("without@example.org")
        seen = []
        for name in (ADA, NOBODY, "without@example.org"):
            person = Keyring(house, name)
            asked = await person.name()
            wrong = await person.answer(Authenticator(id=b"x" * 32), asked)
            assert (asked.error, shown(asked), shown(wrong)) == (
                "browser_location_change_required",
                {None: [1010012]},
                WRONG,
            )
            rows = await house.engine.streams.store.vault_rows(asked.flow.id)
            seen.append((impersonal(house, asked, name)[0], impersonal(house, wrong, name), [row.kind for row in rows]))
        named = [one[1][1][-1][1].pop("identity_id") for one in seen]
        assert (named[0] is None, named[1]) == (False, None), "whose name it is, is on record and not shown"
        assert seen[1] == seen[0]
        assert seen[2] == seen[0]


async def test_told_outright_it_tells_as_kratos_does() -> None:
    """`security.account_enumeration.mitigate: false`: as recorded, 4000015 on the form as it was."""
    security = {"account_enumeration": {"mitigate": False}}
    async with open_house(SIGNS_IN, selfservice=ON, security=security) as house:
        person, key = await registered(house)
        await house.register("without@example.org")
        flow = await person.start("login")
        for name in (NOBODY, "without@example.org"):
            refused = await person.submit(flow, "webauthn", {"identifier": name})
            assert (refused.error, shown(refused), list(parts(refused))) == (None, {None: [4000015]}, AT_FIRST)
            assert node(refused, "identifier").attributes.value == ""
        assert [entry.data["reason"] for entry in house.log("MethodRefused")] == ["unknown", "unknown"]
        asked = await person.name(flow=flow)
        assert (listed(asked), shown(asked)) == ([key.name], {None: [1010012]})
        assert (await person.answer(key, asked)).completed


async def test_imaginary_keys_are_always_the_same_and_look_like_real_ones() -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        first, again = [listed(await Keyring(house, NOBODY).name(name)) for name in (NOBODY, f" {NOBODY.upper()} ")]
        assert first == again
        names = [f"nobody{number}@example.org" for number in range(60)]
        asked = [listed(await Keyring(house, name).name()) for name in names]
        assert len({id_ for ids in asked for id_ in ids}) == sum(map(len, asked))
        assert {len(ids) for ids in asked} == {1, 2}
        assert len({len(id_) for ids in asked for id_ in ids}) > 2
    async with open_house(SIGNS_IN, selfservice=ON) as other:
        assert listed(await Keyring(other, NOBODY).name()) != first, "another house has another pepper"


@pytest.mark.parametrize("type", ["api", "browser"])
async def test_what_there_is_in_an_app(type: str) -> None:
    async with open_house(SIGNS_IN, selfservice=ON) as house:
        person, key = Keyring(house, type=type), Authenticator()
        flow = await person.start("registration")
        there = type == "browser"
        assert ("webauthn_register" in list(parts(flow))) is there
        if not there:
            values = {"traits": {"email": ADA}, "webauthn_register": "x"}
            assert shown(await person.submit(flow, "webauthn", values)) == {None: [4010003]}
            asked = await person.submit(await person.start("login"), "webauthn", {"identifier": ADA})
            assert shown(asked) == {None: [4010002]}
            return
        assert (await person.try_register_key(key, flow)).completed
