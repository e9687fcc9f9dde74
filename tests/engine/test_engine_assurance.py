"""Assurance levels: who is asked for a second factor, when, and what a session has shown afterwards."""

import asyncio
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import ActionFailed, RequestRefused
from limen.domain.request import Request
from tests.support.engine import ADA, PASSWORD, UI, House, hook, ignore, open_house, parse, shown
from tests.support.factors import FACTORS, codes_of, keep_codes, link_totp, names, press, prove, secret_of

SELFSERVICE: dict[str, Any] = {"methods": FACTORS}
BASE = "http://127.0.0.1:4433/self-service"
EVERY = "lookup_secret_regenerate", "lookup_secret_reveal", "lookup_secret_confirm", "lookup_secret_disable"


def selfservice(settings: str = "highest_available", age: str = "1h") -> dict[str, Any]:
    """Both factors on; what settings ask for, and how long a session is fresh."""
    return {**SELFSERVICE, "flows": {"settings": {"required_aal": settings, "privileged_session_max_age": age}}}


async def first_factor(house: House) -> str:
    """A session of whoever is known, by password alone."""
    token = (await house.sign_in()).session_token
    assert token is not None
    return token


async def refused(house: House, awaited: Any) -> RequestRefused:
    """The refusal that a call ends in; nothing was appended."""
    before = house.size
    with pytest.raises(RequestRefused) as error:
        await awaited
    assert house.size == before
    return error.value


# ------------------------------------------------------------------------------------------------- starting a login


async def test_which_login_may_be_started_with_which_session() -> None:
    """As Kratos answers: a second factor needs a first one, and is not asked for twice unless to be confirmed."""
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        low = await first_factor(house)
        high = await first_factor(house)
        await link_totp(house, high)
        for token, options, answer in (
            (None, {"aal": "aal2"}, "session_aal1_required"),
            (None, {"aal": "aal2", "refresh": True}, "session_aal1_required"),
            (low, {}, "session_already_available"),
            (low, {"aal": "aal1"}, "session_already_available"),
            (low, {"aal": "aal2"}, [1010004]),
            (low, {"aal": "aal2", "refresh": True}, [1010003]),
            (low, {"refresh": True}, [1010003]),
            (high, {"aal": "aal2"}, "session_already_available"),
            (high, {"aal": "aal2", "refresh": True}, [1010003]),
            (high, {"refresh": True}, [1010003]),
            (high, {"aal": "aal3"}, "aal_unknown"),
        ):
            asked: dict[str, Any] = dict(options)
            if isinstance(answer, str):
                assert (await refused(house, house.start("login", session_token=token, **asked))).id == answer
            else:
                assert shown(await house.start("login", session_token=token, **asked)) == {None: answer}


@pytest.mark.parametrize(
    ("held", "offered"),
    [
        ((), []),
        (("totp",), ["totp_code", "method=totp"]),
        (("lookup_secret",), ["lookup_secret", "method=lookup_secret"]),
        (("lookup_secret", "totp"), ["totp_code", "method=totp", "lookup_secret", "method=lookup_secret"]),
    ],
)
async def test_a_login_offers_the_second_factors_the_person_has(held: tuple[str, ...], offered: list[str]) -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        setting_up = await first_factor(house)
        for factor in held:
            await (link_totp if factor == "totp" else keep_codes)(house, setting_up)
        token = await first_factor(house)
        flow = await house.start("login", aal="aal2", session_token=token)
        assert names(flow) == offered == names(await house.engine.flow(flow.id))


@pytest.mark.parametrize(("aal", "method"), [("aal1", "totp"), ("aal1", "lookup_secret"), ("aal2", "code")])
async def test_a_factor_does_not_stand_in_for_another(aal: str, method: str) -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        token = await first_factor(house)
        app = await link_totp(house, token)
        flow = await house.start("login", aal=aal, refresh=True, session_token=token)
        values = {"totp_code": app.code(house.clock.now()), "lookup_secret": "12345678", "identifier": ADA}
        dismissed = await house.engine.submit(flow.id, method=method, values=values, session_token=token)
        assert (dismissed.state, shown(dismissed)) == ("choose_method", {None: [4010002]})


