"""Dispatch: sends one delivery, and records what came of it.

Whoever appends `DeliveryStarted` has it until the lease is over; two processes never send the same one at the same
time. What a dead process held is taken over after its lease, with the same trigger id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from limen.domain.action import Action, ActionSettings, Retry
from limen.domain.answer import Failure, pause
from limen.domain.attempts import NEVER_SENT, Attempts
from limen.domain.awaiting import Awaiting
from limen.domain.configuration import Configuration
from limen.domain.delivery import Delivery
from limen.domain.errors import LimenError
from limen.domain.handler import Actions
from limen.domain.plan import settings_of
from limen.domain.ports import Courier, Step
from limen.domain.rules import Rules
from limen.domain.scheduling import LEASE_MARGIN, Schedule
from limen.domain.sending import Result, Sending
from limen.domain.streams import Streams
from limen.domain.tools import Tools


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
        self.attempts = Attempts(tools, streams, self.wake)
        self.awaiting = Awaiting(tools, streams, self.sending, self.attempts, self._settings)
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

    async def follow(self, schedule: Schedule, mails: Iterable[UUID]) -> tuple[str, Failure] | None:
        """Sees to what a flow's completion scheduled; the first failure of what the flow waits for.

        The completion stands whatever happens here, and its answer must not be lost: where a delivery cannot even be
        recorded (the store has gone away), the worker sends it when its lease is over.
        """
        self.wake_for(schedule.ids)
        try:
            await self.take_up(mails)
            return await self.awaiting.deliver(schedule.awaited)
        except LimenError:
            return None

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
            await self.defer(id, 1 + 9 * self.tools.chance())
            return None
        async with gate.place(delivery.action, settings.concurrency):  # no attempt has begun while it waits
            return await self._claim(delivery, settings)

    async def _claim(self, delivery: Delivery, settings: ActionSettings) -> Result | None:
        now = self.tools.clock.now()
        lease = now + timedelta(seconds=settings.timeout + LEASE_MARGIN)
        if not await self.attempts.begin(delivery, delivery.attempts + 1, lease):
            return None
        result = await self.sending.attempt(delivery, settings.timeout)
        await self._record(delivery, result, now)
        return result

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

    async def _record(self, delivery: Delivery, result: Result, started: datetime) -> None:
        """After a worker's attempt: delivered, to be tried again later, or given up."""
        wait = None
        if result.failure is not None and result.failure.reason not in NEVER_SENT:
            wait = pause(
                delivery.attempts,
                random=self.tools.chance(),
                retry_after=result.retry_after,
                remaining=float("inf"),
                retry=self.retry,
            )
        if wait is None:
            await self.attempts.end(delivery, result, started)
            return
        next_at = self.tools.clock.now() + timedelta(seconds=wait)
        await self.attempts.postpone(delivery, result, started, next_at, next_at)


def find_action(configuration: Configuration, id_: str) -> Action | None:
    """A configured action by its id, in whatever list it stands."""
    flows = configuration.flows.values()
    lists = [each for flow in flows for each in (flow.before, flow.after, *flow.after_methods.values())]
    listed = (action for each in (*lists, *configuration.triggers.values()) for action in each)
    return next((action for action in listed if action.id == id_), None)
