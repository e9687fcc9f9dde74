"""Batches: what is waiting goes together, in the order of the log, all of it or nothing.

For a bus that takes an event only if it is newer than all it has: one that was refused could never be added later.
"""

from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.pipelines.pipeline import Pipeline


class Batches(Pipeline):
    """One batch under way at a time."""

    def _begin(self) -> None:
        """Nothing beside what is ready."""

    async def _take(self, envelope: Envelope) -> None:
        self._go(envelope)

    async def _pump(self) -> None:
        while True:
            await self._movement()
            while self._ready:
                await self._send(list(self._ready))

    async def _send(self, batch: list[Envelope]) -> None:
        try:
            await self._publisher.send_all(batch)
        except Exception as error:
            await self._mend(error)
            batch = self._there()
        for _ in batch:
            self._ready.popleft()
        self._done(*batch)