async def test_a_second_factor_counts_for_whom_it_was_asked_and_with_their_session() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        codes = await keep_codes(house, await first_factor(house))
        token = await first_factor(house)
        flow = await house.start("login", aal="aal2", session_token=token)
        await house.register("bea@example.org")
        other = (await house.sign_in("bea@example.org")).session_token
        for session, error in (
            (other, "security_identity_mismatch"),
            (None, "session_aal1_required"),
            ("ory_st_nonesuch", "session_aal1_required"),
        ):
            assert (await refused(house, prove(house, session, flow, lookup_secret=codes[0]))).id == error
        await house.engine.logout(token)
        assert (await refused(house, prove(house, token, flow, lookup_secret=codes[0]))).id == "session_aal1_required"


# ------------------------------------------------------------------------------------------------ what sessions show


async def test_confirming_the_first_factor_leaves_a_session_where_it_was() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        token = await first_factor(house)
        await link_totp(house, token)
        house.clock.advance(60)
        flow = await house.start("login", refresh=True, session_token=token)
        values = {"identifier": ADA, "password": PASSWORD}
        again = await house.engine.submit(flow.id, method="password", values=values, session_token=token)
        assert again.session is not None
        assert again.session.authenticator_assurance_level == "aal2"
        assert [one.method for one in again.session.authentication_methods] == ["password", "totp", "password"]


async def test_a_second_factor_renews_the_session_and_setting_one_up_does_not() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        token = await first_factor(house)
        before = await house.engine.session(token)
        house.clock.advance(60)
        codes = await keep_codes(house, token)
        after = await house.engine.session(token)
        assert before is not None
        assert after is not None
        for name in ("authenticated_at", "expires_at", "issued_at"):
            assert after[name] == before[name]
        assert len(after.devices) == 1
        shown_again = (await prove(house, token, refresh=True, lookup_secret=codes[0])).session
        assert shown_again is not None
        assert shown_again.issued_at == before.issued_at
        assert shown_again.authenticated_at > before.authenticated_at
        assert shown_again.expires_at > before.expires_at


# ------------------------------------------------------------------------------------------------- highest_available


async def test_where_the_highest_available_is_asked_for_a_first_factor_is_not_enough() -> None:
    """As Kratos was recorded, `redirect_browser_to` included; sign-out takes none."""
    back = "return_to=http%3A%2F%2F127.0.0.1%3A4433%2Fself-service%2Fsettings"
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        high = await first_factor(house)
        flow = await house.start("settings", session_token=high)
        await keep_codes(house, high)
        low = await first_factor(house)
        browser = Request(method="GET", url=f"{BASE}/settings/browser?return_to={UI}/after")
        values = {"traits": {"email": ADA, "age": 40}}
        for awaited, query in (
            (house.engine.session(low), "aal=aal2"),
            (house.start("settings", session_token=low), "aal=aal2"),
            (
                house.start("settings", session_token=low, type="browser", request=browser),
                f"aal=aal2&{back}%2Fbrowser%3Freturn_to%3Dhttp%3A%2F%2F127.0.0.1%3A4455%2Fafter",
            ),
            (
                house.engine.submit(flow.id, method="profile", values=values, session_token=low),
                f"aal=aal2&{back}%3Fflow%3D{flow.id}",
            ),
            (press(house, flow, "lookup_secret_disable", low), f"aal=aal2&{back}%3Fflow%3D{flow.id}"),
        ):
            error = await refused(house, awaited)
            assert error.id == "session_aal2_required"
            assert error.details == {"redirect_browser_to": f"{BASE}/login/browser?{query}"}
        assert await house.engine.session(high)
        assert await house.engine.logout(low)


