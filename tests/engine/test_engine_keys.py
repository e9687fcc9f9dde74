"""Keys that had to make room while an action ran are there again when it has answered."""

import asyncio

import pytest

from limen.adapters import keyring
from limen.domain import ActionContext, Actions
from tests.support.engine import ADA, PASSWORD, open_house


@pytest.mark.parametrize("store", ["memory:", "sqlite:///{}/limen.db"])
async def test_a_registration_goes_on_after_an_action_during_which_many_flows_came(
    store: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "CACHED_KEYS", 4)
    answered, asked = asyncio.Event(), asyncio.Event()
    actions = Actions()

    @actions.after("registration", id="slow")
    async def slow(context: ActionContext) -> None:
        asked.set()
        await answered.wait()

    async with open_house(actions=actions, store=store.format(tmp_path)) as house:
        flow = await house.start("registration")
        values = {"traits": {"email": ADA}, "password": PASSWORD}
        going = asyncio.create_task(house.engine.submit(flow.id, method="password", values=values))
        await asked.wait()
        for _ in range(12):
            await house.start("login")
        answered.set()
        outcome = await going
        assert outcome.state == "completed"
        assert outcome.identity is not None
        assert outcome.identity.traits.email == ADA
        assert (await house.sign_in()).state == "completed"
