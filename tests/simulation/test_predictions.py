"""Given any history under any configuration: the same one brings back every decision, another one is foreseen rightly.

What a simulation foresees is compared with what a real engine then does with the same deeds, on a copy of the same
people; what it calls unknown is left out.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from limen.adapters import open_simulation
from limen.adapters.sink import Sink
from limen.domain.simulation.foresight import UNKNOWN, Foresight, TurnForesight
from tests.simulation.world import DEEDS, PEOPLE, SECTIONS, Lived, World, changed, lists

deeds = st.lists(st.sampled_from(DEEDS), min_size=1, max_size=PEOPLE)
SLOWLY = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
BLOCKING = ("before", "before_commit")


async def foreseen(lived: Lived, config: dict[str, Any]) -> dict[UUID, Foresight]:
    async with open_simulation(config, lived.store, settings={}) as simulation:
        return {flow.id: flow async for flow in simulation.flows()}


@given(data=st.data(), done=deeds)
@SLOWLY
def test_the_recorded_configuration_brings_back_every_decision(data: st.DataObject, done: list[str]) -> None:
    hooks, sections = data.draw(lists()), data.draw(st.sampled_from(SECTIONS))

    async def run(world: World) -> None:
        lived = await world.live("recorded", done, hooks, sections)
        calls = len(world.sink.received)
        found = await foreseen(lived, lived.config)
        for id_ in filter(None, lived.flows):
            assert (found[id_].outcome, found[id_].differs, found[id_].unknown) == ("same", False, False)
            assert [_told(turn) for turn in found[id_].turns] == lived.turns(id_)
        assert len(world.sink.received) == calls, "a simulation asked somebody"

    _in_a_world(run)


@given(data=st.data(), done=deeds)
@SLOWLY
def test_what_is_foreseen_is_what_a_real_run_then_does(data: st.DataObject, done: list[str]) -> None:
    hooks = data.draw(lists())
    others = data.draw(changed(hooks))
    contexts = data.draw(st.sampled_from(["asked", "all"]))
    then, now = data.draw(st.sampled_from(SECTIONS)), data.draw(st.sampled_from(SECTIONS))

    async def run(world: World) -> None:
        lived = await world.live("recorded", done, hooks, then, contexts)
        found = await foreseen(lived, world.config(others, now))
        real = await world.live("real", done, others, now)
        for old, new in zip(lived.flows, real.flows, strict=True):
            if old is not None:
                _compare(found[old], real.turns(new) if new is not None else [])

    _in_a_world(run)


def _compare(seen: Foresight, real: list[tuple[str, list[tuple[str, str]]]]) -> None:
    for place, turn in enumerate(seen.turns):
        if turn.end in ("refused", "dismissed", "expired") and turn.why:
            assert len(real) <= place, f"{turn.why}, and yet {real}"
            return
        if place >= len(real):
            assert turn.end == UNKNOWN, f"foreseen {turn.end}, and nothing happened"
            return
        end, ran = real[place]
        certain = [one for one in turn.actions if one.sure]
        told = [(one.ref.id, one.verdict) for one in certain if one.timing in BLOCKING]
        for (name, verdict), (real_name, real_verdict) in zip(told, ran, strict=False):
            assert name == real_name
            if verdict == UNKNOWN:
                break
            assert verdict == real_verdict, f"{name}: foreseen {verdict}, came to {real_verdict}"
        if turn.end == UNKNOWN:
            return
        assert turn.end == end


def _told(turn: TurnForesight) -> tuple[str, list[tuple[str, str]]]:
    return turn.end, [(one.ref.id, one.verdict) for one in turn.actions if one.timing in BLOCKING]


def _in_a_world(run: Any) -> None:
    async def within() -> None:
        with TemporaryDirectory() as folder:
            async with Sink() as sink:
                await run(await World.settled(Path(folder), sink))

    asyncio.run(within())
