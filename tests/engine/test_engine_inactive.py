"""Whoever is inactive gets in by no method and in no flow.

`WAYS` and `WITHIN` are the table: one entry for each way in, and for each thing that takes a session. A new method adds
its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from limen.domain import Actions, FlowOvertaken, Outcome, Request, RequestRefused
from tests.simulation.house import settled
from tests.support.engine import ADA, PASSWORD, House, JsonDict, hook, identity, ignore, open_house, parse, shown
from tests.support.factors import FACTORS, keep_codes, link_totp, prove
from tests.support.performing import PERFORMANCES, sections

OFF = {"settings.after.profile": [parse("/off")]}
DISABLED = {None: [4010011]}


def house_of(hooks: JsonDict | None = None, **sections: Any) -> AbstractAsyncContextManager[House]:
    """A house in which settings may switch somebody off."""
    return open_house({**OFF, **(hooks or {})}, selfservice={"methods": FACTORS}, **sections)


async def switch_off(house: House, token: str | None = None) -> None:
    """An action on a change of settings makes the person inactive."""
    token = token or (await house.sign_in()).session_token
    house.sink.script("/off", identity(state="inactive"))
    flow = await house.start("settings", session_token=token)
    values = {"traits": {"email": ADA, "age": 50}}
    done = await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
    assert (done.state, done.error) == ("completed", "identity_disabled")


# ---------------------------------------------------------------------------------------------------------- the ways in

Try = Callable[[], Awaitable[Outcome]]
Way = Callable[[House], Awaitable[Try]]
"""Goes up to the last step while the person is active; what it returns takes that step."""
Within = Callable[[House, str | None], Awaitable[Try]]
"""The same, for what takes a session: it is given the token of one that may change everything."""


async def by_password(house: House) -> Try:
    flow = await house.start("login")
    values = {"identifier": ADA, "password": PASSWORD}
    return lambda: house.engine.submit(flow.id, method="password", values=values)


async def by_code(house: House) -> Try:
    flow = await house.ask_code("login")
    code = house.code
    return lambda: house.give_code(flow, code)


async def by_recovery(house: House) -> Try:
    flow = await house.ask_code("recovery")
    code = house.code
    return lambda: house.give_code(flow, code)


async def by_refresh(house: House) -> Try:
    token = (await house.sign_in()).session_token
    flow = await house.start("login", refresh=True, session_token=token)
    values = {"identifier": ADA, "password": PASSWORD}
    return lambda: house.engine.submit(flow.id, method="password", values=values, session_token=token)


WAYS: dict[str, Way] = {
    "login by password": by_password,
    "login by code": by_code,
    "recovery by code": by_recovery,
    "refresh by password": by_refresh,
}
"""Every way to be signed in as somebody."""


async def totp(house: House, strong: str | None) -> Try:
    app = await link_totp(house, strong)
    house.clock.advance(30)
    token = (await house.sign_in()).session_token
    flow = await house.start("login", aal="aal2", session_token=token)
    return lambda: prove(house, token, flow, totp_code=app.code(house.clock.now()))


async def lookup_secret(house: House, strong: str | None) -> Try:
    codes = await keep_codes(house, strong)
    token = (await house.sign_in()).session_token
    flow = await house.start("login", aal="aal2", session_token=token)
    return lambda: prove(house, token, flow, lookup_secret=codes[0])


async def settings(house: House, strong: str | None) -> Try:
    flow = await house.start("settings", session_token=strong)
    values = {"password": "another horse battery"}
    return lambda: house.engine.submit(flow.id, method="password", values=values, session_token=strong)


WITHIN: dict[str, tuple[Within, str]] = {
    "a second factor, totp": (totp, "session_aal1_required"),
    "a second factor, lookup_secret": (lookup_secret, "session_aal1_required"),
    "settings": (settings, "session_inactive"),
}
"""What takes a session that there was, and Kratos' error id now that it counts no more."""


@pytest.mark.parametrize("way", WAYS)
async def test_no_way_in_is_open(way: str) -> None:
    actions = {"login.after": [hook("/login")], "recovery.after": [hook("/recovery")]}
    async with house_of(actions) as house:
        await house.register()
        attempt = await WAYS[way](house)
        await switch_off(house)
        issued, called = len(house.log("SessionIssued")), len(house.called())
        refused = await attempt()
        assert (refused.completed, refused.error, shown(refused)) == (False, "identity_disabled", DISABLED)
        assert (refused.session, refused.session_token, refused.identity) == (None, None, None)
        assert (len(house.log("SessionIssued")), house.log("SessionRefreshed")) == (issued, [])
        assert len(house.called()) == called, "no action runs for who is refused"


@pytest.mark.parametrize("way", WITHIN)
async def test_a_session_that_there_was_counts_no_more(way: str) -> None:
    async with house_of() as house:
        await house.register()
        start, error = WITHIN[way]
        strong = (await house.sign_in()).session_token
        attempt = await start(house, strong)
        await switch_off(house, strong)
        size = house.size
        with pytest.raises(RequestRefused) as refused:
            await attempt()
        assert refused.value.id == error
        assert house.size == size


