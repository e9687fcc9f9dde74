"""A house whose flows are simulated: every simulation here also shows that it asked nobody and wrote nothing."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from limen.adapters import open_simulation
from limen.adapters.sink import Received, Reply
from limen.adapters.store import LogStore
from limen.domain import Actions
from limen.domain.simulation.foresight import Foreseen, Foresight, TurnForesight
from tests.support.engine import House, JsonDict, configuration, towards

Hooks = Mapping[str, Sequence[JsonDict]]


async def foresee(
    house: House,
    hooks: Hooks | None = None,
    *,
    settings: JsonDict | None = None,
    actions: Actions | None = None,
    live: Sequence[str] = (),
    **sections: Any,
) -> list[Foresight]:
    """What becomes of the flows of a house under these hooks and sections, in the order in which they ended."""
    config = towards(configuration(hooks, **sections), house.sink.url)
    await settled(house)
    events, calls = house.size, len(house.sink.received)
    async with open_simulation(
        config, store_of(house), settings=settings or {}, actions=actions, live=live
    ) as simulation:
        found = [flow async for flow in simulation.flows()]
    assert house.size == events, "a simulation wrote"
    assert live or len(house.sink.received) == calls, "a simulation asked"
    return found


def store_of(house: House) -> LogStore:
    """The store of its engine."""
    store = house.engine.streams.store
    assert isinstance(store, LogStore)
    return store


def slow(house: House, seconds: float, reply: Reply) -> Callable[[Received], Reply]:
    """An answer that takes its time, by the clock of the house."""

    def answer(_: Received) -> Reply:
        house.clock.advance(seconds)
        return reply

    return answer


async def settled(house: House) -> None:
    """Returns when nothing is on its way any more, or is not going to be."""
    for _ in range(100):
        last = {entry.stream: entry.type for entry in house.log()}
        if not {"DeliveryScheduled", "DeliveryStarted"} & set(last.values()):
            return
        await asyncio.sleep(0.01)


async def last_turn(house: House, hooks: Hooks | None = None, *, kind: str = "login", **options: Any) -> TurnForesight:
    """The last turn that is foreseen of the last flow of a kind."""
    found = [flow for flow in await foresee(house, hooks, **options) if flow.flow == kind]
    return found[-1].turns[-1]


def told(turn: TurnForesight) -> dict[str, tuple[str, str]]:
    """Request and verdict of each action that would run, by its id."""
    return {one.ref.id: (one.request, one.verdict) for one in turn.actions}


def only(turn: TurnForesight) -> Foreseen:
    """The one action that would run."""
    (one,) = turn.actions
    return one


def all_same(found: Sequence[Foresight]) -> bool:
    """Whether nothing differs and nothing is unknown."""
    return all((one.outcome, one.differs, one.unknown) == ("same", False, False) for one in found)
