"""ActionRouter: handlers of another service for what happens before and after flows.

One message of a group is under way at a time, in the order of its stream. A handler that fails is tried again where it
stands, with growing pauses; after the last try its message is parked, with the error, and the next one comes. Killed at
any instant, the message under way comes again; with `once=` its effect is there exactly once.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, Self

from limen.adapters.bus import names
from limen.adapters.bus.dead_letter import DeadLetter, parked_at, told
from limen.adapters.bus.envelope import Unreadable, event_of
from limen.adapters.bus.intakes import Incoming, Terms, intake_of
from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.message import Message
from limen.adapters.bus.registry import Exactly, Function, Registered, Registry
from limen.adapters.system import SystemClock
from limen.domain.answer import pause
from limen.domain.configuration import Retry
from limen.domain.event import DomainEvent
from limen.domain.handler import slot_of

RETRY = Retry(attempts=5, initial=0.2, maximum=10.0)
"""Tries of one message by one handler, and the seconds between them."""

PATIENCE = 30.0
"""Seconds after which a bus counts a silent consumer as gone."""

log = logging.getLogger("limen.bus")


class ActionRouter:
    """The handlers of one consumer group on one bus.

    `broker` is a FastStream broker (NATS, RabbitMQ, Redis, Kafka) or a `MemoryBus`; starting it starts the router, and
    `async with router` starts the broker. `group` names the consumers that share the work: each message goes to one of
    them. `topic` is where the relay publishes; nothing up to position `since` of the log is handled. All routers of a
    group register the same handlers: one that differs raises `GroupDiffers` when it starts.
    """

    def __init__(
        self,
        broker: Any,
        group: str,
        *,
        topic: str = names.TOPIC,
        since: int = 0,
        retry: Retry = RETRY,
        patience: float = PATIENCE,
    ) -> None:
        self.broker = broker
        self.group = names.check_name(group, "group")
        self.topic = names.check_name(topic, "topic")
        self.retry = retry
        self.patience = patience
        self.since = since
        self._registry = Registry()
        self._clock = SystemClock()
        terms = Terms(group, topic, since, patience, lambda: self._registry.subjects(topic))
        self._intake = intake_of(broker, terms, self._receive)
        self._started = False
        if isinstance(broker, MemoryBus):
            broker.attach(_Attached(self))
        else:
            self._start_with(broker)

    # -- registering

    def before(self, flow: str, *, once: Exactly | None = None, id: str | None = None) -> Callable[[Function], Function]:
        """Handles the beginning of each flow of this kind: `FlowInitiated`."""
        return self._slot(flow, "before", None, once, id)

    def after(
        self, flow: str, *, method: str | None = None, once: Exactly | None = None, id: str | None = None
    ) -> Callable[[Function], Function]:
        """Handles the completion of flows of this kind, `FlowCompleted`: for one method, or by default for all others."""
        return self._slot(flow, "after", method, once, id)

    def on(
        self, event: type[DomainEvent], *, once: Exactly | None = None, id: str | None = None
    ) -> Callable[[Function], Function]:
        """Handles every event of a type of `limen.domain.events`, such as `IdentityErased`, beside the slots' handlers."""

        def register(function: Function) -> Function:
            self._check_open()
            self._registry.add_event(event, function, id, once)
            return function

        return register

    def _slot(
        self, flow: str, phase: Any, method: str | None, once: Exactly | None, id: str | None
    ) -> Callable[[Function], Function]:
        slot = slot_of(flow, phase, method)

        def register(function: Function) -> Function:
            self._check_open()
            self._registry.add_slot(slot, function, id, once)
            return function

        return register

    def _check_open(self) -> None:
        if self._started:
            raise RuntimeError("handlers are registered before the router starts: the group agrees on them then")

    # -- running

    async def start(self) -> None:
        """Starts the broker, and with it this router and every other one on it."""
        await self.broker.start()

    async def stop(self) -> None:
        """Stops the broker: the message under way is finished, or comes again."""
        await self.broker.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        async with self:
            await asyncio.Event().wait()

    def _start_with(self, broker: Any) -> None:
        """FastStream has no hook for what must be there before subscribers start: so its `start` is led through here."""
        start = broker.start

        async def prepared() -> None:
            await broker.connect()
            await self._prepare()
            await start()

        broker.start = prepared

    async def _prepare(self) -> None:
        self._started = True
        await self._intake.prepare(self._registry.roster)

    # -- one message

    async def _receive(self, incoming: Incoming) -> None:
        """Returns when the message is done with: handled, parked, or none of this group's."""
        try:
            message = Message.of(incoming.attributes, incoming.delivered)
            if message.position and message.position <= self.since:
                return
            handlers = self._registry.of(message)
            event = event_of(incoming.attributes, incoming.data) if handlers else None
        except Unreadable as error:
            await self._park(incoming, None, error, incoming.delivered)
            return
        if event is None:
            return
        async with self._keeping(incoming):
            for handler in handlers:
                await self._handle(handler, event, incoming)

    async def _handle(self, handler: Registered, event: DomainEvent, incoming: Incoming) -> None:
        attempt = incoming.delivered
        while True:
            try:
                await self._call(handler, event, Message.of(incoming.attributes, attempt))
            except Exception as error:
                wait = pause(attempt, random=0.0, remaining=float("inf"), retry=self.retry)
                if wait is None:
                    await self._park(incoming, handler, error, attempt)
                    return
                log.warning("%s failed (%s), try %d of %d", handler.id, type(error).__name__, attempt, self.retry.attempts)
                await asyncio.sleep(wait)
                attempt += 1
            else:
                return

    async def _call(self, handler: Registered, event: DomainEvent, message: Message) -> None:
        given: dict[str, Any] = {"event": event, "message": message}

        def call(tx: Any = None) -> Any:
            named = {name: tx if name == "tx" else given[name] for name in handler.takes}
            return handler.function(**named)

        if handler.once is not None:
            await handler.once.run(self.group, handler.id, message.id, call, is_async=handler.is_async)
        elif handler.is_async:
            await call()
        else:
            await asyncio.to_thread(call)

    @contextlib.asynccontextmanager
    async def _keeping(self, incoming: Incoming) -> AsyncIterator[None]:
        """Tells the bus meanwhile that the message is being worked on."""
        keep = incoming.keep
        if keep is None:
            yield
            return

        async def again_and_again() -> None:
            while True:
                await asyncio.sleep(self.patience / 3)
                with contextlib.suppress(Exception):
                    await keep()

        keeping = asyncio.create_task(again_and_again())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    # -- dead letters

    async def _park(self, incoming: Incoming, handler: Registered | None, error: Exception, attempts: int) -> None:
        """Keeps the message for a person. Where the bus does not take it, it is tried until it does: nothing is lost."""
        letter = DeadLetter(
            group=self.group,
            handler=f"{handler.place}={handler.id}" if handler else "",
            error=told(error),
            attempts=attempts,
            parked=parked_at(self._clock.now()),
            attributes=incoming.attributes,
            data=incoming.data,
        )
        log.error("parked %s: %s", letter.id or "a message", type(error).__name__)
        tries = 0
        while True:
            try:
                await self._intake.park(letter)
            except Exception as failed:
                tries += 1
                log.warning("the dead letter waits: %s", type(failed).__name__)
                await asyncio.sleep(min(0.1 * 2**tries, 5.0))
            else:
                return

    async def dead(self) -> list[DeadLetter]:
        """The messages this group could not handle, the oldest first."""
        await self.broker.connect()
        return [letter async for letter in self._intake.dead()]

    async def replay(self, ids: Collection[str] | None = None) -> list[DeadLetter]:
        """Gives parked messages (all, or those of these ids) to their handlers once more.

        What succeeds is forgotten; with `once=` an effect that is there already is not repeated. Gives those that failed
        again, with their new error; they stay parked.
        """
        failed: list[DeadLetter] = []
        for letter in await self.dead():
            if ids is not None and letter.id not in ids:
                continue
            try:
                await self._replay(letter)
            except Exception as error:
                failed.append(
                    DeadLetter(
                        letter.group, letter.handler, told(error), letter.attempts + 1, letter.parked,
                        letter.attributes, letter.data, letter.place,
                    )
                )
            else:
                await self._intake.remove(letter)
        return failed

    async def _replay(self, letter: DeadLetter) -> None:
        event = event_of(letter.attributes, letter.data)
        message = Message.of(letter.attributes, letter.attempts + 1)
        place, _, id = letter.handler.partition("=")
        own = self._registry.find(place, id)
        for handler in (own,) if own is not None else self._registry.of(message):
            await self._call(handler, event, message)


class _Attached:
    """A router as a member of a bus in memory."""

    def __init__(self, router: ActionRouter) -> None:
        self._router = router
        self._running = False

    async def start(self) -> None:
        if not self._running:
            self._running = True
            await self._router._prepare()

    async def stop(self) -> None:
        if self._running:
            self._running = False
            await self._router._intake.leave()  # type: ignore[attr-defined]  # it is a MemoryIntake here
