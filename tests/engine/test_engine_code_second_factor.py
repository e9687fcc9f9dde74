"""`code` as a second factor: sent when the login starts, to the account's own addresses alone; guessed at in vain."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowView, Outcome, RequestRefused
from tests.support.engine import ADA, PASSWORD, House, hook, ignore, messages, open_house, parse, person, shown, uri
from tests.support.factors import FACTORS, Authenticator, link_totp, node

WORK = "ada@work.example"
MFA: dict[str, Any] = {"code": {"enabled": True, "passwordless_enabled": False, "mfa_enabled": True}}
SELFSERVICE: dict[str, Any] = {"methods": MFA}
CHOICE = ["address={}"]
SENT = ["code identifier", "code method", "code code", "code method", "code resend"]
REFUSED = ["default csrf_token", "default identifier", "code code", "code resend", "code method", "code method"]


def two_addresses() -> dict[str, Any]:
    """The schema with a second address that signs in by code; nobody verifies it."""
    schema = person()
    schema["properties"]["traits"]["properties"]["work"] = {
        "type": "string",
        "format": "email",
        "ory.sh/kratos": {
            "credentials": {"code": {"identifier": True, "via": "email"}},
            "verification": {"via": "email"},
        },
    }
    return {"default_schema_id": "person", "schemas": [{"id": "person", "url": uri(schema)}]}


async def first(house: House, email: str = ADA) -> str:
    """A session that has shown the password."""
    token = (await house.sign_in(email)).session_token
    assert token is not None
    return token


async def signed_up(house: House, **traits: Any) -> str:
    """Somebody registered and signed in by password."""
    await house.register(traits=traits)
    return await first(house)


async def second(house: House, token: str | None, **options: Any) -> FlowView:
    return await house.start("login", aal="aal2", session_token=token, **options)


async def give(house: House, flow: FlowView, token: str | None, code: str | None = None, **more: Any) -> Outcome:
    """Submits a code of a second factor: the one mailed last unless another is given."""
    values = {"code": house.code if code is None else code, **more}
    return await house.engine.submit(flow.id, method="code", values=values, session_token=token)


async def ask(house: House, flow: FlowView, token: str | None, **values: Any) -> Outcome:
    return await house.engine.submit(flow.id, method="code", values=values, session_token=token)


async def settle(house: House, flow: FlowView, values: dict[str, Any], token: str) -> Outcome:
    return await house.engine.submit(flow.id, method="profile", values=values, session_token=token)


def nodes(shown: Outcome | FlowView) -> list[str]:
    flow = shown.flow if isinstance(shown, Outcome) else shown
    return [f"{one.group} {one.attributes.name}" for one in flow.ui.nodes or ()]


def mailed(house: House) -> list[str]:
    """To whom codes that sign in went."""
    return [mail.to for mail in house.courier.messages if mail.template == "login_code_valid"]


def wrong(house: House, n: int = 1) -> str:
    return str((int(house.code) + n) % 10**6).zfill(6)


async def test_a_login_by_code_exchange_by_exchange() -> None:
    """As Kratos was recorded: start, nothing, a wrong code, another code, the earlier one, the right one."""
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        assert (flow.state, flow.body.state, flow.active) == ("sent_email", "sent_email", "code")
        assert (nodes(flow), shown(flow), mailed(house)) == (SENT, {None: [1010014]}, [ADA])
        address = node(flow, "identifier")
        assert (address.attributes.value, address.attributes.type, address.meta.label.id) == (ADA, "hidden", 1010023)
        assert address.meta.label.context.plain() == {"address": ADA, "channel": "email"}

        empty = await give(house, flow, token, "")
        assert (empty.state, shown(empty), nodes(empty)) == ("sent_email", {"code": [4000002]}, REFUSED)
        mistyped = await give(house, flow, token, wrong(house))
        assert (mistyped.state, shown(mistyped), nodes(mistyped)) == ("sent_email", {None: [4010008]}, REFUSED)
        earlier = house.code
        again = await ask(house, flow, token, identifier=ADA, resend="code")
        assert (again.state, shown(again), nodes(again), mailed(house)) == (
            "sent_email",
            {None: [1010014]},
            SENT,
            [ADA] * 2,
        )
        assert shown(await give(house, flow, token, earlier)) == {None: [4010008]}

        right = await give(house, flow, token)
        assert (right.state, right.flow.body.state, right.flow.active) == ("completed", "passed_challenge", "code")
        assert right.session is not None
        assert (right.session_token, right.session.authenticator_assurance_level) == (token, "aal2")
        shown_methods = [(one.method, one.aal) for one in right.session.authentication_methods]
        assert shown_methods == [("password", "aal1"), ("code", "aal2")]


async def test_the_code_goes_out_once_the_before_actions_have_let_the_login_pass() -> None:
    """They see the buttons that ask for one; whoever is rejected gets no mail. One append opens and sends."""
    hooks = {"login.before": [parse("/before"), ignore("/told")]}
    async with open_house(hooks, selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        house.sink.script("/before", messages(("#/", 7, "not today")))
        with pytest.raises(Exception, match="rejected"):
            await second(house, token)
        assert not mailed(house)
        house.sink.script("/before", Reply(204))
        flow = await second(house, token)
        before = house.sent("/before")["flow"]
        assert (before["state"], [one["attributes"]["name"] for one in before["ui"]["nodes"]]) == (
            "choose_method",
            ["address"],
        )
        assert [one["id"] for one in before["ui"]["messages"]] == [1010004]
        assert mailed(house) == [ADA]
        opened = house.log("FlowOpenedChallenged", flow)[-1]
        assert len(opened.data["deliveries"]) == 2, "the action that is told, and the mail"
        await house.until("DeliveryDelivered", 3)
        assert "/told" in house.called()


async def test_a_browser_gets_a_csrf_field_as_kratos_places_it() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token, type="browser")
        assert nodes(flow) == [*SENT, "default csrf_token"]
        assert nodes(await give(house, flow, token, wrong(house))) == REFUSED


# ---------------------------------------------------------------------------------------------------------- addresses


async def test_of_several_addresses_one_is_chosen_and_only_ones_own() -> None:
    """Better than Kratos, which sends a code to any account's address that is named."""
    async with open_house(selfservice=SELFSERVICE, identity=two_addresses()) as house:
        await house.register("bea@example.org")
        token = await signed_up(house, work=WORK)
        flow = await second(house, token)
        assert (flow.state, shown(flow), mailed(house)) == ("choose_method", {None: [1010004]}, [])
        offered = [(one.attributes.name, one.attributes.type, one.attributes.value) for one in flow.ui.nodes]
        assert offered == [("address", "submit", ADA), ("address", "submit", WORK)]

        nowhere = await ask(house, flow, token)
        assert (nowhere.state, shown(nowhere)) == ("choose_method", {"identifier": [4000002]})
        for name in ("address", "identifier"):
            for strange in ("bea@example.org", "ghost@example.org", ["x"], 7):
                refused = await ask(house, flow, token, **{name: strange})
                assert (refused.state, refused.session) == ("choose_method", None)
        assert not mailed(house)

        # the button names no method
        chosen = await house.engine.submit(flow.id, method=None, values={"address": WORK}, session_token=token)
        assert (chosen.state, shown(chosen), mailed(house)) == ("sent_email", {None: [1010014]}, [WORK])
        assert nodes(chosen) == SENT
        right = await give(house, flow, token, identifier=WORK)
        assert right.identity is not None
        verified = {one.value: one.verified for one in right.identity.verifiable_addresses}
        assert verified == {ADA: False, WORK: True}, "whoever has the code has the address"


