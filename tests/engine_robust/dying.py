"""Processes that are gone at an append: nothing they do reaches the store from there on.

They only act as if they were dead (test_crash kills real ones, with fewer methods). Another engine opens the store
minutes later, and the same person tries again.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from limen.domain import Outcome
from tests.engine_robust.audit import audit
from tests.support.engine import House, JsonDict, open_house
from tests.support.performing import Flow

LATER_SECONDS = 300.0
MOST_APPENDS = 30
FEW = {"templates": {"workers": 1}}
"""limen's own settings of a life: it has not much to render."""


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


async def die_at_each_append(
    folder: Path,
    hooks: Mapping[str, list[JsonDict]],
    options: Mapping[str, Any],
    prepare: Callable[[House], Awaitable[Flow]],
    after: Callable[[House, Flow], Awaitable[Outcome]],
) -> None:
    """Lives that are over one append later each time, the last of them at its end.

    After each the log is whole. Where nothing was completed the person goes on with another engine, as `after` says.
    """
    for appends in range(MOST_APPENDS):
        lives: Any = {
            "store": f"sqlite:///{folder / f'{appends}.db'}",
            "settings": FEW,
            **options,
        }
        async with contextlib.AsyncExitStack() as stack:
            house = await stack.enter_async_context(open_house(hooks, worker=False, **lives))
            flow = await prepare(house)
            begun = len(house.log("FlowCompleted"))
            outcome = await die(house, flow, appends)
            house.clock.advance(LATER_SECONDS)
            other = await stack.enter_async_context(
                open_house(hooks, sink=house.sink, courier=house.courier, clock=house.clock, **lives)
            )
            await audit(other.engine)
            done = len(other.log("FlowCompleted")) - begun
            house.engine = other.engine  # the same person goes on with the engine that is there now
            if not done:
                assert (await after(house, flow)).completed
                await audit(other.engine)
        if outcome is not None:
            assert done == 1
            return
    pytest.fail(f"a flow of more than {MOST_APPENDS} appends")


async def from_the_start(house: House, flow: Flow) -> Outcome:
    """The same flow again."""
    return await flow()
