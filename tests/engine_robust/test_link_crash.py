"""A link whose process dies while it is followed: the same link counts as long as nothing was committed, then not."""

from pathlib import Path

import pytest

from limen.domain import Outcome
from tests.engine_robust.dying import FEW, LATER_SECONDS, die
from tests.support.engine import hook, open_house, parse, shown
from tests.support.links import LINKS, ask_link, follow, link_of

USED = {"recovery": 4060004, "verification": 4070001}


@pytest.mark.parametrize("kind", USED)
async def test_a_link_counts_until_the_commit_and_not_after_it(kind: str, tmp_path: Path) -> None:
    hooks = {f"{kind}.after": [parse("/parse"), hook("/plain")]}
    seen = set()
    for appends in range(20):
        store = f"sqlite:///{tmp_path / f'{appends}.db'}"
        async with open_house(hooks, store=store, worker=False, settings=FEW, **LINKS) as house:
            await house.register()
            await ask_link(house, kind)
            link = link_of(house)

            async def flow() -> Outcome:
                return await follow(house, link)  # noqa: B023 - it is called within this turn

            outcome = await die(house, flow, appends)
            house.clock.advance(LATER_SECONDS)
            async with open_house(
                hooks, sink=house.sink, clock=house.clock, store=store, worker=False, settings=FEW, **LINKS
            ) as other:
                committed = bool(other.log("AddressVerified"))
                assert bool(other.log("SessionIssued")) == (committed and kind == "recovery")
                again = await follow(other, link)
                seen.add((committed, again.completed))
                assert again.completed is not committed
                assert shown(again).get(None, []) == ([USED[kind]] if committed else shown_when_done(kind))
                assert len(other.log("AddressVerified")) == 1
                assert len(other.log("SessionIssued")) == (kind == "recovery")
        if outcome is not None:
            break
    assert seen == {(False, True), (True, False)}


def shown_when_done(kind: str) -> list[int]:
    return [1080002] if kind == "verification" else []