@pytest.mark.parametrize("type_", ["api", "browser"])
async def test_the_first_of_two_factors_tells_nobody_who_it_is(type_: str) -> None:
    """As Kratos was recorded: `identity` is null in the session of a native login, a browser is shown none at all."""
    hooks = {"login.after": [hook("/after")]}
    for whoami, told in (("highest_available", False), ("aal1", True)):
        required = {"whoami": {"required_aal": whoami}}
        async with open_house(hooks, selfservice=SELFSERVICE, session=required) as house:
            await house.register()
            codes = await keep_codes(house, await first_factor(house))
            flow = await house.start("login", type=type_)
            values = {"identifier": ADA, "password": PASSWORD}
            first = await house.engine.submit(flow.id, method="password", values=values)
            assert first.session is not None
            assert first.identity is not None, "for the application"
            assert (first.session["identity"] is not None, ADA in str(first.flow.body.plain())) == (told, False)
            assert house.sent("/after")["session"]["identity"]["traits"]["email"] == ADA
            second = (await prove(house, first.session_token, lookup_secret=codes[0])).session
            assert second is not None
            assert second.identity.traits.email == ADA


async def test_whoever_has_no_second_factor_is_not_asked_for_one() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        token = await first_factor(house)
        assert await house.engine.session(token)
        assert await house.start("settings", session_token=token)


async def test_a_factor_that_is_switched_off_is_not_asked_for(tmp_path: Any) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_house(selfservice=SELFSERVICE, store=store) as house:
        await house.register()
        await keep_codes(house, await first_factor(house))
        low = await first_factor(house)
        assert (await refused(house, house.engine.session(low))).id == "session_aal2_required"
    async with open_house(store=store) as house:
        assert await house.engine.session(low)
        assert await house.start("settings", session_token=low)
        assert names(await house.start("login", aal="aal2", session_token=low)) == []


async def test_where_one_factor_is_enough_it_still_takes_two_to_change_the_second() -> None:
    """Better than Kratos: there a stolen password sets up a second factor of the thief's own."""
    async with open_house(selfservice=selfservice("aal1"), session={"whoami": {"required_aal": "aal1"}}) as house:
        await house.register()
        high = await first_factor(house)
        await link_totp(house, high)
        low = await first_factor(house)
        assert await house.engine.session(low)
        flow = await house.start("settings", session_token=low)
        for button in (*EVERY, "totp_unlink"):
            assert (await refused(house, press(house, flow, button, low))).id == "session_aal2_required"
        values = {"traits": {"email": ADA, "age": 40}}
        assert (await house.engine.submit(flow.id, method="profile", values=values, session_token=low)).completed
        assert (await press(house, await house.start("settings", session_token=high), "totp_unlink", high)).completed


async def test_a_recovery_opens_the_settings_and_changes_nothing_before_the_second_factor() -> None:
    async with open_house({"settings.before": [hook("/settings")]}, selfservice=SELFSERVICE) as house:
        await house.register()
        codes = await keep_codes(house, await first_factor(house))
        house.sink.received.clear()
        recovered = await house.give_code(await house.ask_code("recovery"))
        token, step = recovered.session_token, recovered.continue_with[-1]
        assert (step["action"], house.called()) == ("show_settings_ui", ["/settings"])
        assert recovered.session is not None
        assert recovered.session.authenticator_assurance_level == "aal1"
        flow_id, values = step["flow"]["id"], {"password": "another good one"}
        change = house.engine.submit(flow_id, method="password", values=values, session_token=token)
        assert (await refused(house, change)).id == "session_aal2_required"
        assert (await prove(house, token, lookup_secret=codes[0])).completed
        changed = await house.engine.submit(flow_id, method="password", values=values, session_token=token)
        assert changed.completed


# ------------------------------------------------------------------------------------------------ privileged sessions


