"""A flow is shown to whoever has its id; what is its person's alone, in settings, to who shows their session."""

import pytest

from limen.adapters import open_engine_sync
from limen.domain import FlowNotFound, RequestRefused
from tests.support.engine import ADA, House, configuration, open_house, shown
from tests.support.factors import FACTORS, codes_of, keep_codes, link_totp, names, node, press, secret_of

SELFSERVICE = {"methods": FACTORS}
EVE = "eve@example.org"


async def signed_in(house: House, email: str = ADA) -> str:
    """The token of a new session."""
    token = (await house.sign_in(email)).session_token
    assert token is not None
    return token


async def test_without_a_session_settings_show_no_secret_and_nothing_of_the_person() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register(traits={"name": {"first": "Ada"}})
        token = await signed_in(house)
        codes = await keep_codes(house, token)
        flow = await house.start("settings", session_token=token)
        secret = secret_of(flow)
        assert codes_of(await press(house, flow, "lookup_secret_reveal", token)) == codes
        bare = await house.engine.flow(flow.id)
        assert (bare.id, bare.state, "identity" in bare.body) == (flow.id, "show_form", False)
        assert secret_of(bare) == ""
        told = str(bare.body.plain())
        assert not any(one in told for one in (ADA, "Ada", secret, *codes))
        fetched = await house.engine.flow(flow.id, session_token=token)
        assert (codes_of(fetched), secret_of(fetched), fetched.body.identity.traits.email) == (codes, secret, ADA)


async def test_nor_what_was_typed_and_what_was_said_of_it() -> None:
    async with open_house() as house:
        await house.register()
        token = await signed_in(house)
        flow = await house.start("settings", session_token=token)
        values = {"traits": {"email": "no address of hers"}}
        refused = await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert shown(refused)
        bare = await house.engine.flow(flow.id)
        assert (shown(bare), "of hers" in str(bare.body.plain())) == ({}, False)
        assert shown(await house.engine.flow(flow.id, session_token=token)) == shown(refused)


async def test_a_session_that_does_not_do_is_refused_as_a_submission_is() -> None:
    """Kratos, kratos-methods/highest-aal.json: "highest, another's settings flow at aal1" is 403."""
    async with open_house(
        selfservice={**SELFSERVICE, "flows": {"settings": {"required_aal": "highest_available"}}}
    ) as house:
        await house.register()
        await house.register(EVE)
        token, eve = await signed_in(house), await signed_in(house, EVE)
        await link_totp(house, token)
        flow = await house.start("settings", session_token=token)
        weak, ended = await signed_in(house), await signed_in(house, EVE)
        await house.engine.logout(ended)
        for given, error in (
            (weak, "session_aal2_required"),
            (eve, "security_identity_mismatch"),
            (ended, "session_inactive"),
            ("no token", "session_inactive"),
            ("", "session_inactive"),
        ):
            with pytest.raises(RequestRefused) as refused:
                await house.engine.flow(flow.id, session_token=given)
            assert refused.value.id == error
            if error == "session_aal2_required":
                back = f"return_to=http%3A%2F%2F127.0.0.1%3A4455%2Fsettings%3Fflow%3D{flow.id}"
                assert refused.value.details["redirect_browser_to"].endswith(f"/login/browser?aal=aal2&{back}")
        assert names(await house.engine.flow(flow.id, session_token=token)) == [
            "lookup_secret_regenerate",
            "totp_unlink",
        ]


async def test_after_a_logout_the_id_alone_shows_no_codes() -> None:
    async with open_house(selfservice=SELFSERVICE) as house:
        await house.register()
        token = await signed_in(house)
        await keep_codes(house, token)
        flow = await house.start("settings", session_token=token)
        await press(house, flow, "lookup_secret_reveal", token)
        await house.engine.logout(token)
        with pytest.raises(RequestRefused, match="active session"):
            await house.engine.flow(flow.id, session_token=token)
        with pytest.raises(AssertionError, match="no node"):
            node(await house.engine.flow(flow.id), "lookup_secret_codes")


async def test_other_flows_take_no_session_and_an_erased_persons_is_gone() -> None:
    async with open_house() as house:
        ada = await house.register()
        token = await signed_in(house)
        login = await house.start("login")
        assert (await house.engine.flow(login.id, session_token=token)).ui == (await house.engine.flow(login.id)).ui
        flow = await house.start("settings", session_token=token)
        await house.engine.erase(str(ada.flow.identity_id))
        for given in (token, None):
            with pytest.raises(FlowNotFound):
                await house.engine.flow(flow.id, session_token=given)


def test_without_await_it_is_the_same() -> None:
    with open_engine_sync(configuration(selfservice=SELFSERVICE), "memory:") as engine:
        flow = engine.start("registration")
        values = {"traits": {"email": ADA}, "password": "correct horse battery"}
        engine.submit(flow.id, method="password", values=values)
        login = engine.start("login")
        values = {"identifier": ADA, "password": "correct horse battery"}
        token = engine.submit(login.id, method="password", values=values).session_token
        flow = engine.start("settings", session_token=token)
        assert secret_of(engine.flow(flow.id, session_token=token)) == secret_of(flow)
        assert secret_of(engine.flow(flow.id)) == ""