async def test_via_names_the_trait_whose_address_is_meant() -> None:
    """As Kratos: the code goes there at once; an address in its place is refused, before any action (recorded)."""
    async with open_house(
        {"login.before": [hook("/before")]}, selfservice=SELFSERVICE, identity=two_addresses()
    ) as house:
        token = await signed_up(house, work=WORK, name={"first": "Ada"})
        house.sink.received.clear()
        for via in (WORK, "phone", "name", "name.first", "work.x"):
            with pytest.raises(RequestRefused) as refused:
                await second(house, token, query={"via": via})
            assert refused.value.id == "code_address_unknown"
        assert not house.called()
        flow = await second(house, token, query={"via": "work"})
        assert (flow.state, mailed(house), node(flow, "identifier").attributes.value) == ("sent_email", [WORK], WORK)
        offered = [one["attributes"]["value"] for one in house.sent("/before")["flow"]["ui"]["nodes"]]
        assert offered == [WORK]
        assert (await give(house, flow, token)).completed
        # it means something where a code is a second factor, and in no other login
        assert (await house.start("login", query={"via": "phone"})).state == "choose_method"
    async with open_house() as house:
        assert (await second(house, await signed_up(house), query={"via": "phone"})).state == "choose_method"


async def test_beside_an_app_via_leaves_one_button() -> None:
    async with open_house(selfservice={"methods": FACTORS | MFA}, identity=two_addresses()) as house:
        token = await signed_up(house, work=WORK)
        flow = await second(house, token, query={"via": "email"})
        await give(house, flow, token)
        await link_totp(house, token)
        flow = await second(house, await first(house), query={"via": "work"})
        assert (flow.state, nodes(flow)) == (
            "choose_method",
            ["default csrf_token", "code address", "totp totp_code", "totp method"],
        )
        assert node(flow, "address").attributes.value == WORK


