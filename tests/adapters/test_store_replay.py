"""A whole log, folded anew, gives what loading each aggregate by itself gives."""

import gc
from pathlib import Path

from limen.adapters.store import open_store
from limen.adapters.store.replay import history, replay
from tests.benchmarks.scene import change_profile, engine_on, login, seed


async def test_every_aggregate_stands_as_it_does_when_loaded(tmp_path: Path) -> None:
    people = await seed(tmp_path / "log.db", 2)
    async with engine_on(tmp_path / "log.db") as engine:
        for person in people:
            await change_profile(engine, person)
            await login(engine, person)
        store = open_store(f"sqlite:///{tmp_path / 'log.db'}")
        try:
            folded = replay(store)
            assert {type(aggregate).__name__ for aggregate in folded.values()} >= {"Flow", "Identity", "Session"}
            for stream, aggregate in folded.items():
                loaded = type(aggregate).replay(stream, await store.events(stream))
                assert vars(aggregate) == vars(loaded)
        finally:
            store.close()
    assert gc.isenabled()


async def test_history_goes_on_behind_a_position(tmp_path: Path) -> None:
    await seed(tmp_path / "log.db", 1)
    store = open_store(f"sqlite:///{tmp_path / 'log.db'}")
    try:
        everything = list(history(store))
        assert list(history(store, everything[2][0])) == everything[3:]
        opened = [event for _, event in everything if type(event).__name__ == "FlowOpened"]
        assert [event for _, event in history(store, types=["FlowOpened"])] == opened
    finally:
        store.close()
