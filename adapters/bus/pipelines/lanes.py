"""Lanes: each stream in a lane of its own.

For a bus that keeps no order over failures by itself: within a stream the next event is handed over only when the bus
has confirmed the one before it; across streams as many are under way as the window has places. So a stream's order
holds whatever fails, and a slow confirmation holds up no other stream.
"""

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import Any

from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.pipelines.pipeline import Pipeline


class Lanes(Pipeline):
    """One event of a stream under way at a time."""

    def _begin(self) -> None:
        self._behind: dict[str, deque[Envelope]] = {}
        self._stale = False

    async def _take(self, envelope: Envelope) -> None:
        lane = self._behind.get(envelope.stream)
        if lane is not None:
            lane.append(envelope)
        else:
            self._behind[envelope.stream] = deque()
            self._go(envelope)

    async def _pump(self) -> None:
        while True:
            await self._movement()
            if self._stale:  # what failed may have lost its connection, or its stream
                self._stale = False
                with contextlib.suppress(Exception):
                    await self._publisher.open()
            while self._ready:
                await self._send(self._ready.popleft())

    async def _send(self, envelope: Envelope) -> None:
        try:
            confirmed = await self._publisher.send(envelope)
        except Exception as error:
            await self._mend(error)
            self._ready.appendleft(envelope)
        else:
            confirmed.add_done_callback(partial(self._ended, envelope))

    def _ended(self, envelope: Envelope, confirmed: "asyncio.Future[Any]") -> None:
        """A confirmation came, or failed to: the next event of the stream, or the same again."""
        if confirmed.cancelled():
            return
        error = confirmed.exception()
        if error is not None:
            # many fail together when a connection does: that is one failure, and one pause
            wait = self._pause() if self._stale else self._failed(error)
            self._stale = True
            asyncio.get_running_loop().call_later(wait, self._go, envelope)
            return
        lane = self._behind[envelope.stream]
        if lane:
            self._go(lane.popleft())
        else:
            del self._behind[envelope.stream]
        self._done(envelope)