async def test_beside_an_authenticator_app_nothing_is_sent_until_it_is_asked_for() -> None:
    async with open_house(selfservice={"methods": FACTORS | MFA}) as house:
        token = await signed_up(house)
        await give(house, await second(house, token), token)
        app = await link_totp(house, token)
        house.clock.advance(30)
        sent, token = len(mailed(house)), await first(house)
        flow = await second(house, token)
        assert (flow.state, len(mailed(house))) == ("choose_method", sent)
        assert nodes(flow) == ["default csrf_token", "code address", "totp totp_code", "totp method"]
        assert (await ask(house, flow, token)).state == "sent_email"
        by_app = await house.engine.submit(
            flow.id, method="totp", values={"totp_code": app.code(house.clock.now())}, session_token=token
        )
        assert by_app.completed


async def test_an_address_given_up_meanwhile_gets_nobody_in() -> None:
    async with open_house(selfservice=SELFSERVICE, identity=two_addresses()) as house:
        token = await signed_up(house, work=WORK)
        strong = await first(house)
        flow = await second(house, strong)
        await ask(house, flow, strong, address=ADA)
        assert (await give(house, flow, strong)).completed
        flow = await second(house, token)
        await ask(house, flow, token, address=WORK)
        code = house.code
        settings = await house.start("settings", session_token=strong)
        values = {"traits": {"email": ADA}}
        changed = await house.engine.submit(settings.id, method="profile", values=values, session_token=strong)
        assert changed.completed
        assert shown(await give(house, flow, token, code)) == {None: [4010008]}


# ---------------------------------------------------------------------------------------------------------- assurance


async def test_whoever_has_an_address_is_asked_for_its_code() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        with pytest.raises(RequestRefused) as refused:
            await house.engine.session(token)
        assert refused.value.id == "session_aal2_required"
        with pytest.raises(RequestRefused) as refused:
            await house.start("settings", session_token=token)
        assert refused.value.id == "session_aal2_required"
        assert (await give(house, await second(house, token), token)).completed
        assert await house.engine.session(token)
        assert (await house.start("settings", session_token=token)).state == "show_form"
        with pytest.raises(RequestRefused) as refused:
            await second(house, token)
        assert refused.value.id == "session_already_available"
        again = await second(house, token, refresh=True)
        assert (again.state, again.body.refresh) == ("sent_email", True)
        refreshed = await give(house, again, token)
        assert refreshed.session is not None
        assert [one.method for one in refreshed.session.authentication_methods] == ["password", "code", "code"]


async def test_where_its_code_goes_is_changed_by_who_has_shown_it() -> None:
    """Also where settings are open to the first factor: else that alone would send the code elsewhere."""
    open_settings = SELFSERVICE | {"flows": {"settings": {"required_aal": "aal1"}}}
    async with open_house(selfservice=open_settings) as house:
        token = await signed_up(house)
        flow = await house.start("settings", session_token=token)
        with pytest.raises(RequestRefused) as raised:
            await settle(house, flow, {"traits": {"email": "eve@evil.example"}}, token)
        assert raised.value.id == "session_aal2_required"
        assert (await settle(house, flow, {"traits": {"email": ADA, "age": 36}}, token)).completed
        assert (await give(house, await second(house, token), token)).completed
        assert mailed(house) == [ADA]
        house.clock.advance(3601)
        flow, values = await house.start("settings", session_token=token), {"traits": {"email": "new@example.org"}}
        with pytest.raises(RequestRefused) as raised:
            await settle(house, flow, values, token)
        assert raised.value.id == "session_refresh_required"
        assert (await give(house, await second(house, token, refresh=True), token)).completed
        assert (await settle(house, flow, values, token)).completed


async def test_it_is_no_first_factor_and_where_it_is_one_it_is_no_second() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await signed_up(house)
        login = await house.start("login")
        asked = await house.engine.submit(login.id, method="code", values={"identifier": ADA})
        assert (asked.state, shown(asked), mailed(house)) == ("choose_method", {None: [4010002]}, [])
    async with open_house() as house:
        token = await signed_up(house)
        assert await house.engine.session(token)
        flow = await second(house, token)
        assert shown(await ask(house, flow, token, address=ADA)) == {None: [4010002]}
        assert not mailed(house)


