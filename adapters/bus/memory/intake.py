"""Taking in from a bus in memory."""

import asyncio
from collections.abc import AsyncIterator

from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.intake import Incoming, Intake, Receive, Terms
from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.waking import waker
from limen.domain.errors import GroupDiffers

_TURN_SECONDS = 0.05
"""How often a member looks whether the one at work has gone."""


class MemoryIntake(Intake):
    """One member of a group. One of them is at work, the others stand by."""

    broker: MemoryBus

    def __init__(self, broker: MemoryBus, terms: Terms, receive: Receive) -> None:
        super().__init__(broker, terms, receive)
        self._group = broker.group(terms.topic, terms.group)
        self._roster: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def prepare(self, roster: str) -> None:
        with self.broker.state.lock:
            if self._group.members and self._group.roster != roster:
                raise GroupDiffers(self.terms.group, roster, self._group.roster)
            self._group.roster = roster
            self._group.members += 1
        self._task = asyncio.create_task(self._run(), name=f"limen-memory-{self.terms.group}")

    async def leave(self) -> None:
        """Ends what `prepare` began."""
        if self._task is None:
            return
        task, self._task = self._task, None
        if task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        elif not task.get_loop().is_closed():
            task.get_loop().call_soon_threadsafe(task.cancel)  # it was started in another thread, and ends there
        with self.broker.state.lock:
            self._group.members -= 1

    async def park(self, letter: DeadLetter) -> None:
        with self.broker.state.lock:
            if all((one.id, one.handler) != (letter.id, letter.handler) for one in self._group.dead):
                self._group.dead.append(letter)

    async def dead(self) -> AsyncIterator[DeadLetter]:
        for letter in list(self._group.dead):
            yield letter

    async def remove(self, letter: DeadLetter) -> None:
        with self.broker.state.lock:
            self._group.dead = [one for one in self._group.dead if (one.id, one.handler) != (letter.id, letter.handler)]

    async def _run(self) -> None:
        news = asyncio.Event()
        told = waker(news)
        self.broker.state.told.append(told)
        try:
            while True:
                news.clear()
                if not self._mine():
                    await asyncio.sleep(_TURN_SECONDS)
                elif not await self._next():
                    await news.wait()
        finally:
            self.broker.state.told.remove(told)
            with self.broker.state.lock:
                if self._group.holder is self:
                    self._group.holder = None

    def _mine(self) -> bool:
        """Whether it is this member's turn, which it then keeps."""
        with self.broker.state.lock:
            if self._group.holder is None:
                self._group.holder = self
            return self._group.holder is self

    async def _next(self) -> bool:
        """Works on one message; False when there is none."""
        group = self._group
        found = self.broker.state.after(group.done)
        if found is None:
            return False
        number, envelope = found
        if envelope.subject in self._wanted:
            group.delivered += 1
            await self.receive(Incoming(envelope.attributes, envelope.data, group.delivered))
        group.done, group.delivered = number, 0
        return True

    @property
    def _wanted(self) -> frozenset[str]:
        return frozenset(self.terms.subjects())
