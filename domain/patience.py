"""Patience: waiting for something no longer than the clock port allows, and running what blocks in threads."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, TypeVar

from limen.domain.ports import Clock

T = TypeVar("T")

GRACE = 1.0
"""Seconds that something cancelled has to clean up before nobody waits for it any more."""

THREADS = 32
"""Plain functions of handlers that run at the same time. They share no thread with anything else."""

_abandoned: set["asyncio.Future[Any]"] = set()


class OutOfTime(Exception):
    """The clock moved on before there was a result. Not `TimeoutError`: a handler may raise that one itself."""


async def first(clock: Clock, seconds: float, work: Awaitable[T]) -> T:
    """The result of `work`, unless the clock moves on by `seconds` before: then `OutOfTime`, and it is cancelled.

    Work that ends itself by cancellation (a task of its own that it cancelled and awaited) has failed like by any
    other exception: `Cancelled`.
    """
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    if task.done():
        return _result(task)
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return _result(task)
        raise OutOfTime
    finally:
        await cancel(task, alarm)


class Cancelled(Exception):
    """The work ended by a cancellation that nobody here asked for."""


def _result(task: "asyncio.Future[T]") -> T:
    if task.cancelled():
        raise Cancelled
    return task.result()


async def either(*waits: Awaitable[Any]) -> None:
    """Returns when the first of these does."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(*tasks)


async def cancel(*tasks: "asyncio.Future[Any]") -> None:
    """Cancels these and gives them a moment to clean up; what takes longer goes on unheeded."""
    running: Sequence[asyncio.Future[Any]] = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if not running:
        return
    _, still = await asyncio.wait(running, timeout=GRACE)
    for task in still:
        _abandoned.add(task)
        task.add_done_callback(_forget)


def _forget(task: "asyncio.Future[Any]") -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Runs a plain function in one of the handlers' own threads, with the caller's context variables."""
    call = partial(contextvars.copy_context().run, function, *args)
    return await asyncio.get_running_loop().run_in_executor(_threads(), call)


@lru_cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="limen-handler")