async def test_its_own_list_of_actions_runs_and_one_that_refuses_spends_no_code() -> None:
    hooks = {"login.after": [hook("/default")], "login.after.code": [parse("/risk"), hook("/plain")]}
    async with open_house(hooks, selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        house.sink.script("/risk", messages(("#/", 7, "not now")))
        refused = await give(house, flow, token, transient_payload={"ref": 1})
        assert (refused.state, shown(refused)) == ("sent_email", {None: [7]})
        house.sink.script("/risk", Reply(204))
        assert (await give(house, flow, token)).completed
        assert house.called() == ["/default", "/risk", "/risk", "/plain"]
        ctx = house.sent("/plain")
        assert (ctx["flow"]["state"], ctx["flow"]["active"], ctx["flow"]["requested_aal"]) == (
            "passed_challenge",
            "code",
            "aal2",
        )
        assert ctx["session"]["authenticator_assurance_level"] == "aal2"
        assert house.code not in str(ctx)


# ------------------------------------------------------------------------------------------------------------ attacks


async def test_a_code_sent_for_anything_else_is_no_second_factor() -> None:
    """Not that of a recovery or verification of the same address, nor of another login, nor of somebody else's."""
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        codes = []
        for kind in ("recovery", "verification"):
            await house.ask_code(kind)
            codes.append(house.code)
        await second(house, token)
        codes.append(house.code)
        await house.register("bea@example.org")
        await second(house, await first(house, "bea@example.org"))
        codes.append(house.code)
        for code in codes:
            refused = await give(house, flow, token, code)
            assert (refused.state, shown(refused), refused.session) == ("sent_email", {None: [4010008]}, None)


async def test_a_code_of_the_first_factor_is_none_of_the_second(tmp_path: Any) -> None:
    """Sent while codes signed in; by the time it is given they are second factors."""
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_house(store=store) as house:
        token = await signed_up(house)
        login = await house.ask_code("login")
        code = house.code
    async with open_house(store=store, selfservice=SELFSERVICE) as house:
        flow = await second(house, token)
        assert shown(await give(house, flow, token, code)) == {None: [4010008]}
        done = await house.give_code(login, code)
        assert done.session is not None
        assert (done.completed, done.session.authenticator_assurance_level) == (True, "aal1")


async def test_somebody_elses_session_is_not_strengthened() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        code = house.code
        await house.register("bea@example.org")
        other = await first(house, "bea@example.org")
        for session_token, expected in ((None, "session_aal1_required"), (other, "security_identity_mismatch")):
            with pytest.raises(RequestRefused) as refused:
                await give(house, flow, session_token, code)
            assert refused.value.id == expected


async def test_an_old_code_counts_no_more() -> None:
    lasting = {"methods": {"code": MFA["code"] | {"config": {"lifespan": "10m"}}}}
    async with open_house(selfservice=lasting) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        house.clock.advance(600)
        assert shown(await give(house, flow, token)) == {None: [4010008]}
        await ask(house, flow, token, resend="code")
        house.clock.advance(599)
        assert (await give(house, flow, token)).completed


async def test_the_sixth_wrong_code_ends_the_flow_however_often_another_is_sent() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        for n in range(5):
            assert (await give(house, flow, token, wrong(house, n + 1))).state == "sent_email"
            await ask(house, flow, token, resend="code")
        ended = await give(house, flow, token, wrong(house))
        assert (ended.state, ended.error, shown(ended)) == ("failed", "too_many_attempts", {None: [4000001]})
        assert nodes(ended) == nodes(await house.engine.flow(flow.id)) == ["default csrf_token"], "no way on from here"
        assert len(house.log("CredentialMissed")) == 6


async def test_max_submissions_says_how_many_wrong_codes_a_flow_takes() -> None:
    strict = {"methods": {"code": MFA["code"] | {"config": {"max_submissions": 1}}}}
    async with open_house(selfservice=strict) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        assert (await give(house, flow, token, wrong(house))).state == "sent_email"
        assert (await give(house, flow, token, wrong(house))).state == "failed"


async def guess(house: House, token: str, count: int) -> None:
    """That many wrong codes, five a flow."""
    for n in range(count):
        if n % 5 == 0:
            flow = await second(house, token)
        await give(house, flow, token, wrong(house, n + 1))


async def test_wrong_codes_are_counted_over_all_flows_and_a_right_one_has_to_wait() -> None:
    """NIST SP 800-63B §5.2.2. While they are not looked at none is sent either."""
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        waiting = await second(house, token)
        await guess(house, token, 10)
        right = next(mail.code for mail in house.courier.messages if mail.template == "login_code_valid")
        sent = len(mailed(house))
        held = await give(house, waiting, token, right)
        assert (held.state, shown(held)) == ("sent_email", {None: [4000001]})
        flow = await second(house, token)
        assert (flow.state, len(mailed(house))) == ("choose_method", sent)
        assert shown(await ask(house, flow, token, address=ADA)) == {None: [4000001]}
        assert len(mailed(house)) == sent
        house.clock.advance(30)
        assert (await give(house, waiting, token, right)).completed
        assert await fails(house) == 0, "a right code sets the count back"


async def fails(house: House, email: str = ADA) -> int:
    """Wrong codes in a row."""
    people = (await house.engine.current()).people
    identity = await people.holder(email)
    assert identity is not None
    return identity.failed["code"].count if "code" in identity.failed else 0


async def test_of_two_that_give_the_same_code_at_once_one_gets_in() -> None:
    async with open_house({"login.after.code": [parse("/slow")]}, selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        done = await asyncio.gather(*(give(house, flow, token) for _ in range(4)), return_exceptions=True)
        assert [getattr(one, "completed", False) for one in done].count(True) == 1
        assert len(house.log("SessionRefreshed")) == 1


async def test_a_hundred_wrong_codes_lock_it_until_an_operator_unlocks_it() -> None:
    """It has no credential that could be set up anew."""
    async with open_house(selfservice=SELFSERVICE, session={"lifespan": "1000h"}) as house:
        token = await signed_up(house)
        await guess(house, token, 10)
        for n in range(90):
            house.clock.advance(3600)
            assert shown(await give(house, await second(house, token), token, wrong(house, n + 1))) == {None: [4010008]}
        house.clock.advance(timedelta(days=30).total_seconds())
        token = await first(house)
        flow = await second(house, token)
        assert (flow.state, shown(await ask(house, flow, token, address=ADA))) == ("choose_method", {None: [4000001]})
        person = house.log("IdentityRegistered")[-1].stream
        assert await house.engine.unlock(person, "totp") == ()
        assert await house.engine.unlock(str(person)) == ("code",)
        assert await house.engine.unlock(person) == ()
        assert (await give(house, await second(house, token), token)).completed
        for nobody in ("nobody", "00000000-0000-4000-8000-000000000000"):
            with pytest.raises(RequestRefused) as refused:
                await house.engine.unlock(nobody)
            assert refused.value.id == "identity_not_found"


async def test_no_code_is_in_the_log() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        await give(house, flow, token, wrong(house))
        await give(house, flow, token)
        recorded = " ".join(str(entry.data) for entry in house.log())
        assert house.code not in recorded
        assert PASSWORD not in recorded


async def test_with_an_app_a_wrong_code_of_one_does_not_count_against_the_other() -> None:
    async with open_house(selfservice={"methods": FACTORS | MFA}) as house:
        token = await signed_up(house)
        await give(house, await second(house, token), token)
        app: Authenticator = await link_totp(house, token)
        house.clock.advance(30)
        token = await first(house)
        for _ in range(2):
            flow = await second(house, token)
            await ask(house, flow, token)
            for n in range(5):
                await give(house, flow, token, wrong(house, n + 1))
        flow = await second(house, token)
        assert shown(await ask(house, flow, token)) == {None: [4000001]}
        values = {"totp_code": app.code(house.clock.now())}
        assert (await house.engine.submit(flow.id, method="totp", values=values, session_token=token)).completed


async def test_the_lockout_of_an_identifier_is_another_count_and_is_unlocked_with_this_one() -> None:
    strict = {"lockout": {"threshold": 3, "window": "10m", "duration": "5m"}}
    async with open_house(selfservice=SELFSERVICE, settings=strict) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        for n in range(4):
            assert shown(await give(house, flow, token, wrong(house, n + 1))) == {None: [4010008]}
        assert not house.log("LoginMissed")
        for _ in range(3):
            await house.sign_in(password="quite another pass phrase")
        person = house.log("IdentityRegistered")[-1].stream
        assert await house.engine.unlock(person) == ("code", "login")
        assert (await house.sign_in()).completed
        assert await house.engine.unlock(person, "login") == ()
