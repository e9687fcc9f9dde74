"""The synchronous engine ends cleanly: with its block, with a call under way, and when it could not be opened."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from limen.adapters import open_engine_sync
from limen.domain import ActionContext, Actions, ConfigurationInvalid, EngineClosed, StoreUnusable
from limen.domain.errors import LimenError
from tests.support.engine import configuration


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("limen")}
    assert left == set()


def test_a_call_after_the_end_says_so_and_leaves_no_warning() -> None:
    with open_engine_sync(configuration(), "memory:", settings={}) as engine:
        flow = engine.start("login")
    for call in (lambda: engine.start("login"), lambda: engine.flow(flow.id), lambda: engine.session("x")):
        with pytest.raises(EngineClosed, match="has been closed; open another one"):
            call()


def test_a_call_under_way_at_the_end_is_told() -> None:
    reached, actions = threading.Event(), Actions()

    @actions.before("login", id="long")
    async def long(context: ActionContext) -> None:
        reached.set()
        await asyncio.sleep(60)

    with ThreadPoolExecutor(1) as pool:
        with open_engine_sync(configuration(), "memory:", settings={}, actions=actions) as engine:
            going = pool.submit(engine.start, "login")
            assert reached.wait(10)
        error = going.exception(10)
    assert isinstance(error, EngineClosed)
    assert isinstance(error, LimenError)


def test_a_failed_opening_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_bytes(b"Dear reader, " * 100)
    for _ in range(20):
        with pytest.raises(ConfigurationInvalid), open_engine_sync({}, "memory:", settings={}):
            raise AssertionError
        with (
            pytest.raises(StoreUnusable),
            open_engine_sync(configuration(), f"sqlite:///{tmp_path}/no.db", settings={}),
        ):
            raise AssertionError
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("limen-engine")]
