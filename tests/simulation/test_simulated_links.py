"""Recovery and verification by link, decided again: the same configuration gives the same, another one may not."""

import pytest

from limen.adapters.sink import Reply
from tests.simulation.house import foresee
from tests.support.engine import hook, messages, open_house, parse
from tests.support.links import LINKS, ask_link, follow, link_of


@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_flows_by_link_differ_from_themselves_in_nothing(kind: str) -> None:
    hooks = {f"{kind}.before": [hook("/before")], f"{kind}.after": [parse("/parse"), hook("/plain")]}
    async with open_house(hooks, **LINKS) as house:
        await house.register()
        flow = await ask_link(house, kind)
        await follow(house, link_of(house) + "x")
        house.sink.script("/parse", [messages(("#/", 77, "not yet")), Reply(204)])
        await follow(house, link_of(house))
        await follow(house, link_of(house))
        await follow(house, link_of(house))
        await ask_link(house, kind, "ghost@example.org")
        found = await foresee(house, hooks, **LINKS)
        assert [(one.flow, one.outcome) for one in found if one.differs or one.unknown] == []
        (mine,) = [one for one in found if one.id == flow.id]
        assert [turn.slot.phase for turn in mine.turns] == ["before", "after", "after"]
        other = {**hooks, f"{kind}.after": [parse("/parse"), hook("/plain"), hook("/more")]}
        assert [one.id for one in await foresee(house, other, **LINKS) if one.differs] == [flow.id]
