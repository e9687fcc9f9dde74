"""Dispatch: sends one delivery, and records what came of it.

Whoever appends `DeliveryStarted` has it until the lease is over; two processes never send the same one at the same
time. What a dead process held is taken over after its lease, with the same trigger id.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from limen.domain.answer import Failure, pause, retriable
from limen.domain.configuration import Action, ActionSettings, Configuration, Retry
from limen.domain.delivery import Delivery
from limen.domain.errors import Erased, StoreConflict
from limen.domain.handler import ActionContext, Actions, Interrupt, Modify
from limen.domain.ports import Answer, CallFailed, Courier, Mail, Step
from limen.domain.rules import Rules
from limen.domain.runner import Tools, either, first, judge
from limen.domain.scheduling import LEASE_MARGIN, request_of
from limen.domain.streams import Streams


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to: `failure` None is success; `again` says whether another try makes sense."""

    failure: Failure | None = None
    status: int | None = None
    digest: str | None = None
    retry_after: float | None = None
    again: bool = False
    verdict: str = "continue"


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
        self.retry = retry
        self._recall = recall
        self._woken = asyncio.Event()

    # -- who is told

    def wake(self) -> None:
        """There may be something due: the worker looks at once."""
        self._woken.set()

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

    async def settle_local(self) -> None:
        """Sends the messages that are due, where the courier is of this process."""
        if not self.courier.local:
            return
        for id_ in await self.streams.store.due(self.tools.clock.now(), 100):
            delivery = await self.streams.load(Delivery, id_)
            if delivery.version and delivery.channel == "message":
                await self.deliver(id_)

    # -- sending

    async def deliver(self, id: UUID) -> Result | None:  # noqa: A002
        """One attempt of a delivery that is due. None when there was nothing to do, or somebody else has it."""
        delivery = await self.streams.load(Delivery, id)
        now = self.tools.clock.now()
        if not delivery.version or delivery.ended:
            await self.streams.append(Step(done=[id]))
            return None
        if delivery.state == "attempting" and delivery.lease is not None and now < delivery.lease:
            return None
        settings, action = await self._settings(delivery)
        lease = now + timedelta(seconds=settings.timeout + LEASE_MARGIN)
        delivery.fire("attempt", now, attempt=delivery.attempts + 1, lease=lease)
        try:
            await self.streams.append(Step(due=[(id, lease)]), delivery)
        except StoreConflict:
            return None
        result = await self._attempt(delivery, settings, action)
        await self._record(delivery, result, now, settings)
        return result

    async def deliver_awaited(self, deliveries: Sequence[UUID]) -> tuple[str, Failure] | None:
        """Sends what its flow waits for, in order, each with its retries; the first failure ends it.

        They were claimed in the append that scheduled them. What is left behind a failure is the worker's.
        """
        for position, id_ in enumerate(deliveries):
            delivery = await self.streams.load(Delivery, id_)
            settings, action = await self._settings(delivery)
            began = self.tools.clock.now()
            deadline = began + timedelta(seconds=settings.timeout)
            while True:
                started = self.tools.clock.now()
                remaining = max((deadline - started).total_seconds(), 0.001)
                result = await self._attempt(delivery, settings, action, timeout=remaining)
                wait = self._pause(result, delivery.attempts, settings.retry, deadline)
                if wait is None:
                    break
                next_at = self.tools.clock.now() + timedelta(seconds=wait)
                await self._postpone(delivery, result, started, next_at, deadline)
                await either(self.tools.clock.sleep(wait), asyncio.sleep(wait))
                lease = deadline + timedelta(seconds=LEASE_MARGIN)
                delivery.fire("attempt", self.tools.clock.now(), attempt=delivery.attempts + 1, lease=lease)
                await self.streams.append(Step(due=[(id_, lease)]), delivery)
            await self._end(delivery, result, started)
            if result.failure is not None:
                await self._hand_over(deliveries[position + 1 :])
                return delivery.action, result.failure
        return None

    async def _hand_over(self, rest: Sequence[UUID]) -> None:
        now = self.tools.clock.now()
        for id_ in rest:
            delivery = await self.streams.load(Delivery, id_)
            delivery.fire("postpone", now, attempt=delivery.attempts, reason="not_reached", duration=0.0, next_at=now)
            await self.streams.append(Step(due=[(id_, now)]), delivery)
        if rest:
            self.wake()

    async def _settings(self, delivery: Delivery) -> tuple[ActionSettings, Action | None]:
        rules = await self._recall(delivery.configuration)
        action = find_action(rules.configuration, delivery.action) if delivery.channel == "web_hook" else None
        if action is not None:
            return action.settings, action
        handler = self.handlers.find(delivery.action) if delivery.channel == "handler" else None
        return ActionSettings(timeout=handler.timeout if handler else 30.0), None

    async def _attempt(
        self, delivery: Delivery, settings: ActionSettings, action: Action | None, *, timeout: float | None = None
    ) -> Result:
        limit = settings.timeout if timeout is None else timeout
        try:
            payload = await self._payload(delivery)
        except Erased:
            return Result(Failure("erased", "the person was erased"))
        if payload is None:
            return Result(Failure("payload", "the request is no longer kept"))
        if "request" in payload:
            return await self._web_hook(delivery, payload, limit)
        if "mail" in payload:
            return await self._mail(delivery, payload["mail"], limit)
        return await self._handler(payload, limit)

    async def _payload(self, delivery: Delivery) -> Mapping[str, Any] | None:
        keyring, flow_id = self.tools.keyring, delivery.flow_id
        if not keyring.ready(flow_id) and not await keyring.load(flow_id):
            raise Erased(f"delivery {delivery.id}")
        row = await self.streams.store.vault(flow_id, "payload", str(delivery.id))
        return json.loads(keyring.decrypt(flow_id, row.value)) if row else None

    async def _web_hook(self, delivery: Delivery, payload: Mapping[str, Any], limit: float) -> Result:
        clock = self.tools.clock
        request = request_of(payload)
        call = self.tools.caller.call(request, request_id=self.tools.ids.new(), timeout=limit, sent_at=clock.now())
        answer: Answer | CallFailed
        try:
            answer = await first(clock, limit, call)
        except CallFailed as failed:
            answer = failed
        except TimeoutError:
            answer = CallFailed("timeout", "no answer in time")
        verdict = judge(answer, parses=False, modifies=False)
        failure = verdict if isinstance(verdict, Failure) else None
        again = retriable(answer, parses=False)
        if isinstance(answer, CallFailed):
            return Result(failure, again=again)
        digest = self.tools.keyring.digest(delivery.flow_id, answer.body)
        return Result(failure, answer.status, digest, answer.retry_after, again)

    async def _mail(self, delivery: Delivery, mail: Mapping[str, Any], limit: float) -> Result:
        try:
            await first(self.tools.clock, limit, self.courier.send(Mail(**mail), id=delivery.id))
        except TimeoutError:
            return Result(Failure("timeout", "the courier did not answer in time"), again=True)
        except Exception as error:
            return Result(Failure("courier", type(error).__name__), again=True)
        return Result()

    async def _handler(self, payload: Mapping[str, Any], limit: float) -> Result:
        handler = self.handlers.find(payload["handler"])
        if handler is None:
            return Result(Failure("handler", "no handler of this id is registered"), again=True)
        context = ActionContext(payload["context"])
        try:
            work: Any = handler.function(context) if handler.is_async else asyncio.to_thread(handler.function, context)
            answered = await first(self.tools.clock, limit, work)
        except TimeoutError:
            return Result(Failure("timeout", f"no answer within {limit:g} s"), again=True)
        except Exception as error:
            return Result(Failure("handler", type(error).__name__), again=True)
        if isinstance(answered, Interrupt | Modify):
            return Result(verdict="ignored")
        return Result()

    # -- the record

    async def _record(self, delivery: Delivery, result: Result, started: datetime, settings: ActionSettings) -> None:
        """After a worker's attempt: delivered, to be tried again later, or given up."""
        wait = None
        if result.failure is not None and result.failure.reason != "erased":
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
        assert result.failure is not None  # noqa: S101 - for the type checker: only failures are postponed
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
        elif result.failure.reason == "erased":
            delivery.fire("cancel", now, reason="erased")
        else:
            delivery.fire("park", now, reason=result.failure.reason, detail=result.failure.detail, **fields)
        await self._append(Step(done=[delivery.id]), delivery)

    async def _append(self, step: Step, delivery: Delivery) -> None:
        """A conflict means that the lease ran out and somebody took over: their record holds."""
        try:
            await self.streams.append(step, delivery)
        except StoreConflict:
            delivery.collect_events()

    def _pause(self, result: Result, attempt: int, retry: Retry, deadline: datetime) -> float | None:
        if result.failure is None or not result.again:
            return None
        remaining = (deadline - self.tools.clock.now()).total_seconds()
        return pause(
            attempt, random=self._random(), retry_after=result.retry_after, remaining=remaining, retry=retry
        )

    def _random(self) -> float:
        return int.from_bytes(self.tools.secrets.bytes(4), "big") / 2**32


def _spent(since: datetime, now: datetime) -> float:
    return round((now - since).total_seconds() * 1000, 3)


def find_action(configuration: Configuration, id_: str) -> Action | None:
    """A configured action by its id, in whatever list it stands."""
    for settings in configuration.flows.values():
        for listed in (settings.before, settings.after, *settings.after_methods.values()):
            for action in listed:
                if action.id == id_:
                    return action
    return None
