"""Pipeline: events on their way to a bus, many at a time, each stream in its order.

`low` is the position up to which everything has been confirmed: what may be stored. Which order the bus itself can be
made to keep decides how much is under way; each way is a class of its own.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Final, Self

from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.publisher import Publisher
from limen.domain.errors import LimenError

WINDOW: Final = 512
"""Events read and not yet confirmed, at most: this is what holds the reader back."""

PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before what failed is tried again, doubled up to the longest."""


class OrderChanged(LimenError):
    """The publisher says another order now: a pipeline for that one goes on from the stored position."""

    id = "order_changed"


class Pipeline(ABC):
    """An asynchronous context manager around the task that hands events over.

    `confirmed` is called with how many more have been, `troubled` with what is wrong, and None when it is over.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        confirmed: Callable[[int], None],
        troubled: Callable[[BaseException | None], None],
        window: int = WINDOW,
    ) -> None:
        self._publisher = publisher
        self._confirmed = confirmed
        self._troubled = troubled
        self._window = window
        self._open: dict[tuple[int, int], Envelope] = {}
        self._ready: deque[Envelope] = deque()
        self._last = 0
        self._moved = asyncio.Event()
        self._space = asyncio.Event()
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._begin()

    @abstractmethod
    def _begin(self) -> None:
        """What a way of handing over keeps for itself."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._pump(), name="limen-relay-pipeline")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def low(self) -> int:
        """The position up to which every event has been confirmed or was not to be sent."""
        return next(iter(self._open))[0] - 1 if self._open else self._last

    def skip(self, position: int) -> None:
        """Nothing up to this position is left to be taken."""
        self._last = max(self._last, position)

    async def put(self, envelope: Envelope) -> None:
        """Takes an event, in the order of the log; waits while the window is full."""
        while len(self._open) >= self._window:
            await self._room()
        self._open[envelope.position, envelope.part] = envelope
        self._last = max(self._last, envelope.position - 1)  # there may be another part of the same position
        await self._take(envelope)

    async def drained(self) -> None:
        """Returns when everything that was taken has been confirmed."""
        while self._open:
            await self._room()

    async def watched(self) -> None:
        """Raises what ended the task; does not return otherwise."""
        assert self._task is not None
        await asyncio.shield(self._task)

    async def _room(self) -> None:
        """Until something is confirmed. Raises what ended the task, if it has ended."""
        assert self._task is not None
        self._space.clear()
        waiting = asyncio.ensure_future(self._space.wait())
        try:
            await asyncio.wait((waiting, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done():
            await self._task

    @abstractmethod
    async def _take(self, envelope: Envelope) -> None:
        """Lets an event that is open now go, or wait for its turn."""

    @abstractmethod
    async def _pump(self) -> None:
        """Hands over what is ready, for ever."""

    def _go(self, envelope: Envelope) -> None:
        self._ready.append(envelope)
        self._moved.set()

    async def _movement(self) -> None:
        await self._moved.wait()
        self._moved.clear()

    # -- how it went

    def _done(self, *envelopes: Envelope) -> None:
        """These have been confirmed."""
        if not envelopes:
            return
        for envelope in envelopes:
            del self._open[envelope.position, envelope.part]
        self._confirmed(len(envelopes))
        self._space.set()
        if self._failures:
            self._failures = 0
            self._troubled(None)

    def _there(self) -> list[Envelope]:
        """What is open and there all the same, by the newest event the bus has: its confirmation got lost."""
        waiting = list(self._open.values())
        ids = [one.id for one in waiting]
        return waiting[: ids.index(self._publisher.newest) + 1] if self._publisher.newest in ids else []

    def _failed(self, error: BaseException) -> float:
        """Something failed: gives the seconds to wait before it is tried again."""
        self._failures += 1
        self._troubled(error)
        return self._pause()

    def _pause(self) -> float:
        return float(min(PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE))

    async def _mend(self, error: BaseException) -> None:
        """Waits, and opens the publisher anew: its connection may be beyond repair, its stream may have gone."""
        await asyncio.sleep(self._failed(error))
        with contextlib.suppress(Exception):
            await self._publisher.open()
