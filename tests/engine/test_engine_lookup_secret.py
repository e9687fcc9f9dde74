"""`lookup_secret`: twelve codes on paper, made and shown in settings; each of them is a second factor once."""

import asyncio
import re

import pytest

from limen.adapters.sink import Reply
from tests.support.engine import House, messages, open_house, parse, shown
from tests.support.factors import FACTORS, codes_of, keep_codes, link_totp, names, node, press, prove

SELFSERVICE = {"methods": {"lookup_secret": FACTORS["lookup_secret"]}}
NONE = ["lookup_secret_regenerate"]
NEW = ["lookup_secret_codes", "lookup_secret_confirm"]
KEPT = ["lookup_secret_reveal", "lookup_secret_disable"]
REVEALED = ["lookup_secret_disable", "lookup_secret_codes", "lookup_secret_regenerate"]


async def token_of(house: House) -> str:
    """Somebody registered and signed in by password."""
    await house.register()
    token = (await house.sign_in()).session_token
    assert token is not None
    return token


# ------------------------------------------------------------------------------------------------------------ settings


async def test_codes_are_made_shown_and_confirmed() -> None:
    """As Kratos was recorded: nothing is saved, and no action runs, before they are confirmed."""
    async with open_house({"settings.after": [parse("/change")]}, selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        assert names(flow) == NONE
        assert node(flow, "lookup_secret_regenerate").meta.label.id == 1050008
        made = await press(house, flow, "lookup_secret_regenerate", token)
        assert (made.state, shown(made), names(made), house.called()) == ("show_form", {}, NEW, [])
        codes = codes_of(made)
        assert len(set(codes)) == 12
        assert all(re.fullmatch("[a-z0-9]{8}", code) for code in codes)
        listed = node(made, "lookup_secret_codes")
        assert (listed.type, listed.meta.label.id, listed.attributes.text.id) == ("text", 1050010, 1050015)
        confirm = node(made, "lookup_secret_confirm")
        assert (confirm.attributes.value, confirm.meta.label.id) == ("true", 1050011)
        assert codes_of(await house.engine.flow(flow.id, session_token=token)) == codes
        assert not house.log("CredentialChanged")
        kept = await press(house, flow, "lookup_secret_confirm", token)
        assert (kept.state, shown(kept), names(kept)) == ("completed", {None: [1050001]}, KEPT)
        labels = [node(kept, name).meta.label.id for name in KEPT]
        assert (labels, house.called()) == ([1050007, 1050016], ["/change"])
        session = await house.engine.session(token)
        assert session is not None
        assert session.authenticator_assurance_level == "aal2"
        assert [one.method for one in session.authentication_methods] == ["password", "lookup_secret"]


async def test_codes_shown_stand_behind_the_app_and_the_buttons_before_it() -> None:
    async with open_house(selfservice={"methods": FACTORS}) as house:
        token = await token_of(house)
        await link_totp(house, token)
        flow = await house.start("settings", session_token=token)
        assert names(flow) == [*NONE, "totp_unlink"]
        assert names(await press(house, flow, "lookup_secret_regenerate", token)) == ["totp_unlink", *NEW]
        assert names(await press(house, flow, "lookup_secret_confirm", token)) == [*KEPT, "totp_unlink"]


async def test_codes_made_twice_are_other_ones_and_the_last_ones_are_kept() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        first = codes_of(await press(house, flow, "lookup_secret_regenerate", token))
        second = codes_of(await press(house, flow, "lookup_secret_regenerate", token))
        assert not set(first) & set(second)
        await press(house, flow, "lookup_secret_confirm", token)
        for code, done in ((first[0], False), (second[0], True)):
            assert (await prove(house, token, refresh=True, lookup_secret=code)).completed is done


async def test_a_refusal_elsewhere_on_the_form_leaves_the_codes_shown() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        codes = codes_of(await press(house, flow, "lookup_secret_regenerate", token))
        refused = await house.engine.submit(flow.id, method="password", values={"password": "x"}, session_token=token)
        assert codes_of(refused) == codes


async def test_codes_are_shown_again_used_ones_as_used() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        codes = await keep_codes(house, token)
        house.clock.advance(60)
        assert (await prove(house, token, refresh=True, lookup_secret=codes[3])).completed
        flow = await house.start("settings", session_token=token)
        revealed = await press(house, flow, "lookup_secret_reveal", token)
        assert (revealed.state, shown(revealed), names(revealed)) == ("show_form", {}, REVEALED)
        listed = node(revealed, "lookup_secret_codes").attributes.text.context.secrets
        assert [one.id for one in listed] == [1050009] * 3 + [1050014] + [1050009] * 8
        assert codes_of(revealed) == [*codes[:3], *codes[4:]]
        assert listed[3].context.used_at == "2026-03-02T12:01:00Z"
        assert codes[3] not in str(revealed.flow.body.plain())
        assert [entry.data["what"] for entry in house.log("SecretsShown")] == ["generated", "revealed"]


async def test_codes_are_given_up() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        codes = await keep_codes(house, token)
        disabled = await press(
            house, await house.start("settings", session_token=token), "lookup_secret_disable", token
        )
        assert (disabled.state, names(disabled)) == ("completed", NONE)
        assert house.log("CredentialRemoved")[-1].data["type"] == "lookup_secret"
        refused = await prove(house, token, refresh=True, lookup_secret=codes[0])
        assert (refused.state, shown(refused), names(refused)) == ("choose_method", {None: [4000014]}, [])


@pytest.mark.parametrize(
    ("button", "message"),
    [("reveal", 4000014), ("disable", 4000014), ("confirm", 4000001), ("nothing", 4000014)],
)
async def test_a_button_that_does_not_fit_says_so(button: str, message: int) -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        refused = await press(house, flow, f"lookup_secret_{button}", token)
        assert (refused.state, shown(refused)) == ("show_form", {None: [message]})


@pytest.mark.parametrize("value", [False, "false", None, 1, "yes", ["true"]])
async def test_only_a_button_that_was_pressed_does_something(value: object) -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        values = {"lookup_secret_regenerate": value}
        refused = await house.engine.submit(flow.id, method="lookup_secret", values=values, session_token=token)
        assert not house.log("SecretsShown")
        assert names(refused) == NONE


# --------------------------------------------------------------------------------------------------------------- login


async def test_a_login_by_code_exchange_by_exchange() -> None:
    """As Kratos was recorded: start, a code that is none, one that counts, the same again."""
    async with open_house(selfservice=SELFSERVICE) as house:
        codes = await keep_codes(house, await token_of(house))
        first = await house.sign_in()
        assert first.session is not None
        token = first.session_token
        flow = await house.start("login", aal="aal2", session_token=token)
        assert (names(flow), shown(flow)) == (["lookup_secret", "method=lookup_secret"], {None: [1010004]})
        field, button = node(flow, "lookup_secret"), flow.ui.nodes[-1]
        assert (field.attributes.value, field.attributes.required, field.meta.label.id) == ("", True, 1010007)
        assert button.meta.label.id == 1010010
        wrong = await prove(house, token, flow, lookup_secret="wrong")
        assert (wrong.state, shown(wrong)) == ("choose_method", {None: [4000016]})
        assert "value" not in node(wrong, "lookup_secret").attributes
        right = await prove(house, token, flow, lookup_secret=f" {codes[0].upper()} ")
        assert right.completed
        assert right.session is not None
        assert (right.session.id, right.session_token) == (first.session.id, token)
        assert right.session.authenticator_assurance_level == "aal2"
        assert [(one.method, one.aal) for one in right.session.authentication_methods] == [
            ("password", "aal1"),
            ("lookup_secret", "aal2"),
        ]
        again = await prove(house, token, refresh=True, lookup_secret=codes[0])
        assert (again.state, shown(again)) == ("choose_method", {None: [4000012]})


async def test_every_code_counts_once() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        codes = await keep_codes(house, token)
        for code in codes:
            assert (await prove(house, token, refresh=True, lookup_secret=code)).completed
        for code in codes:
            assert shown(await prove(house, token, refresh=True, lookup_secret=code)) == {None: [4000012]}
        assert len(house.log("CredentialUsed")) == 12


async def test_of_two_that_give_the_same_code_at_once_one_gets_in_and_another_code_is_not_lost() -> None:
    async with open_house({"login.after.lookup_secret": [parse("/slow")]}, selfservice=SELFSERVICE) as house:
        codes = await keep_codes(house, await token_of(house))
        tokens = [(await house.sign_in()).session_token for _ in range(3)]
        flows = [await house.start("login", aal="aal2", session_token=token) for token in tokens]
        done = await asyncio.gather(
            *(prove(house, token, flow, lookup_secret=codes[0]) for token, flow in zip(tokens, flows, strict=True)),
            return_exceptions=True,
        )
        assert [getattr(one, "completed", False) for one in done].count(True) == 1
        token, flow = next(
            (token, flow)
            for token, flow, one in zip(tokens, flows, done, strict=True)
            if not getattr(one, "completed", False)
        )
        assert shown(await prove(house, token, flow, lookup_secret=codes[0])) == {None: [4000012]}
        assert (await prove(house, token, flow, lookup_secret=codes[1])).completed


async def test_an_action_that_refuses_spends_no_code() -> None:
    async with open_house({"login.after.lookup_secret": [parse("/risk")]}, selfservice=SELFSERVICE) as house:
        codes = await keep_codes(house, await token_of(house))
        token = (await house.sign_in()).session_token
        flow = await house.start("login", aal="aal2", session_token=token)
        house.sink.script("/risk", messages(("#/lookup_secret", 7, "not now")))
        refused = await prove(house, token, flow, lookup_secret=codes[0])
        assert (refused.state, shown(refused)) == ("choose_method", {"lookup_secret": [7]})
        assert not house.log("CredentialUsed")
        house.sink.script("/risk", Reply(204))
        assert (await prove(house, token, flow, lookup_secret=codes[0])).completed


async def test_an_action_that_refuses_leaves_the_old_codes_in_force() -> None:
    async with open_house({"settings.after.lookup_secret": [parse("/risk")]}, selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        old = await keep_codes(house, token)
        flow = await house.start("settings", session_token=token)
        new = codes_of(await press(house, flow, "lookup_secret_regenerate", token))
        house.sink.script("/risk", messages(("#/", 7, "not now")))
        refused = await press(house, flow, "lookup_secret_confirm", token)
        assert (refused.state, shown(refused), codes_of(refused)) == ("show_form", {None: [7]}, new)
        assert shown(await prove(house, token, refresh=True, lookup_secret=new[0])) == {None: [4000016]}
        assert (await prove(house, token, refresh=True, lookup_secret=old[0])).completed


async def test_the_sixth_wrong_code_ends_the_flow_and_each_factor_has_a_count_of_its_own() -> None:
    async with open_house(selfservice={"methods": FACTORS}) as house:
        token = await token_of(house)
        app = await link_totp(house, token)
        await keep_codes(house, token)
        house.clock.advance(30)
        flow = await house.start("login", aal="aal2", refresh=True, session_token=token)
        states = [(await prove(house, token, flow, lookup_secret="nonesuch")).state for _ in range(6)]
        assert states == ["choose_method"] * 5 + ["failed"]
        for _ in range(4):
            assert shown(await prove(house, token, refresh=True, lookup_secret="nonesuch")) == {None: [4000016]}
        assert shown(await prove(house, token, refresh=True, lookup_secret="nonesuch")) == {None: [4000001]}
        assert (await prove(house, token, refresh=True, totp_code=app.code(house.clock.now()))).completed