async def test_second_factors_are_changed_and_looked_at_by_a_fresh_session_only() -> None:
    """As Kratos was recorded: whatever is submitted, a wrong code included; the change waits for the refresh."""
    async with open_house(selfservice=selfservice(age="5m")) as house:
        await house.register()
        token = await first_factor(house)
        flow = await house.start("settings", session_token=token)
        secret = secret_of(flow)
        new = codes_of(await press(house, flow, "lookup_secret_regenerate", token))
        house.clock.advance(5 * 60 + 1)
        back = f"return_to=http%3A%2F%2F127.0.0.1%3A4433%2Fself-service%2Fsettings%3Fflow%3D{flow.id}"
        wrong = house.engine.submit(flow.id, method="totp", values={"totp_code": "000000"}, session_token=token)
        for awaited in (wrong, *(press(house, flow, button, token) for button in (*EVERY, "totp_unlink"))):
            error = await refused(house, awaited)
            assert error.id == "session_refresh_required"
            assert error.details == {"redirect_browser_to": f"{BASE}/login/browser?refresh=true&{back}"}
        login = await house.start("login", refresh=True, session_token=token)
        await house.engine.submit(
            login.id, method="password", values={"identifier": ADA, "password": PASSWORD}, session_token=token
        )
        waiting = await house.engine.flow(flow.id, session_token=token)
        assert (secret_of(waiting), codes_of(waiting)) == (secret, new)
        assert (await press(house, flow, "lookup_secret_confirm", token)).completed


async def test_a_refresh_names_who_it_is_unless_a_code_could_do_it() -> None:
    """As Kratos was recorded in both settings."""
    for passwordless, field in ((True, ("text", "")), (False, ("hidden", ADA))):
        code = {"enabled": True, "passwordless_enabled": passwordless}
        async with open_house(selfservice={"methods": {"code": code}}) as house:
            await house.register()
            flow = await house.start("login", refresh=True, session_token=await first_factor(house))
            identifier = next(one.attributes for one in flow.ui.nodes if one.attributes.name == "identifier")
            assert (identifier.type, identifier.value) == field


# ------------------------------------------------------------------------------------------------------------ actions


def three(slot: str) -> dict[str, list[dict[str, Any]]]:
    """An action of each kind in a slot."""
    path = f"/{slot.replace('.', '/')}"
    return {slot: [parse(f"{path}/parse"), hook(path), ignore(f"{path}/ignore")]}


async def arrived(house: House, *paths: str) -> None:
    """Waits for the worker: until something came at each of these paths."""
    for _ in range(500):
        if all(house.sink.of(path) for path in paths):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"of {paths} only {house.called()} within 5 s")


ACTIONS = {
    **three("login.after"),
    **three("login.after.totp"),
    **three("login.after.lookup_secret"),
    **three("settings.after"),
    **three("settings.after.totp"),
}


async def test_each_factor_has_lists_of_its_own_and_they_see_what_was_shown() -> None:
    async with open_house(ACTIONS, selfservice=SELFSERVICE) as house:
        await house.register()
        token = await first_factor(house)
        app = await link_totp(house, token)
        codes = await keep_codes(house, token)
        house.clock.advance(30)
        low = await first_factor(house)
        await prove(house, low, totp_code=app.code(house.clock.now()))
        await prove(house, low, refresh=True, lookup_secret=codes[0])
        await arrived(house, "/settings/after/ignore", "/login/after/ignore", "/login/after/lookup_secret/ignore")
        first = [("password", "aal1")]
        second, third = [*first, ("totp", "aal2")], [*first, ("totp", "aal2"), ("lookup_secret", "aal2")]
        for path, aal, methods in (
            ("/settings/after/totp", "aal1", first),
            ("/settings/after", "aal2", second),
            ("/login/after", "aal1", first),
            ("/login/after/totp", "aal2", second),
            ("/login/after/lookup_secret", "aal2", third),
        ):
            for kind in ("/parse", "", "/ignore"):
                ctx = house.sent(path + kind)
                session = ctx["session"]
                assert session["authenticator_assurance_level"] == aal, path + kind
                assert [(one["method"], one["aal"]) for one in session["authentication_methods"]] == methods
                assert ctx["identity"]["id"] == session["identity"]["id"]
                if "login" in path and path != "/login/after":
                    assert ctx["flow"]["active"] == path.rpartition("/")[2]
                    assert (ctx["flow"]["requested_aal"], ctx["flow"]["state"]) == ("aal2", "choose_method")
        signed_in = await house.engine.signed_in(low)
        assert signed_in is not None
        assert house.sent("/login/after/totp/parse")["session"]["id"] == str(signed_in.session.id)


