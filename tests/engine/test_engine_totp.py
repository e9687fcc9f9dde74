"""`totp`: an authenticator app is linked in settings and is the second factor at login; a code counts once."""

import asyncio
import re
from base64 import b64decode
from datetime import timedelta

import pyotp
import pytest
import segno

from limen.adapters.sink import Reply
from tests.support.engine import ADA, House, messages, open_house, parse, person, shown, uri
from tests.support.factors import FACTORS, Authenticator, link_totp, names, node, press, prove, secret_of

SELFSERVICE = {"methods": FACTORS}
LINKING = ["lookup_secret_regenerate", "totp_qr", "totp_secret_key", "totp_code", "method=totp"]
LINKED = ["lookup_secret_regenerate", "totp_unlink"]
ASKED = ["totp_code", "method=totp"]


def ascii_of(name: str) -> str:
    return f"{len(name)}-{ord(name[0]):x}"


async def token_of(house: House) -> str:
    """Somebody registered and signed in by password."""
    await house.register()
    token = (await house.sign_in()).session_token
    assert token is not None
    return token


# ------------------------------------------------------------------------------------------------------------ settings


async def test_settings_show_what_an_authenticator_takes_over() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        flow = await house.start("settings", session_token=await token_of(house))
        assert names(flow) == LINKING
        secret = secret_of(flow)
        assert re.fullmatch("[A-Z2-7]{32}", secret)
        picture, key = node(flow, "totp_qr"), node(flow, "totp_secret_key")
        kinds = [(one.type, one.attributes.node_type, one.meta.label.id) for one in (picture, key)]
        assert kinds == [("img", "img", 1050005), ("text", "text", 1050017)]
        assert (picture.attributes.width, picture.attributes.height) == (256, 256)
        assert (key.attributes.text.id, key.attributes.text.text) == (1050006, secret)
        source = picture.attributes.src
        assert b64decode(source.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
        url = pyotp.TOTP(secret).provisioning_uri(name=ADA, issuer_name="Example")
        assert source == segno.make(url, error="m", micro=False).png_data_uri(scale=5)
        code, button = node(flow, "totp_code"), flow.ui.nodes[-1]
        assert (code.attributes.required, code.meta.label.id) == (True, 1070006)
        assert (button.attributes.value, button.meta.label.id) == ("totp", 1070003)


@pytest.mark.parametrize("name", ["a" * 2300, "é" * 300, "漢" * 250, "🔑" * 90, "%" * 800, "x" * 81], ids=ascii_of)
async def test_what_an_account_is_called_may_be_longer_than_a_picture_holds(name: str) -> None:
    """A QR code holds 2331 bytes (ISO/IEC 18004, version 40-M): a longer name is cut, it is a label."""
    schema = person()
    marked = {"type": "string", "ory.sh/kratos": {"credentials": {"totp": {"account_name": True}}}}
    schema["properties"]["traits"]["properties"]["nick"] = marked
    identity, factors = {"schemas": [{"id": "person", "url": uri(schema)}]}, {**FACTORS}
    factors["totp"] = {"enabled": True, "config": {"issuer": "🏠" * 60}}
    async with open_house(identity=identity, selfservice={"methods": factors}) as house:
        await house.register(traits={"nick": name})
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        account, issuer = name[:79] + "…", "🏠" * 39 + "…"
        url = pyotp.TOTP(secret_of(flow)).provisioning_uri(name=account, issuer_name=issuer)
        picture = segno.make(url, error="m", micro=False).png_data_uri(scale=5)
        assert node(flow, "totp_qr").attributes.src == picture
        await link_totp(house, token)


async def test_a_flow_keeps_its_secret_and_another_flow_has_another() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        values = {"totp_code": Authenticator(secret_of(flow)).wrong(house.clock.now())}
        wrong = await house.engine.submit(flow.id, method="totp", values=values, session_token=token)
        assert (wrong.state, shown(wrong)) == ("show_form", {"totp_code": [4000008]})
        assert secret_of(wrong) == secret_of(flow) == secret_of(await house.engine.flow(flow.id, session_token=token))
        other = await house.start("settings", session_token=token)
        assert secret_of(other) != secret_of(flow)
        values = {"totp_code": Authenticator(secret_of(other)).code(house.clock.now())}
        refused = await house.engine.submit(flow.id, method="totp", values=values, session_token=token)
        assert shown(refused) == {"totp_code": [4000008]}


async def test_a_right_code_links_and_the_session_counts_as_having_shown_it() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        values = {"totp_code": Authenticator(secret_of(flow)).code(house.clock.now())}
        linked = await house.engine.submit(flow.id, method="totp", values=values, session_token=token)
        assert (linked.state, shown(linked), names(linked)) == ("completed", {None: [1050001]}, LINKED)
        unlink = node(linked, "totp_unlink")
        assert (unlink.attributes.value, unlink.attributes.required, unlink.meta.label.id) == ("true", True, 1050004)
        session = await house.engine.session(token)
        assert session is not None
        assert session.authenticator_assurance_level == "aal2"
        assert [(one.method, one.aal) for one in session.authentication_methods] == [
            ("password", "aal1"),
            ("totp", "aal2"),
        ]
        assert house.log("CredentialChanged")[-1].data["type"] == "totp"


async def test_a_secret_is_in_the_vault_alone_and_gone_when_it_is_given_up() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        signed_in = await house.engine.signed_in(token)
        assert signed_in is not None
        store, person = house.engine.streams.store, signed_in.identity.id
        flow = await house.start("settings", session_token=token)
        values = {"totp_code": Authenticator(secret_of(flow)).code(house.clock.now())}
        assert (await store.vault(flow.id, "pending", "totp")) is not None
        await house.engine.submit(flow.id, method="totp", values=values, session_token=token)
        assert await store.vault(flow.id, "pending", "totp") is None
        assert await store.vault(person, "credential", "totp") is not None
        await press(house, await house.start("settings", session_token=token), "totp_unlink", token)
        assert await store.vault(person, "credential", "totp") is None


@pytest.mark.parametrize("value", [None, "", "   ", 123456, ["123456"]])
async def test_no_code_is_a_missing_field(value: object) -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        refused = await house.engine.submit(flow.id, method="totp", values={"totp_code": value}, session_token=token)
        assert shown(refused) == {"totp_code": [4000002]}


async def test_an_app_is_unlinked_and_then_no_second_factor_is_left() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        app = await link_totp(house, token)
        unlinked = await press(house, await house.start("settings", session_token=token), "totp_unlink", token)
        assert (unlinked.state, names(unlinked)) == ("completed", LINKING)
        assert secret_of(unlinked) == ""
        again = await house.start("settings", session_token=token)
        assert secret_of(again) not in ("", app.secret)
        assert shown(await press(house, again, "totp_unlink", token)) == {None: [4000011]}
        first = (await house.sign_in()).session_token
        assert await house.engine.session(first)
        login = await house.start("login", aal="aal2", session_token=first)
        assert names(login) == []
        refused = await prove(house, first, login, totp_code=app.code(house.clock.now()))
        assert (refused.state, shown(refused)) == ("choose_method", {None: [4000011]})


async def test_a_linked_app_is_not_replaced_without_being_unlinked() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        waiting = await house.start("settings", session_token=token)
        await link_totp(house, token)
        values = {"totp_code": Authenticator(secret_of(waiting)).code(house.clock.now())}
        refused = await house.engine.submit(waiting.id, method="totp", values=values, session_token=token)
        assert shown(refused) == {None: [4000001]}


# --------------------------------------------------------------------------------------------------------------- login


async def test_a_login_by_app_exchange_by_exchange() -> None:
    """As Kratos was recorded: start, a wrong code, the right one."""
    async with open_house(selfservice=SELFSERVICE) as house:
        app = await link_totp(house, await token_of(house))
        house.clock.advance(60)
        first = await house.sign_in()
        assert first.session is not None
        token = first.session_token
        flow = await house.start("login", aal="aal2", session_token=token)
        assert (flow.state, names(flow), shown(flow)) == ("choose_method", ASKED, {None: [1010004]})
        assert (flow.body.requested_aal, flow.body.refresh, flow.active) == ("aal2", False, None)
        code, button = node(flow, "totp_code"), flow.ui.nodes[-1]
        assert (code.attributes.value, code.attributes.required, code.meta.label.id) == ("", True, 1010006)
        assert (button.attributes.type, button.meta.label.id) == ("submit", 1010009)

        wrong = await prove(house, token, flow, totp_code=app.wrong(house.clock.now()))
        assert (wrong.state, shown(wrong), wrong.session) == ("choose_method", {None: [4000008]}, None)
        assert "value" not in node(wrong, "totp_code").attributes

        right = await prove(house, token, flow, totp_code=app.code(house.clock.now()))
        assert (right.state, right.flow.body.state, right.flow.active) == ("completed", "choose_method", "totp")
        assert right.session is not None
        assert (right.session.id, right.session_token) == (first.session.id, token)
        assert right.session.authenticator_assurance_level == "aal2"
        assert [(one.method, one.aal) for one in right.session.authentication_methods] == [
            ("password", "aal1"),
            ("totp", "aal2"),
        ]
        assert len(right.session.devices) == 2


@pytest.mark.parametrize(("step", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_clock_may_be_one_step_off(step: int, counts: bool) -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        app = await link_totp(house, await token_of(house))
        house.clock.advance(300)
        token = (await house.sign_in()).session_token
        code = app.code(house.clock.now() + timedelta(seconds=30 * step))
        outcome = await prove(house, token, totp_code=f" {code[:3]} {code[3:]} ")
        assert outcome.completed is counts


async def test_a_code_counts_once_and_no_earlier_one_counts_after_it() -> None:
    """RFC 6238 §5.2: whoever looks over a shoulder, or at a network, cannot use what was used."""
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        app = await link_totp(house, token)
        linking = app.code(house.clock.now())
        first = (await house.sign_in()).session_token
        assert shown(await prove(house, first, totp_code=linking)) == {None: [4000008]}
        earlier = linking
        house.clock.advance(30)
        used = app.code(house.clock.now())
        assert (await prove(house, first, totp_code=used)).completed
        for code in (used, earlier):
            again = (await house.sign_in()).session_token
            refused = await prove(house, again, totp_code=code)
            assert (refused.state, shown(refused)) == ("choose_method", {None: [4000008]})
        house.clock.advance(30)
        assert (await prove(house, again, totp_code=app.code(house.clock.now()))).completed
        assert [entry.data["reason"] for entry in house.log("MethodRefused")] == ["replayed_code"] * 3


async def test_of_two_that_give_the_same_code_at_once_one_gets_in() -> None:
    async with open_house({"login.after.totp": [parse("/slow")]}, selfservice=SELFSERVICE) as house:
        app = await link_totp(house, await token_of(house))
        house.clock.advance(30)
        tokens = [(await house.sign_in()).session_token for _ in range(4)]
        code = app.code(house.clock.now())
        flows = [await house.start("login", aal="aal2", session_token=token) for token in tokens]
        done = await asyncio.gather(
            *(prove(house, token, flow, totp_code=code) for token, flow in zip(tokens, flows, strict=True)),
            return_exceptions=True,
        )
        assert [getattr(one, "completed", False) for one in done].count(True) == 1
        assert len(house.log("CredentialUsed")) == 1
        assert len(house.log("SessionRefreshed")) == 1


async def test_an_action_that_refuses_spends_no_code() -> None:
    async with open_house({"login.after.totp": [parse("/risk")]}, selfservice=SELFSERVICE) as house:
        app = await link_totp(house, await token_of(house))
        house.clock.advance(30)
        token = (await house.sign_in()).session_token
        flow = await house.start("login", aal="aal2", session_token=token)
        house.sink.script("/risk", messages(("#/totp_code", 7, "not now")))
        code = app.code(house.clock.now())
        refused = await prove(house, token, flow, totp_code=code)
        assert (refused.state, shown(refused)) == ("choose_method", {"totp_code": [7]})
        assert not house.log("CredentialUsed")
        signed_in = await house.engine.signed_in(token)
        assert signed_in is not None
        assert [one.method for one in signed_in.session.authentications] == ["password"]
        house.sink.script("/risk", Reply(204))
        assert (await prove(house, token, flow, totp_code=code)).completed


async def test_an_action_that_refuses_links_nothing_and_spends_no_code() -> None:
    async with open_house({"settings.after.totp": [parse("/risk")]}, selfservice=SELFSERVICE) as house:
        token = await token_of(house)
        flow = await house.start("settings", session_token=token)
        values = {"totp_code": Authenticator(secret_of(flow)).code(house.clock.now())}
        house.sink.script("/risk", messages(("#/", 7, "not now")))
        refused = await house.engine.submit(flow.id, method="totp", values=values, session_token=token)
        assert (refused.state, shown(refused), names(refused)) == ("show_form", {None: [7]}, LINKING)
        session = await house.engine.session(token)
        assert session is not None
        assert session.authenticator_assurance_level == "aal1"
        assert not house.log("CredentialChanged")
        house.sink.script("/risk", Reply(204))
        assert (await house.engine.submit(flow.id, method="totp", values=values, session_token=token)).completed


# ------------------------------------------------------------------------------------------------------------ guessing


async def test_the_sixth_wrong_code_ends_the_flow() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        app = await link_totp(house, await token_of(house))
        house.clock.advance(30)
        token = (await house.sign_in()).session_token
        flow = await house.start("login", aal="aal2", session_token=token)
        for n in range(5):
            assert (await prove(house, token, flow, totp_code=app.wrong(house.clock.now(), n))).state == "choose_method"
        ended = await prove(house, token, flow, totp_code=app.wrong(house.clock.now(), 6))
        assert (ended.state, ended.error) == ("failed", "too_many_attempts")
        assert len(house.log("CredentialMissed")) == 6


async def guess(house: House, app: Authenticator, token: str | None, count: int) -> None:
    """That many wrong codes, five a flow, each at a time when codes are looked at."""
    for n in range(count):
        if n % 5 == 0:
            flow = await house.start("login", aal="aal2", session_token=token)
        await prove(house, token, flow, totp_code=app.wrong(house.clock.now(), n))


async def test_wrong_codes_are_counted_over_all_flows_and_a_right_one_has_to_wait() -> None:
    """NIST SP 800-63B §5.2.2; stricter than Kratos, where another flow is another five tries."""
    async with open_house(selfservice=SELFSERVICE) as house:
        app = await link_totp(house, await token_of(house))
        house.clock.advance(30)
        token = (await house.sign_in()).session_token
        await guess(house, app, token, 10)
        other = (await house.sign_in()).session_token
        held = await prove(house, other, totp_code=app.code(house.clock.now()))
        assert (held.state, shown(held)) == ("choose_method", {None: [4000001]})
        assert len(house.log("CredentialMissed")) == 10
        house.clock.advance(30)
        assert (await prove(house, other, totp_code=app.code(house.clock.now()))).completed
        house.clock.advance(30)
        third = (await house.sign_in()).session_token
        assert (await prove(house, third, totp_code=app.wrong(house.clock.now()))).state == "choose_method"
        assert (await prove(house, third, totp_code=app.code(house.clock.now()))).completed


async def test_the_pause_doubles_to_an_hour_and_after_a_hundred_no_code_counts() -> None:
    async with open_house(selfservice=SELFSERVICE, session={"lifespan": "1000h"}) as house:
        app = await link_totp(house, await token_of(house))
        house.clock.advance(30)
        token = (await house.sign_in()).session_token
        await guess(house, app, token, 10)
        for n in range(90):
            pause = min(30 * 2**n, 3600)
            house.clock.advance(pause - 1)
            assert shown(await prove(house, token, totp_code=app.code(house.clock.now()))) == {None: [4000001]}
            house.clock.advance(1)
            assert shown(await prove(house, token, totp_code=app.wrong(house.clock.now()))) == {None: [4000008]}
        house.clock.advance(100 * 3600)
        assert shown(await prove(house, token, totp_code=app.code(house.clock.now()))) == {None: [4000001]}
        assert len(house.log("CredentialMissed")) == 100
