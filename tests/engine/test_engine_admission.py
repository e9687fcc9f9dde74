"""Who may start and submit which flow, and what refreshing a session keeps."""

import pytest

from limen.domain import RequestRefused
from limen.domain.ui import messages as catalogue
from tests.support.addresses import BACKUP, addresses, arrive, change, own_backup
from tests.support.engine import ADA, PASSWORD, open_house, shown
from tests.support.links import LINKS, link_of, token_of


async def test_a_request_that_does_not_fit_its_session_is_refused() -> None:
    async with open_house() as house:
        await house.register()
        token = (await house.sign_in()).session_token
        for kind, options, error in (
            ("settings", {}, "session_inactive"),
            ("settings", {"session_token": "ory_st_nonsense"}, "session_inactive"),
            ("login", {"session_token": token}, "session_already_available"),
            ("registration", {"session_token": token}, "session_already_available"),
            ("recovery", {"session_token": token}, "session_already_available"),
            ("login", {"aal": "aal2"}, "session_aal1_required"),
            ("login", {"aal": "aal9"}, "aal_unknown"),
            ("login", {"type": "carrier pigeon"}, "flow_type_unknown"),
            ("login", {"return_to": "https://elsewhere.example"}, "self_service_flow_return_to_forbidden"),
            ("logout", {}, "flow_unknown"),
        ):
            with pytest.raises(RequestRefused) as refused:
                await house.engine.start(kind, **options)
            assert refused.value.id == error


@pytest.mark.parametrize("method", ["code", "link"])
async def test_who_is_signed_in_asks_for_no_recovery_and_may_end_one(method: str) -> None:
    links = LINKS["selfservice"] if method == "link" else {}
    async with open_house(selfservice=links) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("recovery")
        for _ in range(2):
            with pytest.raises(RequestRefused) as refused:
                await house.engine.submit(flow.id, method=method, values={"email": ADA}, session_token=token)
            assert refused.value.id == "session_already_available"
            await house.engine.submit(flow.id, method=method, values={"email": ADA})
        proof = {"token": token_of(link_of(house))} if method == "link" else {"code": house.code}
        assert (await house.engine.submit(flow.id, method=method, values=proof, session_token=token)).completed


async def test_settings_belong_to_who_began_them() -> None:
    async with open_house() as house:
        await house.register()
        await house.register("bob@example.org")
        ada = (await house.sign_in()).session_token
        bob = (await house.sign_in("bob@example.org")).session_token
        flow = await house.start("settings", session_token=ada)
        for token, error in ((bob, "security_identity_mismatch"), (None, "session_inactive")):
            with pytest.raises(RequestRefused) as refused:
                await house.engine.submit(flow.id, method="password", values={"password": "x" * 9}, session_token=token)
            assert refused.value.id == error


async def test_a_flow_that_is_switched_off_is_refused() -> None:
    async with open_house(selfservice={"flows": {"recovery": {"enabled": False}}}) as house:
        with pytest.raises(RequestRefused) as refused:
            await house.start("recovery")
        assert refused.value.id == "self_service_flow_disabled"


async def test_refresh_keeps_the_session_and_its_token() -> None:
    async with open_house() as house:
        await house.register()
        first = await house.sign_in()
        house.clock.advance(60)
        flow = await house.start("login", refresh=True, session_token=first.session_token)
        assert shown(flow) == {None: [catalogue.reauthenticate().id]}
        values = {"identifier": ADA, "password": PASSWORD}
        again = await house.engine.submit(flow.id, method="password", values=values, session_token=first.session_token)
        assert first.session is not None
        assert again.session is not None
        assert again.session.id == first.session.id
        assert again.session.authenticated_at > first.session.authenticated_at
        assert len(again.session.authentication_methods) == 2
        assert await house.engine.session(first.session_token)


async def test_a_name_alone_takes_no_fresh_session_whether_the_address_is_verified_or_not() -> None:
    """Kratos asks for one where an address is verified, and not where none is."""
    for verified in (False, True):
        async with open_house() as house:
            token = await arrive(house, verified=verified)
            house.clock.advance(3601)
            assert (await change(house, token, ADA, name={"first": "Ada"})).completed
            with pytest.raises(RequestRefused):
                await change(house, token)


async def test_what_an_address_is_for_is_changed_by_a_fresh_session() -> None:
    """Two addresses of one's own, exchanged: another one signs in and recovers."""
    async with open_house(identity=own_backup()) as house:
        token = await arrive(house, verified=True, backup=BACKUP)
        house.clock.advance(3601)
        assert (await change(house, token, ADA, backup=BACKUP, name={"first": "Ada"})).completed
        with pytest.raises(RequestRefused) as refused:
            await change(house, token, BACKUP, backup=ADA)
        assert refused.value.id == "session_refresh_required"
        token = (await house.sign_in()).session_token or ""
        assert (await change(house, token, BACKUP, backup=ADA)).completed
        assert await addresses(house, token) == {BACKUP: False, ADA: True}