async def test_actions_see_the_form_and_none_of_its_secrets() -> None:
    """Better than Kratos, whose web hooks are sent the secret and the codes."""
    hooks = {"settings.before": [hook("/before")], "login.before": [hook("/login")], **ACTIONS}
    async with open_house(hooks, selfservice=SELFSERVICE) as house:
        await house.register()
        token = await first_factor(house)
        app = await link_totp(house, token)
        house.clock.advance(30)
        codes = await keep_codes(house, token)
        low = await first_factor(house)
        await prove(house, low, totp_code=app.code(house.clock.now()))
        await arrived(house, "/settings/after/ignore", "/login/after/ignore", "/login/after/totp/ignore")
        sent = b"".join(request.body for request in house.sink.received)
        for secret in (app.secret, *codes, app.code(house.clock.now())):
            assert secret.encode() not in sent

        def drawn(path: str) -> list[str]:
            nodes = house.sent(path)["flow"]["ui"]["nodes"]
            return [
                one["attributes"].get("name") or one["attributes"]["id"] for one in nodes if one["group"] in FACTORS
            ]

        linking = ["lookup_secret_regenerate", "totp_qr", "totp_secret_key", "totp_code", "method"]
        assert drawn("/settings/after/totp/parse") == linking
        assert drawn("/settings/after/totp") == ["lookup_secret_regenerate", "totp_unlink"]
        assert drawn("/settings/after/parse") == ["totp_unlink", "lookup_secret_codes", "lookup_secret_confirm"]
        assert drawn("/settings/after") == ["lookup_secret_reveal", "lookup_secret_disable", "totp_unlink"]
        assert drawn("/login") == ["totp_code", "method", "lookup_secret", "method"]


async def test_an_address_must_be_verified_whatever_factor_was_shown_last() -> None:
    hooks = {"login.after.totp": [{"hook": "require_verified_address"}]}
    async with open_house(hooks, selfservice=SELFSERVICE) as house:
        await house.register()
        token = await first_factor(house)
        app = await link_totp(house, token)
        house.clock.advance(30)
        low = await first_factor(house)
        stopped = await prove(house, low, totp_code=app.code(house.clock.now()))
        assert (stopped.state, stopped.error) == ("choose_method", "session_verified_address_required")
        await house.verify()
        assert (await prove(house, low, totp_code=app.code(house.clock.now()))).completed


async def test_revoking_the_other_sessions_goes_with_a_second_factor() -> None:
    hooks = {"settings.after.totp": [{"hook": "revoke_active_sessions"}]}
    async with open_house(hooks, selfservice=SELFSERVICE) as house:
        await house.register()
        other, token = await first_factor(house), await first_factor(house)
        await link_totp(house, token)
        assert await house.engine.session(token)
        assert await house.engine.session(other) is None


async def test_a_factor_is_linked_though_an_action_failed_after_the_commit() -> None:
    async with open_house({"settings.after.totp": [hook("/told")]}, selfservice=SELFSERVICE) as house:
        await house.register()
        token = await first_factor(house)
        house.sink.script("/told", Reply(400))
        with pytest.raises(ActionFailed) as error:
            await link_totp(house, token)
        assert error.value.stands
        assert names(error.value.outcome) == ["lookup_secret_regenerate", "totp_unlink"]
        session = await house.engine.session(token)
        assert session is not None
        assert session.authenticator_assurance_level == "aal2"
