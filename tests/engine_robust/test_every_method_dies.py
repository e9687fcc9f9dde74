"""Every method in every flow, its process gone at each of its appends: nothing is there by half.

Here the process only acts as if it were dead: from that append on nothing it does reaches the store (test_crash kills
real ones, with fewer methods). Another engine opens the store minutes later, and the same person tries again.
"""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from limen.domain import Outcome
from tests.engine_robust.audit import audit
from tests.support.engine import House, hook, ignore, open_house, parse
from tests.support.performing import PERFORMANCES, Flow, sections

NAMES = [f"{kind}-{method}" for kind, method in PERFORMANCES]
LATER_SECONDS = 300.0
FEW = {"templates": {"workers": 1}}


class Dead(BaseException):
    """What the calls of a dead process would never return."""


class Life:
    """Lets so many appends through, and none after them."""

    def __init__(self, house: House, appends: int) -> None:
        store: Any = house.engine.streams.store
        self.append, self.left = store.append, appends
        store.append = self._append

    async def _append(self, step: Any) -> None:
        if not self.left:
            raise Dead
        self.left -= 1
        await self.append(step)


async def die(house: House, flow: Flow, appends: int) -> Outcome | None:
    """Goes through the flow until the end of the life; the outcome where it is reached."""
    Life(house, appends)
    try:
        return await flow()
    except Dead:
        return None


@pytest.mark.parametrize("name", NAMES)
async def test_a_process_that_dies_at_an_append_leaves_nothing_by_half(name: str, tmp_path: Path) -> None:
    kind, method = name.split("-")
    hooks = {f"{kind}.after": [parse("/parse"), hook("/plain"), ignore("/ignore")]}
    for appends in range(20):
        store = f"sqlite:///{tmp_path / f'{appends}.db'}"
        options: Any = {
            "store": store,
            "worker": False,
            "settings": {"templates": {"workers": 1}},
            **sections(kind, method),
        }
        async with contextlib.AsyncExitStack() as stack:
            house = await stack.enter_async_context(open_house(hooks, **options))
            flow = await PERFORMANCES[kind, method](house)
            begun = len(house.log("FlowCompleted"))
            outcome = await die(house, flow, appends)
            house.clock.advance(LATER_SECONDS)
            other = await stack.enter_async_context(
                open_house(hooks, sink=house.sink, courier=house.courier, clock=house.clock, **options)
            )
            await audit(other.engine)
            done = len(other.log("FlowCompleted")) - begun
            house.engine = other.engine  # the same person goes on with the engine that is there now
            if not done:
                assert (await flow()).completed
                await audit(other.engine)
        if outcome is not None:
            assert done == 1
            return
    pytest.fail("a flow of more than twenty appends")
