"""Dispatch: sends one delivery, and records what came of it.

Whoever appends `DeliveryStarted` has it until the lease is over; two processes never send the same one at the same
time. What a dead process held is taken over after its lease, with the same trigger id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from limen.domain.action import Action, ActionSettings, Retry
from limen.domain.answer import Failure, pause
from limen.domain.calling import remaining
from limen.domain.configuration import Configuration
from limen.domain.delivery import Delivery
from limen.domain.errors import LimenError, StoreConflict
from limen.domain.handler import Actions
from limen.domain.patience import OutOfTime, either, first
from limen.domain.plan import settings_of
from limen.domain.ports import Courier, Step
from limen.domain.rules import Rules
from limen.domain.scheduling import LEASE_MARGIN
from limen.domain.sending import Result, Sending
from limen.domain.streams import Streams
from limen.domain.tools import Tools

NEVER_SENT = ("erased", "nobody")
"""Why a delivery is canceled: its person was erased; nobody is known at its address, and a stranger is not told."""


class Dispatcher:
    """Sends deliveries: web hooks, handlers and messages to people."""

    def __init__(
        self,
        tools: Tools,
        streams: Streams,
        handlers: Actions,
        courier: Courier,
        recall: Callable[[UUID], Awaitable[Rules]],
        retry: Retry,
    ) -> None:
        self.tools = tools
        self.streams = streams
        self.handlers = handlers
        self.courier = courier
        self.sending = Sending(tools, streams, handlers, courier)
        self.retry = retry
        self._recall = recall
        self._woken = asyncio.Event()

    # -- who is told

    def wake(self) -> None:
        """There may be something due: the worker looks at once."""
        self._woken.set()

    def wake_for(self, deliveries: Sequence[UUID]) -> None:
        """These were just scheduled, if there are any."""
        if deliveries:
            self.wake()

    async def woken(self) -> None:
        """Returns when somebody has called `wake`."""
        await self._woken.wait()
        self._woken.clear()

    async def take_up(self, deliveries: Iterable[UUID]) -> None:
        """Messages for a courier of this process go at once; the rest is the worker's."""
        listed = list(deliveries)
        if listed and self.courier.local:
            for id_ in listed:
                await self.deliver(id_)
        elif listed:
            self.wake()

    # -- sending

    async def deliver(self, id: UUID) -> Result | None:
        """One attempt of a delivery that is due. None when there was nothing to do, or somebody else has it.

        Within this process the second to ask waits for the first.
        """
        async with self.streams.turn(id):
            return await self._deliver(id)

    async def defer(self, id: UUID, seconds: float) -> None:
        """Puts off a delivery that could not even be tried, so that it keeps no other one waiting."""
        later = self.tools.clock.now() + timedelta(seconds=seconds)
        await self.streams.append(Step(due=[(id, later)]))

    async def _deliver(self, id: UUID) -> Result | None:
        delivery = await self.streams.load(Delivery, id)
        now = self.tools.clock.now()
        if not delivery.version or delivery.ended:
            await self.streams.append(Step(done=[id]))
            return None
        if delivery.state == "attempting" and delivery.lease is not None and now < delivery.lease:
            return None
        if delivery.channel == "handler" and not self.handlers.sealed:
            await self.streams.append(Step(due=[(id, now + timedelta(seconds=1))]))
            return None
        settings, gate = await self._settings(delivery), self.tools.gate
        if gate.crowded(delivery.action, settings.concurrency):
            await self.defer(id, 1 + 9 * self._random())
            return None
        async with gate.place(delivery.action, settings.concurrency):  # no attempt has begun while it waits
            return await self._claim(delivery, settings)

    async def _claim(self, delivery: Delivery, settings: ActionSettings) -> Result | None:
        now = self.tools.clock.now()
        lease = now + timedelta(seconds=settings.timeout + LEASE_MARGIN)
        delivery.fire("attempt", now, attempt=delivery.attempts + 1, lease=lease)
        try:
            await self.streams.append(Step(due=[(delivery.id, lease)]), delivery)
        except StoreConflict:
            return None
        result = await self.sending.attempt(delivery, settings.timeout)
        await self._record(delivery, result, now)
        return result

    async def deliver_awaited(self, deliveries: Sequence[UUID]) -> tuple[str, Failure] | None:
        """Sends what its flow waits for, in order, each with its retries; the first failure ends it.

        They were claimed in the append that scheduled them. What is left behind a failure is the worker's.
        """
        for position, id_ in enumerate(deliveries):
            delivery = await self.streams.load(Delivery, id_)
            settings = await self._settings(delivery)
            began = self.tools.clock.now()
            deadline = began + timedelta(seconds=settings.timeout)
            while True:
                started = self.tools.clock.now()
                result = await self._attempt(delivery, settings, deadline)
                wait = self._pause(result, delivery.attempts, settings.retry, deadline)
                if wait is None:
                    break
                next_at = self.tools.clock.now() + timedelta(seconds=wait)
                await self._postpone(delivery, result, started, next_at, deadline)
                await either(self.tools.clock.sleep(wait), asyncio.sleep(wait))
                lease = deadline + timedelta(seconds=LEASE_MARGIN)
                delivery.fire("attempt", self.tools.clock.now(), attempt=delivery.attempts + 1, lease=lease)
                if not await self._append(Step(due=[(id_, lease)]), delivery):
                    return None
            await self._end(delivery, result, started)
            if result.failure is not None:
                await self._hand_over(deliveries[position + 1 :])
                return delivery.action, result.failure
        return None

    async def _attempt(self, delivery: Delivery, settings: ActionSettings, deadline: datetime) -> Result:
        """One attempt of what a flow waits for; its wait at the action's gate counts against the deadline."""
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
        now = self.tools.clock.now()
        for id_ in rest:
            delivery = await self.streams.load(Delivery, id_)
            delivery.fire("postpone", now, attempt=delivery.attempts, reason="not_reached", duration=0.0, next_at=now)
            await self._append(Step(due=[(id_, now)]), delivery)
        if rest:
            self.wake()

    async def _settings(self, delivery: Delivery) -> ActionSettings:
        if delivery.channel == "web_hook":
            return settings_of(await self._configured(delivery), None)
        if delivery.channel == "handler":
            action = None if delivery.hook == "python" else await self._configured(delivery)
            return settings_of(action, await self.sending.handler_of(delivery))
        return ActionSettings(timeout=30.0)

    async def _configured(self, delivery: Delivery) -> Action | None:
        """The action of the file that it is of."""
        try:
            rules = await self._recall(delivery.configuration)
        except LimenError:
            return None  # its request is rendered already: only what limen.yml says of it is lost
        return find_action(rules.configuration, delivery.action)

    # -- the record

    async def _record(self, delivery: Delivery, result: Result, started: datetime) -> None:
        """After a worker's attempt: delivered, to be tried again later, or given up."""
        wait = None
        if result.failure is not None and result.failure.reason not in NEVER_SENT:
            wait = pause(
                delivery.attempts,
                random=self._random(),
                retry_after=result.retry_after,
                remaining=float("inf"),
                retry=self.retry,
            )
        if wait is None:
            await self._end(delivery, result, started)
            return
        next_at = self.tools.clock.now() + timedelta(seconds=wait)
        await self._postpone(delivery, result, started, next_at, next_at)

    async def _postpone(
        self, delivery: Delivery, result: Result, started: datetime, next_at: datetime, due: datetime
    ) -> None:
        now = self.tools.clock.now()
        assert result.failure is not None
        delivery.fire(
            "postpone",
            now,
            attempt=delivery.attempts,
            reason=result.failure.reason,
            status=result.status,
            duration=_spent(started, now),
            next_at=next_at,
            response_digest=result.digest,
        )
        await self._append(Step(due=[(delivery.id, due)]), delivery)
        self.wake()

    async def _end(self, delivery: Delivery, result: Result, started: datetime) -> None:
        now = self.tools.clock.now()
        fields: dict[str, Any] = {
            "attempt": delivery.attempts,
            "status": result.status,
            "duration": _spent(started, now),
            "response_digest": result.digest,
        }
        if result.failure is None:
            delivery.fire("deliver", now, verdict=result.verdict, **fields)
        elif result.failure.reason in NEVER_SENT:
            delivery.fire("cancel", now, reason=result.failure.reason)
        else:
            delivery.fire("park", now, reason=result.failure.reason, detail=result.failure.detail, **fields)
        await self._append(Step(done=[delivery.id]), delivery)

    async def _append(self, step: Step, delivery: Delivery) -> bool:
        """False on a conflict: the lease ran out and somebody took over; their record holds."""
        try:
            await self.streams.append(step, delivery)
        except StoreConflict:
            delivery.collect_events()
            return False
        return True

    def _pause(self, result: Result, attempt: int, retry: Retry, deadline: datetime) -> float | None:
        if result.failure is None or not result.again:
            return None
        remaining = (deadline - self.tools.clock.now()).total_seconds()
        return pause(attempt, random=self._random(), retry_after=result.retry_after, remaining=remaining, retry=retry)

    def _random(self) -> float:
        return int.from_bytes(self.tools.secrets.bytes(4), "big") / 2**32


def _spent(since: datetime, now: datetime) -> float:
    return round((now - since).total_seconds() * 1000, 3)


def find_action(configuration: Configuration, id_: str) -> Action | None:
    """A configured action by its id, in whatever list it stands."""
    flows = configuration.flows.values()
    lists = [each for flow in flows for each in (flow.before, flow.after, *flow.after_methods.values())]
    listed = (action for each in (*lists, *configuration.triggers.values()) for action in each)
    return next((action for action in listed if action.id == id_), None)
