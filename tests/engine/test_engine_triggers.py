"""When the actions of a flow are called: `before` when it starts, `after` when its submission came to something."""

import pytest

from tests.support.engine import ADA, PASSWORD, hook, open_house

FLOWS = ("login", "registration", "recovery", "settings", "verification")


def both(flow: str) -> dict[str, list[dict[str, object]]]:
    return {f"{flow}.before": [hook("/before")], f"{flow}.after": [hook("/after")]}


@pytest.mark.parametrize("kind", ["login", "registration", "recovery", "verification"])
async def test_before_runs_when_the_user_starts_the_flow(kind: str) -> None:
    async with open_house(both(kind)) as house:
        await house.start(kind)
        assert house.called() == ["/before"]


async def test_before_settings_runs_when_the_user_starts_the_flow() -> None:
    async with open_house(both("settings")) as house:
        await house.register()
        signed_in = await house.sign_in()
        await house.start("settings", session_token=signed_in.session_token)
        assert house.called() == ["/before"]


async def test_after_login_runs_when_authentication_succeeded_and_not_when_it_failed() -> None:
    async with open_house(both("login")) as house:
        await house.register()
        flow = await house.start("login")
        wrong = {"identifier": ADA, "password": "not the password"}
        await house.engine.submit(flow.id, method="password", values=wrong)
        assert house.called() == ["/before"]
        await house.engine.submit(flow.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        assert house.called() == ["/before", "/after"]


async def test_after_registration_runs_when_the_submission_was_valid_and_not_when_it_was_not() -> None:
    async with open_house(both("registration")) as house:
        flow = await house.start("registration")
        await house.engine.submit(flow.id, method="password", values={"traits": {}, "password": PASSWORD})
        assert house.called() == ["/before"]
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        await house.engine.submit(flow.id, method="password", values=values)
        assert house.called() == ["/before", "/after"]


@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_after_recovery_and_verification_runs_when_the_code_was_right(kind: str) -> None:
    async with open_house(both(kind)) as house:
        await house.register()
        flow = await house.ask_code(kind)
        code = house.code
        await house.give_code(flow, "000000" if code != "000000" else "000001")
        assert house.called() == ["/before"]
        await house.give_code(flow, code)
        assert house.called() == ["/before", "/after"]


async def test_after_settings_runs_when_the_change_was_valid() -> None:
    async with open_house(both("settings")) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
        await house.engine.submit(flow.id, method="profile", values={"traits": {}}, session_token=token)
        assert house.called() == ["/before"]
        values = {"traits": {"email": ADA, "age": 44}}
        await house.engine.submit(flow.id, method="profile", values=values, session_token=token)
        assert house.called() == ["/before", "/after"]


async def test_logout_triggers_nothing() -> None:
    hooks = {slot: [hook(f"/{slot}")] for flow in FLOWS for slot in (f"{flow}.before", f"{flow}.after")}
    async with open_house(hooks) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        before = house.called()
        assert await house.engine.logout(token)
        assert house.called() == before
