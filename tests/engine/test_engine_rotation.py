"""Secrets are rotated while flows are open: what is handed out is signed and verified by the secrets in force."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from limen.domain import FlowView, Outcome
from limen.domain.errors import RequestRefused, StoreUnusable
from limen.domain.testing import FixedClock, MemoryCourier
from tests.support.engine import ADA, NOON, PASSWORD, House, open_house
from tests.support.provider import AFTER, Abroad, abroad, providers

OLD, NEW = "an-old-cookie-secret-of-tests", "a-new-cookie-secret-of-a-test"
OLD_CIPHER, NEW_CIPHER = "an-old-cipher-secret-of-32-chars", "a-new-cipher-secret-of-32-chars."
BOTH = (NEW, OLD)


class Town:
    """One store, opened again and again under other secrets."""

    def __init__(self, path: Path) -> None:
        self.options: dict[str, Any] = {"store": f"sqlite:///{path}/limen.db", "clock": FixedClock(NOON)}
        self.courier = MemoryCourier()

    @asynccontextmanager
    async def under(self, cookie: Sequence[str], cipher: Sequence[str] = (OLD_CIPHER,)) -> AsyncIterator[House]:
        secrets = {"cookie": list(cookie), "cipher": list(cipher)}
        async with open_house(courier=self.courier, secrets=secrets, **self.options) as house:
            yield house


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


async def age(house: House, flow: FlowView, token: str | None) -> Outcome:
    """Settings that are changed."""
    values = {"traits": {"email": ADA, "age": 40}}
    return await house.engine.submit(flow.id, method="profile", values=values, session_token=token)


@pytest.mark.parametrize("begun", ["before", "after"])
async def test_a_flow_from_before_a_rotation_knows_every_session_that_holds(town: Town, begun: str) -> None:
    async with town.under([OLD]) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
    async with town.under(BOTH) as house:
        later = (await house.sign_in()).session_token
        assert (await age(house, flow, token if begun == "before" else later)).completed


async def test_a_session_that_begins_in_an_older_flow_is_signed_by_the_secret_in_force(town: Town) -> None:
    async with town.under([OLD]) as house:
        await house.register()
        flow = await house.start("login")
    async with town.under(BOTH) as house:
        values = {"identifier": ADA, "password": PASSWORD}
        token = (await house.engine.submit(flow.id, method="password", values=values)).session_token
        assert await house.engine.session(token) is not None
    async with town.under([NEW]) as house:
        assert await house.engine.session(token) is not None


async def test_a_secret_taken_off_ends_its_sessions_in_the_flows_that_are_open_too(town: Town) -> None:
    """It may have been taken off because it got known, or to sign everybody out: that must hold at once."""
    async with town.under([OLD]) as house:
        await house.register()
        token = (await house.sign_in()).session_token
        flow = await house.start("settings", session_token=token)
    async with town.under([NEW]) as house:
        assert await house.engine.session(token) is None
        with pytest.raises(RequestRefused) as told:
            await age(house, flow, token)
        assert told.value.id == "session_inactive"
        assert (await age(house, flow, (await house.sign_in()).session_token)).completed


async def test_forms_and_codes_from_before_a_rotation_count(town: Town) -> None:
    """They are keyed by the flow, whose key the cipher wraps: any cipher on the list opens it."""
    async with town.under([OLD]) as house:
        await house.register()
        shown = await house.start("login", type="browser")
        asked = await house.ask_code("recovery")
    async with town.under(BOTH, [NEW_CIPHER, OLD_CIPHER]) as house:
        assert csrf(await house.engine.flow(shown.id)) == csrf(shown) != ""
        assert (await house.give_code(asked)).completed
        assert (await house.sign_in()).completed
    with pytest.raises(StoreUnusable, match="none of the configured secrets belongs to this store"):
        async with town.under(BOTH, [NEW_CIPHER]):
            pass


def csrf(flow: FlowView) -> str:
    """The token in a form."""
    return next(str(node.attributes.value) for node in flow.ui.nodes if node.attributes.name == "csrf_token")


async def test_codes_to_be_exchanged_for_a_session_hold_across_a_rotation(tmp_path: Path) -> None:
    """The first code from before it, the second from after it, the session it is for from after it."""
    store = f"sqlite:///{tmp_path}/limen.db"
    secrets = {"cookie": [OLD], "cipher": [OLD_CIPHER]}
    async with abroad(store=store, secrets=secrets) as there:
        asked = {"return_session_token_exchange_code": "true"}
        flow = await there.house.start("registration", query=asked, return_to=AFTER)
        code = str(flow.body.session_token_exchange_code)
        listed = providers(there.idp.issuer, there.other.issuer)
        methods = {"oidc": {"enabled": True, "config": {"providers": listed}}}
        options: Any = {"store": store, "clock": there.house.clock, "selfservice": {"methods": methods}}
        for cookie in ([NEW, OLD], [NEW]):
            async with open_house(secrets={**secrets, "cookie": cookie}, **options) as house:
                if cookie == [NEW, OLD]:
                    there = Abroad(house, there.idp, there.other)
                    back = (await there.go("registration", flow=flow)).return_code
                    token = (await house.engine.exchange(code, back)).session_token
                assert await house.engine.session(token) is not None