async def test_a_session_is_not_found_and_starts_nothing() -> None:
    async with house_of() as house:
        await house.register()
        token, other = [(await house.sign_in()).session_token for _ in range(2)]
        await switch_off(house, token)
        for held in (token, other):
            assert await house.engine.session(held) is None
            assert await house.engine.signed_in(held) is None
            with pytest.raises(RequestRefused) as refused:
                await house.start("settings", session_token=held)
            assert refused.value.id == "session_inactive"
            with pytest.raises(RequestRefused) as refused:
                await house.start("login", aal="aal2", session_token=held)
            assert refused.value.id == "session_aal1_required"
            assert (await house.start("login", refresh=True, session_token=held)).body.refresh is False


@pytest.mark.parametrize("method", [method for kind, method in PERFORMANCES if kind == "settings"])
async def test_who_is_switched_off_by_their_own_change_is_stored_so_and_has_no_session(method: str) -> None:
    """Whatever was changed, it is stored with it (actions.md). A new factor strengthens no session: there is none."""
    async with open_house({"settings.after": [parse("/off")]}, **sections("settings", method)) as house:
        changes = await PERFORMANCES["settings", method](house)
        house.sink.script("/off", identity(state="inactive"))
        done = await changes()
        assert (done.state, done.error) == ("completed", "identity_disabled")
        assert (done.session, done.session_token) == (None, None)
        assert done.identity is not None
        assert done.identity.state == "inactive"
        written = {"profile": "TraitsChanged"}.get(method, "CredentialChanged")
        assert house.log(written)[-1].data["flow_id"] == str(done.flow.id)
        assert not house.log("SessionStrengthened")
        (completed,) = [entry for entry in house.log("FlowCompleted") if entry.stream == done.flow.id]
        assert completed.data["session_id"] is None
        password = "another battery staple" if method == "password" else PASSWORD
        assert (await house.sign_in(password=password)).error == "identity_disabled"


async def test_a_wrong_password_looks_as_if_the_account_were_active() -> None:
    """Only who shows that the account is theirs learns that it is switched off."""
    async with house_of() as house:
        await house.register()
        await switch_off(house)
        for email, password in ((ADA, "wrong horse battery"), ("nobody@example.org", PASSWORD)):
            refused = await house.sign_in(email, password)
            assert (refused.error, shown(refused)) == (None, {None: [4000006]})


async def test_who_is_switched_off_while_an_action_runs_gets_no_session() -> None:
    actions, asked, answered = Actions(), asyncio.Event(), asyncio.Event()

    @actions.after("login", method="code", id="slow")
    async def slow(_: object) -> None:
        asked.set()
        await answered.wait()

    async with house_of(actions=actions) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.ask_code("login")
        login = asyncio.ensure_future(house.give_code(flow))
        await asked.wait()
        await switch_off(house, token)
        answered.set()
        issued = len(house.log("SessionIssued"))
        with pytest.raises(FlowOvertaken):
            await login
        assert len(house.log("SessionIssued")) == issued
        again = await house.give_code(flow)
        assert (again.error, shown(again)) == ("identity_disabled", DISABLED)


async def test_an_address_may_be_verified_and_nobody_is_signed_in_by_it() -> None:
    """As in Kratos: an account may wait, inactive, for just that."""
    async with house_of({"registration.after": [parse("/parse")]}) as house:
        house.sink.script("/parse", identity(state="inactive"))
        registered = await house.register()
        assert (registered.error, registered.session) == ("identity_disabled", None)
        verified = await house.verify()
        assert (verified.completed, verified.error, verified.session) == (True, None, None)
        assert (await house.sign_in()).error == "identity_disabled"


@pytest.mark.parametrize("state", ["active", "inactive"])
async def test_an_account_that_is_inactive_from_the_start_is_stored_and_nothing_follows(state: str) -> None:
    """As in Kratos: no action after it, awaited or not, and no mail."""
    hooks = [parse("/parse"), hook("/plain"), ignore("/ignore"), {"hook": "show_verification_ui"}]
    async with house_of({"registration.after.password": hooks}) as house:
        house.sink.script("/parse", identity(state=state))
        registered = await house.register()
        await settled(house)
        follows = state == "active"
        assert registered.error == (None if follows else "identity_disabled")
        assert set(house.called()) == ({"/parse", "/plain", "/ignore"} if follows else {"/parse"})
        assert (len(house.courier.messages), len(registered.continue_with)) == ((1, 1) if follows else (0, 0))
        status = "sent" if follows else "pending"
        assert registered.identity is not None
        assert registered.identity.verifiable_addresses[0].status == status


@pytest.mark.parametrize("kind", ["registration", "settings"])
async def test_a_page_is_led_on_to_nowhere(kind: str) -> None:
    """Its script is answered that the account is switched off, and no more."""
    page = Request(headers={"Accept": "application/json"})
    async with house_of({"registration.after": [parse("/parse")]}) as house:
        token = None
        if kind == "settings":
            await house.register()
            token = (await house.sign_in()).session_token
        for path in ("/parse", "/off"):
            house.sink.script(path, identity(state="inactive"))
        flow = await house.start(kind, type="browser", session_token=token, request=page)
        method = {"registration": "password", "settings": "profile"}[kind]
        values = {"traits": {"email": ADA, "age": 50}, "password": PASSWORD}
        done = await house.engine.submit(flow.id, method=method, values=values, session_token=token, request=page)
        assert (done.error, list(done.continue_with)) == ("identity_disabled", [])


async def test_signing_out_works_all_the_same() -> None:
    """Else the session would be there again with the person."""
    async with house_of() as house:
        await house.register()
        token, other = [(await house.sign_in()).session_token for _ in range(2)]
        await switch_off(house, token)
        assert await house.engine.logout(other) is True
        assert await house.engine.logout(other) is False
