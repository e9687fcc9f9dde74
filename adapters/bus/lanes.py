"""Lanes: events on their way to a bus, each stream in a lane of its own.

Within a stream the next event is handed over only when the bus has confirmed the one before it; across streams as many
are under way as the window has places. So a stream's order holds whatever fails, and a slow confirmation holds up no
other stream. `low` is the position up to which everything has been confirmed: what may be stored.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.publishers import Publisher

WINDOW: Final = 512
"""Events read and not yet confirmed, at most: this is what holds the reader back."""

PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a failed event is tried again, doubled up to the longest."""


class Lanes:
    """Hands events over to a publisher. An asynchronous context manager around the task that does it."""

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
        self._window = window
        self._troubled = troubled
        self._open: dict[tuple[int, int], None] = {}
        self._behind: dict[str, deque[Envelope]] = {}
        self._ready: deque[Envelope] = deque()
        self._last = 0
        self._moved = asyncio.Event()
        self._space = asyncio.Event()
        self._failures = 0
        self._stale = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Lanes":
        self._task = asyncio.create_task(self._pump(), name="limen-relay-lanes")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def low(self) -> int:
        """The position up to which every event has been confirmed or was not to be sent."""
        return next(iter(self._open))[0] - 1 if self._open else self._last

    @property
    def under_way(self) -> int:
        """Events taken and not confirmed yet."""
        return len(self._open)

    def skip(self, position: int) -> None:
        """Nothing up to this position is left to be taken."""
        self._last = max(self._last, position)

    async def put(self, envelope: Envelope) -> None:
        """Takes an event, in the order of the log; waits while the window is full."""
        while len(self._open) >= self._window:
            self._space.clear()
            await self._space.wait()
        self._open[envelope.position, envelope.part] = None
        self._last = max(self._last, envelope.position)
        lane = self._behind.get(envelope.stream)
        if lane is not None:
            lane.append(envelope)
            return
        if not self._publisher.whole_log:
            self._behind[envelope.stream] = deque()
        self._ready.append(envelope)
        self._moved.set()

    async def drained(self) -> None:
        """Returns when everything that was taken has been confirmed."""
        while self._open:
            self._space.clear()
            await self._space.wait()

    # -- handing over

    async def _pump(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            if self._publisher.whole_log:
                await self._send_all()
            else:
                await self._send_ready()

    async def _send_ready(self) -> None:
        if self._stale:
            self._stale = False
            with contextlib.suppress(Exception):
                await self._publisher.open()
        while self._ready:
            envelope = self._ready.popleft()
            try:
                confirmed = await self._publisher.send(envelope)
            except Exception as error:
                await self._mend(error)
                self._ready.appendleft(envelope)
            else:
                confirmed.add_done_callback(partial(self._ended, envelope))

    async def _send_all(self) -> None:
        while self._ready:
            batch = list(self._ready)
            try:
                await self._publisher.send_all(batch)
            except Exception as error:
                await self._mend(error)
                continue
            for envelope in batch:
                self._ready.popleft()
                del self._open[envelope.position, envelope.part]
            self._well(len(batch))

    def _ended(self, envelope: Envelope, confirmed: "asyncio.Future[None]") -> None:
        """A confirmation came, or failed to: the next event of the stream, or the same again."""
        if confirmed.cancelled():
            return
        error = confirmed.exception()
        if error is not None:
            self._again(envelope, error)
            return
        del self._open[envelope.position, envelope.part]
        lane = self._behind[envelope.stream]
        if lane:
            self._ready.append(lane.popleft())
            self._moved.set()
        else:
            del self._behind[envelope.stream]
        self._well(1)

    def _well(self, count: int) -> None:
        self._confirmed(count)
        self._space.set()
        if self._failures:
            self._failures = 0
            self._troubled(None)

    # -- failing

    def _again(self, envelope: Envelope, error: BaseException) -> None:
        self._failures += 1
        self._troubled(error)

        def ready() -> None:
            self._stale = True  # its stream may have gone, its connection be of no use any more
            self._ready.append(envelope)
            self._moved.set()

        asyncio.get_running_loop().call_later(self._pause(), ready)

    async def _mend(self, error: Exception) -> None:
        """Waits, and opens the publisher anew: its connection may be beyond repair, its stream may have gone."""
        self._failures += 1
        self._troubled(error)
        await asyncio.sleep(self._pause())
        with contextlib.suppress(Exception):
            await self._publisher.open()

    def _pause(self) -> float:
        return float(min(PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE))
