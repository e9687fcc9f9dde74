"""Relay: follows the log from a stored position and publishes it, in order within each stream.

Killed at any instant it goes on from the stored position: what was published and not yet noted is published again, with
the same ids, which the bus or its consumers tell apart. One relay of a destination is at work at a time.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Self

from limen.adapters.bus.destination import Destination
from limen.adapters.bus.envelope import Envelope, reduced
from limen.adapters.bus.pipelines import LONGEST_PAUSE, PAUSE, Pipeline, pipeline_for
from limen.adapters.bus.publisher import Publisher, PublishFailed
from limen.adapters.bus.seat import Seat, SeatLost
from limen.adapters.bus.source import LogSource
from limen.adapters.bus.waking import waker
from limen.adapters.log import News
from limen.adapters.views.tables import ViewTables
from limen.domain.errors import LimenError

SAVE_SECONDS: Final = 0.5
"""How often the position is stored: how much is published again after a crash, at most."""

GRACE: Final = 5.0
"""Seconds that closing waits for what has been appended and is not published yet."""

log = logging.getLogger("limen.relay")


@dataclass(slots=True)
class Progress:
    """How a relay stands: `standing by`, `connecting`, `relaying`, or `waiting` with the class of the `trouble`.

    `position` is confirmed by the bus; `sent` counts the events confirmed since the relay began.
    """

    state: str = "standing by"
    position: int = 0
    sent: int = 0
    trouble: str = ""


class Relay:
    """An asynchronous context manager around the task that relays. `start` overrides the stored position once."""

    def __init__(
        self,
        source: LogSource,
        publisher: Callable[[], Publisher],
        destination: Destination,
        tables: ViewTables,
        seat: Seat,
        *,
        start: int | None = None,
    ) -> None:
        self.destination = destination
        self.progress = Progress()
        self._source = source
        self._new_publisher = publisher
        self._publisher = publisher()
        self._tables = tables
        self._seat = seat
        self._start = start
        self._saved = 0
        self._keeps = destination.address.kind != "memory"  # what a bus in memory has been told is gone with it
        self._woken = asyncio.Event()
        self._wake = self._woken.set
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def head(self) -> int:
        """The position of the newest event: how far there is to go."""
        return await self._source.head()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run(), name="limen-relay")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Publishes what has been appended by now, for `GRACE` seconds at most; the rest waits for the next relay.

        Where the bus is away nothing is waited for.
        """
        assert self._task is not None
        self.finish()
        if not self.progress.trouble:
            await asyncio.wait((self._task,), timeout=1.0 if self.progress.state == "connecting" else GRACE)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """There is something new in the log; from any thread."""
        self._wake()

    def finish(self) -> None:
        """Ends `run` when all that is in the log by then has been published."""
        self._closing.set()
        self._woken.set()

    async def run(self) -> None:
        """Relays until `finish` is called. Where the log or the bus is away it waits for them, and says so."""
        failures, self._wake = 0, waker(self._woken)
        try:
            while True:
                try:
                    self.progress.state = "standing by"
                    if not await self._seated():
                        return
                    await self._relay()
                    return
                except Exception as error:  # whatever the log's driver or a bus' client raises: it is tried again
                    failures += 1
                    if isinstance(error, SeatLost):  # what it still holds must not go out beside another relay's
                        await self._publisher.close()
                        self._publisher = self._new_publisher()
                    self._troubled(error)
                    await self._seat.leave()
                    await self._rest(failures)
        finally:
            await self._publisher.close()
            await self._seat.leave()

    async def _seated(self) -> bool:
        """Waits for the seat; False where the relay was to finish before it came."""
        if await self._seat.taken():
            return True
        taking = asyncio.ensure_future(self._seat.take())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((taking, closing), return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                await taking
                return True
            return False
        finally:
            for one in (taking, closing):
                one.cancel()
            await asyncio.gather(taking, closing, return_exceptions=True)

    # -- the seat is ours

    async def _relay(self) -> None:
        told = self._start is not None
        position = await self._position()
        await self._connect()
        if not told:
            position = max(position, await self._source.position_of(self._publisher.newest))
        async with (
            self._source.news() as news,
            pipeline_for(self._publisher, confirmed=self._confirmed, troubled=self._troubled) as pipeline,
        ):
            pipeline.skip(position)
            try:
                await _first(
                    self._read(position, pipeline), self._save_often(pipeline), self._listen(news), pipeline.watched()
                )
            finally:
                await self._save(pipeline)

    async def _position(self) -> int:
        """Where to go on; noted anew, so that a destination is on the list from its beginning."""
        stored = await asyncio.to_thread(self._tables.position, self.destination.mark) if self._keeps else 0
        start, self._start = self._start, None
        self._saved = self.progress.position = stored if start is None else start
        await self._note(self._saved)
        return self._saved

    async def _note(self, position: int) -> None:
        if self._keeps:
            await asyncio.to_thread(self._tables.move, self.destination.mark, position)

    async def _connect(self) -> None:
        failures = 0
        while True:
            self.progress.state = "connecting"
            try:
                await self._publisher.open()
            except Exception as error:
                failures += 1
                self._troubled(error)
                await self._rest(failures)
                await self._seat.hold()
            else:
                return

    async def _read(self, position: int, pipeline: Pipeline) -> None:
        first = True
        while True:
            self._woken.clear()
            reached, envelopes = await self._source.page(position)
            if first:  # bus and log are both there
                first = False
                self._troubled(None)
            for envelope in envelopes:
                await pipeline.put(self._fitting(envelope))
            if reached > position:
                position = reached
                pipeline.skip(position)
                await asyncio.sleep(0)  # others have their turn, however long the log is
            elif self._closing.is_set():
                await pipeline.drained()
                return
            else:
                await self._woken.wait()

    def _fitting(self, envelope: Envelope) -> Envelope:
        limit = self._publisher.limit
        return envelope if len(envelope.data) <= limit else reduced(envelope, limit)

    async def _listen(self, news: News) -> None:
        """Wakes the reader for what other processes appended."""
        while True:
            await news()
            self._woken.set()

    # -- the position

    async def _save_often(self, pipeline: Pipeline) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self._save(pipeline)
            await self._seat.hold()

    async def _save(self, pipeline: Pipeline) -> None:
        self.progress.position = low = pipeline.low
        if low > self._saved:
            await self._note(low)
            self._saved = low

    # -- how it stands

    def _confirmed(self, count: int) -> None:
        self.progress.sent += count

    def _troubled(self, error: BaseException | None) -> None:
        """Says what is wrong once, and once that it is over: of others' errors the class, for texts hold addresses."""
        before = self.progress.trouble
        told = isinstance(error, PublishFailed | LimenError)
        self.progress.trouble = "" if error is None else str(error) if told else type(error).__name__
        if error is None:
            self.progress.state = "relaying"
            if before:
                log.warning("relaying to %s again", self.destination.name)
        else:
            self.progress.state = "waiting"
            if before != self.progress.trouble:
                log.warning("relaying to %s waits: %s", self.destination.name, self.progress.trouble)

    async def _rest(self, failures: int) -> None:
        await asyncio.sleep(min(PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE))


async def _first(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Runs them side by side until the first one ends; the others are cut off. Raises what it raised."""
    tasks = [asyncio.create_task(one, name="limen-relay-part") for one in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
