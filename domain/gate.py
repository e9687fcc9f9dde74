"""Gate: how many calls of one action may be under way at a time, in this process (`actions.<id>.concurrency`)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Places:
    free: asyncio.Semaphore
    waiting: int = 0


class Gate:
    """Lets `limit` calls of an action through at once; the others wait their turn, first come, first served.

    Belongs to one event loop. Flows pinned to configurations that disagree on a limit are counted by themselves. A
    `limit` of None is none.
    """

    def __init__(self) -> None:
        self._actions: dict[tuple[str, int], _Places] = {}

    @asynccontextmanager
    async def place(self, action: str, limit: int | None) -> AsyncIterator[None]:
        """A place for one call of `action`, kept until the block ends."""
        if limit is None:
            yield
            return
        places = self._actions.setdefault((action, limit), _Places(asyncio.Semaphore(limit)))
        places.waiting += 1
        try:
            await places.free.acquire()
        finally:
            places.waiting -= 1
        try:
            yield
        finally:
            places.free.release()

    async def through(self, action: str, limit: int | None, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call`, made when there is a place for it."""
        if limit is None:
            return await call()
        async with self.place(action, limit):
            return await call()

    def crowded(self, action: str, limit: int | None) -> bool:
        """Whether so many wait already that whoever can come back later should."""
        places = self._actions.get((action, limit)) if limit is not None else None
        return places is not None and limit is not None and places.waiting >= limit
