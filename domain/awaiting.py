"""Awaiting: what a flow waits for after its commit is sent one after the other, each with its retries.

All of it was taken on in the append that scheduled it, each until its turn would be over if those before it took all
the time they have. So nobody else sends it meanwhile, and no append more is needed. Where a turn comes late all the
same (a message before it took long, the process stood still), the lease is prolonged before anything is sent; what
somebody else has taken over by then is theirs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from limen.domain.action import ActionSettings, Retry
from limen.domain.answer import Failure, pause
from limen.domain.attempts import Attempts
from limen.domain.calling import remaining
from limen.domain.delivery import Delivery
from limen.domain.errors import LimenError
from limen.domain.patience import OutOfTime, either, first
from limen.domain.scheduling import LEASE_MARGIN
from limen.domain.sending import Result, Sending
from limen.domain.streams import Streams
from limen.domain.tools import Tools

LEEWAY = 5.0
"""Seconds that a lease must outlast a turn by: time to record what came of it."""

SettingsSource = Callable[[Delivery], Awaitable[ActionSettings]]


class Awaiting:
    """Sends what flows wait for; `settings` says how long and how often."""

    def __init__(
        self, tools: Tools, streams: Streams, sending: Sending, attempts: Attempts, settings: SettingsSource
    ) -> None:
        self.tools = tools
        self.streams = streams
        self.sending = sending
        self.attempts = attempts
        self._settings = settings

    async def deliver(self, deliveries: Sequence[UUID]) -> tuple[str, Failure] | None:
        """Sends these in order; the first failure ends it, and the rest is left to the worker.

        Answers that failure, and whose it is. What somebody else is sending is not waited for.
        """
        for position, id_ in enumerate(deliveries):
            failed = await self._turn(id_)
            if failed is not None:
                with suppress(LimenError):  # their leases end by themselves
                    await self._hand_over(deliveries[position + 1 :])
                return failed
        return None

    async def _turn(self, id: UUID) -> tuple[str, Failure] | None:
        """Sends one of them, with its retries."""
        clock, delivery = self.tools.clock, await self.streams.load(Delivery, id)
        settings = await self._settings(delivery)
        deadline = clock.now() + timedelta(seconds=settings.timeout)
        if not await self._holds(delivery, deadline):
            return await self._known(id)
        while True:
            started = clock.now()
            result = await self._attempt(delivery, settings, deadline)
            wait = self._pause(result, delivery.attempts, settings.retry, deadline)
            if wait is None:
                break
            next_at = clock.now() + timedelta(seconds=wait)
            if not await self.attempts.postpone(delivery, result, started, next_at, deadline):
                return await self._known(id)
            await either(clock.sleep(wait), asyncio.sleep(wait))
            lease = deadline + timedelta(seconds=LEASE_MARGIN)
            if not await self.attempts.begin(delivery, delivery.attempts + 1, lease):
                return await self._known(id)
        if not await self.attempts.end(delivery, result, started):
            return await self._known(id)
        return (delivery.action, result.failure) if result.failure is not None else None

    async def _holds(self, delivery: Delivery, deadline: datetime) -> bool:
        """Whether nobody else sends it until the deadline; prolongs the lease where it would not last."""
        if not _untouched(delivery):
            return False
        if delivery.lease is not None and delivery.lease >= deadline + timedelta(seconds=LEEWAY):
            return True
        lease = deadline + timedelta(seconds=LEASE_MARGIN)
        return await self.attempts.begin(delivery, delivery.attempts, lease)

    async def _known(self, id: UUID) -> tuple[str, Failure] | None:
        """What is on record of a delivery that somebody else took over: a failure where they gave it up."""
        delivery = await self.streams.load(Delivery, id)
        return (delivery.action, Failure(*delivery.given_up)) if delivery.given_up is not None else None

    async def _attempt(self, delivery: Delivery, settings: ActionSettings, deadline: datetime) -> Result:
        """One attempt; its wait at the action's gate counts against the deadline."""
        clock, gate = self.tools.clock, self.tools.gate

        async def send() -> Result:
            return await self.sending.attempt(delivery, remaining(deadline, clock.now()))

        if settings.concurrency is None:
            return await send()
        try:
            asking = gate.through(delivery.action, settings.concurrency, send)
            return await first(clock, remaining(deadline, clock.now()), asking)
        except OutOfTime:
            return Result(Failure("timeout", "no answer in time"))

    async def _hand_over(self, rest: Sequence[UUID]) -> None:
        for id_ in rest:
            delivery = await self.streams.load(Delivery, id_)
            if _untouched(delivery):
                await self.attempts.leave(delivery)

    def _pause(self, result: Result, attempt: int, retry: Retry, deadline: datetime) -> float | None:
        if result.failure is None or not result.again:
            return None
        left = (deadline - self.tools.clock.now()).total_seconds()
        return pause(attempt, random=self.tools.chance(), retry_after=result.retry_after, remaining=left, retry=retry)


def _untouched(delivery: Delivery) -> bool:
    """Whether it stands as its flow's append left it: who takes it over begins a second attempt."""
    return delivery.state == "attempting" and delivery.attempts == 1
