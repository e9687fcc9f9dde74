"""The worker of this process: sends what is due, one after the other in order of time, a few at once."""

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

from limen.adapters.system import SystemClock
from limen.domain.configuration import Settings
from limen.domain.engine import Engine
from limen.domain.errors import LimenError

AT_ONCE = 16
"""Deliveries under way at the same time."""

GRACE = 5.0
"""Seconds that closing waits for deliveries."""

DEFER = 60.0
"""Seconds after which a delivery that could not even be tried is looked at again; others go ahead of it meanwhile."""

SWEEP_EVERY = timedelta(minutes=10)

log = logging.getLogger("limen.worker")


class Worker:
    """An asynchronous context manager around the task that follows the due deliveries of a store.

    It looks when something was scheduled here, when the next one is due, and every `worker_interval` seconds for what
    other processes left behind.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.interval = settings.worker_interval
        self._task: asyncio.Task[None] | None = None
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._swept: datetime | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="limen-worker")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops: sends what is due by now, for `GRACE` seconds at most.

        What is under way then is cut off, as by a crash: its delivery is sent again after its lease.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(TimeoutError, LimenError):
            async with asyncio.timeout(GRACE):
                await self._round()
                await asyncio.gather(*self._running.values())
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._sweep()
                await self._round()
                await self._wait()
            except Exception as error:
                await self._rest(error)

    async def _sweep(self) -> None:
        """Deletes payloads whose retention is over, and codes and tokens that no longer count, every so often."""
        now = self.engine.tools.clock.now()
        if self._swept is None or now - self._swept >= SWEEP_EVERY:
            self._swept = now
            await self.engine.streams.store.sweep(now)

    async def _rest(self, error: Exception) -> None:
        """The store is away for the moment, or worse: what is due stays due. Says so without a word of the data."""
        log.warning("deliveries wait %g s: %s", self.interval, type(error).__name__)
        await SystemClock().sleep(self.interval)

    async def _round(self) -> None:
        now = self.engine.tools.clock.now()
        free = AT_ONCE - len(self._running)
        if free <= 0:
            return
        for id_ in await self.engine.streams.store.due(now, free + len(self._running)):
            if id_ not in self._running and len(self._running) < AT_ONCE:
                task = asyncio.create_task(self._deliver(id_))
                self._running[id_] = task

    async def _deliver(self, id_: UUID) -> None:
        try:
            await self.engine.dispatcher.deliver(id_)
        except Exception as error:
            with contextlib.suppress(LimenError):
                await self.engine.dispatcher.defer(id_, DEFER)
            await self._rest(error)
        finally:
            self._running.pop(id_, None)
            self.engine.dispatcher.wake()

    async def _wait(self) -> None:
        """Until somebody wakes us, the interval is over, or a delivery becomes due by the engine's own clock."""
        clock = self.engine.tools.clock
        interval = SystemClock().sleep(self.interval)
        waits = [asyncio.ensure_future(self.engine.dispatcher.woken()), asyncio.ensure_future(interval)]
        next_due = await self.engine.streams.store.next_due()
        if next_due is not None and not self._running:
            wait = max((next_due - clock.now()).total_seconds(), 0.0)
            waits.append(asyncio.ensure_future(clock.sleep(wait)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait_ in waits:
                wait_.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
