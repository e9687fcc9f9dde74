"""What is made once is made once, however many ask first; and what cannot be is refused where it is written."""

import asyncio
from typing import Any

import pytest

from limen.adapters import open_engine
from limen.adapters.hasher import PooledHasher
from limen.domain import Actions
from limen.domain.desk import Desk
from limen.domain.rules import Rules
from tests.support.engine import configuration, open_house


@pytest.mark.parametrize("store", ["memory:", "sqlite:///{}/limen.db"])
async def test_many_first_flows_at_once_publish_one_configuration_and_share_one_desk(
    store: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    whole = PooledHasher.__init__

    def counted(self: PooledHasher, *given: object) -> None:
        made.append(self)
        whole(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(PooledHasher, "__init__", counted)
    async with open_engine(configuration(), store.format(tmp_path), settings={}) as engine:
        await asyncio.gather(*(engine.start("login") for _ in range(8)))
        desks = {id(desk) for desk in await asyncio.gather(*(engine.current() for _ in range(8)))}
        assert len(desks) == 1
        assert len(made) == 1


async def test_an_older_configuration_is_recalled_once(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    store = f"sqlite:///{tmp_path}/limen.db"
    async with open_house(store=store) as house:
        flows = [await house.start("login") for _ in range(6)]
    under: list[object] = []
    made = Desk.under

    def counted(rules: Rules, *given: Any) -> Desk:
        under.append(rules.id)
        return made(rules, *given)

    monkeypatch.setattr(Desk, "under", counted)
    async with open_house(store=store, session={"lifespan": "1h"}) as house:
        await asyncio.gather(*(house.engine.flow(flow.id) for flow in flows))
    assert under.count(flows[0].configuration) == 1


@pytest.mark.parametrize("slot", ["recovery.after.code", "verification.after.link", "login.before.password", "x", ""])
def test_a_slot_without_a_list_is_refused_when_the_handler_is_registered(slot: str) -> None:
    with pytest.raises(ValueError, match=f"'{slot}' is no slot; one reads like 'login.before'"):
        Actions().named("hook_1", slots=[slot])
    Actions().named("hook_1", slots=["recovery.after", "verification.after", "login.after.code"])
