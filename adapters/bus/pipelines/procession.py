"""Procession: one behind the other in the order of the log, many under way.

For a bus that refuses an event whose predecessor it does not have: so nothing need wait for a confirmation. When one
fails, all behind it do; when the last of them has, they go again in the same order.
"""

import asyncio
from functools import partial
from itertools import takewhile
from typing import Any

from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.pipelines.pipeline import OrderChanged, Pipeline


class Procession(Pipeline):
    """The whole log in its order."""

    def _begin(self) -> None:
        self._under_way = 0
        self._sending = False
        self._error: BaseException | None = None
        self._met = False
        """Whether the bus had an event before it was sent: then a chain may lead over events that are not ours."""

    async def _take(self, envelope: Envelope) -> None:
        self._ready.append(envelope)
        if self._error is None and not self._sending and len(self._ready) == 1:
            await self._send(envelope)  # at once: to wake the task for it would cost more than sending
        else:
            self._moved.set()

    async def _pump(self) -> None:
        while True:
            await self._movement()
            while self._ready and self._error is None and not self._sending:
                await self._send(self._ready[0])
            if self._error is not None and not self._under_way and not self._sending:
                await self._again(self._error)

    async def _send(self, envelope: Envelope) -> None:
        self._sending = True
        try:
            confirmed = await self._publisher.send(envelope)
        except Exception as error:
            self._error = error
            self._moved.set()
            return
        finally:
            self._sending = False
        self._ready.popleft()
        if self._ready:
            self._moved.set()  # what came meanwhile
        self._under_way += 1
        confirmed.add_done_callback(partial(self._ended, envelope))

    def _ended(self, envelope: Envelope, confirmed: "asyncio.Future[Any]") -> None:
        if confirmed.cancelled():
            return
        self._under_way -= 1
        error = confirmed.exception()
        if error is None:
            self._met |= bool(confirmed.result())
            chained = not self._met and self._error is None
            self._done(*(self._up_to(envelope) if chained else self._alone(envelope)))
        elif self._error is None and self._is_open(envelope):
            self._error = error  # of the first: those behind it fail because of it
        if self._error is not None and not self._under_way:
            self._moved.set()

    def _alone(self, envelope: Envelope) -> list[Envelope]:
        """It, and nothing before it: where somebody else had brought an event, one may have followed upon that."""
        return [envelope] if self._is_open(envelope) else []

    def _is_open(self, envelope: Envelope) -> bool:
        """Whether neither it nor one behind it has been confirmed."""
        return (envelope.position, envelope.part) in self._open

    def _up_to(self, envelope: Envelope) -> list[Envelope]:
        """All that is there when this one is: the bus has refused what does not follow its predecessor."""
        if not self._is_open(envelope):
            return []
        there = list(takewhile(lambda one: one is not envelope, self._open.values()))
        return [*there, envelope]

    async def _again(self, error: BaseException) -> None:
        """Nothing is under way any more: looks at what the bus has, and begins with what it has not."""
        await self._mend(error)
        if self._publisher.order != "log":
            raise OrderChanged("the bus keeps the order no longer; it is to be kept in another way")
        there = self._there()
        self._done(*(there[-1:] if self._met else there))
        self._ready.clear()
        self._ready.extend(self._open.values())
        self._error = None
        self._moved.set()
