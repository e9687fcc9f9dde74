"""The gate: so many at a time, in their order, and nobody who gave up keeps a place."""

import asyncio
from functools import partial

import pytest

from limen.domain.gate import Gate


class Calls:
    def __init__(self) -> None:
        self.begun: list[int] = []
        self.leave = asyncio.Semaphore(0)

    async def call(self, number: int) -> int:
        self.begun.append(number)
        await self.leave.acquire()
        return number


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_limit_is_kept_and_the_others_come_in_their_order() -> None:
    gate, calls = Gate(), Calls()
    tasks = [asyncio.ensure_future(gate.through("one", 2, partial(calls.call, n))) for n in range(5)]
    for begun in (2, 3, 4, 5):
        await settle()
        assert calls.begun == list(range(begun))
        calls.leave.release()
    calls.leave.release()
    assert await asyncio.gather(*tasks) == [0, 1, 2, 3, 4]


async def test_actions_and_limits_are_counted_by_themselves_and_none_is_no_limit() -> None:
    gate, calls = Gate(), Calls()
    asked = [("one", 1), ("other", 1), ("one", 3), ("one", None), ("one", None)]
    tasks = [asyncio.ensure_future(gate.through(*place, lambda: calls.call(0))) for place in asked]
    await settle()
    assert len(calls.begun) == 5
    for task in tasks:
        task.cancel()


@pytest.mark.parametrize("waiting", [True, False])
async def test_who_is_cancelled_gives_the_place_back(waiting: bool) -> None:
    gate, calls = Gate(), Calls()
    tasks = [asyncio.ensure_future(gate.through("one", 1, partial(calls.call, n))) for n in range(3)]
    await settle()
    tasks[1 if waiting else 0].cancel()
    calls.leave.release()
    calls.leave.release()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, int)] == ([0, 2] if waiting else [1, 2])


async def test_it_is_crowded_when_as_many_wait_as_may_go_through() -> None:
    gate, calls = Gate(), Calls()
    assert not gate.crowded("one", 1)
    tasks = []
    for expected in (False, True, True):
        tasks.append(asyncio.ensure_future(gate.through("one", 1, lambda: calls.call(0))))
        await settle()
        assert gate.crowded("one", 1) is expected
    assert not gate.crowded("one", None)
    assert not gate.crowded("other", 1)
    for task in tasks:
        task.cancel()
    await settle()
    assert not gate.crowded("one", 1)
