"""ActionRouter: handlers of another service for what happens before and after flows.

One message of a group is under way at a time, in the order of its stream. A handler that fails is tried again where it
stands, with growing pauses; after the last try its message is parked, with the error, and the next one comes. Killed at
any instant, the message under way comes again; with `once=` its effect is there exactly once.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any, Self, cast
from weakref import WeakKeyDictionary

from limen.adapters.bus import names
from limen.adapters.bus.dead_letter import DeadLetter, told
from limen.adapters.bus.handling import Handling
from limen.adapters.bus.intake import Terms, before_stop
from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.once import Once
from limen.adapters.bus.registry import Exactly, Function, Registry
from limen.adapters.bus.taking_in import intake_of
from limen.domain.action import Retry
from limen.domain.errors import GroupDiffers
from limen.domain.event import DomainEvent
from limen.domain.placement import TRIGGERS
from limen.domain.slot_names import slot_of

RETRY = Retry(attempts=5, initial=0.2, maximum=10.0)
"""Tries of one message by one handler, and the seconds between them."""

QUIET_SECONDS = 5.0
"""How long a connection may take before it is said that there is none yet."""

PATIENCE = 30.0
"""Seconds after which a bus counts a silent consumer as gone."""


log = logging.getLogger("limen.bus")

_rosters: WeakKeyDictionary[Any, dict[tuple[str, str], str]] = WeakKeyDictionary()
"""The handlers of each topic and group on a broker of this process."""


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
        self._registry = Registry()
        terms = Terms(group, topic, since, patience, lambda: self._registry.subjects(topic))
        self._handling = Handling(group, self._registry, retry, patience, since, self._park)
        self._intake = intake_of(broker, terms, self._handling.receive)
        self._started = False
        if isinstance(broker, MemoryBus):
            broker.attach(_Attached(self))
        else:
            self._start_with(broker)

    # -- registering

    def before(self, flow: str, *, once: Any = None, id: str | None = None) -> Callable[[Function], Function]:
        """Handles the beginning of each flow of this kind: `FlowInitiated`."""
        return self._slot(flow, "before", None, once, id)

    def after(
        self, flow: str, *, method: str | None = None, once: Any = None, id: str | None = None
    ) -> Callable[[Function], Function]:
        """Handles the completion of each flow of this kind, `FlowCompleted`: for one method, else by default."""
        return self._slot(flow, "after", method, once, id)

    def on(
        self, event: type[DomainEvent], *, once: Any = None, id: str | None = None
    ) -> Callable[[Function], Function]:
        """Handles each event of a type of `limen.domain.events` (`IdentityErased` …), beside the slots' handlers."""

        exactly = _exactly(once)

        def register(function: Function) -> Function:
            self._check_open()
            self._registry.add_event(event, function, id, exactly)
            return function

        return register

    def _slot(
        self, flow: str, phase: Any, method: str | None, once: Any, id: str | None
    ) -> Callable[[Function], Function]:
        slot, exactly = slot_of(flow, phase, method), _exactly(once)
        if slot in TRIGGERS:
            event = "SessionRevoked" if slot.flow is None else "MethodRefused"
            raise ValueError(f"'{flow}' is no flow; on the bus it is an event: @router.on({event})")

        def register(function: Function) -> Function:
            self._check_open()
            self._registry.add_slot(slot, function, id, exactly)
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
        """FastStream has no hook for what must be there before subscribers start: its `start` is led through here."""
        start = broker.start

        async def prepared() -> None:
            await _connected(broker)
            await self._prepare()
            await start()

        broker.start = prepared
        before_stop(broker, self._forget_roster)

    async def _forget_roster(self) -> None:
        _rosters.pop(self.broker, None)

    async def _prepare(self) -> None:
        if not self._registry.handlers:
            raise RuntimeError(f"group '{self.group}' has no handlers: it would acknowledge everything and do nothing")
        self._started = True
        # on one broker the others are not seen at work yet: all of them prepare before any begins
        beside = _rosters.setdefault(self.broker, {})
        theirs = beside.setdefault((self.topic, self.group), self._registry.roster)
        if theirs != self._registry.roster:
            raise GroupDiffers(self.group, self._registry.roster, theirs)
        await self._intake.prepare(self._registry.roster)

    # -- dead letters

    async def _park(self, letter: DeadLetter) -> None:
        await self._intake.park(letter)

    async def dead(self) -> list[DeadLetter]:
        """The messages this group could not handle, the oldest first."""
        await self.broker.connect()
        return [letter async for letter in self._intake.dead()]

    async def replay(self, ids: Collection[str] | None = None) -> list[DeadLetter]:
        """Gives parked messages (all, or those of these ids) to their handlers once more.

        What succeeds is forgotten; with `once=` an effect that is there already is not repeated. Gives those that
        failed again, with their new error; they stay parked.
        """
        failed: list[DeadLetter] = []
        for letter in await self.dead():
            if ids is not None and letter.id not in ids:
                continue
            try:
                await self._handling.again(letter)
            except Exception as error:
                failed.append(
                    DeadLetter(
                        letter.group,
                        letter.handler,
                        told(error),
                        letter.attempts + 1,
                        letter.parked,
                        letter.attributes,
                        letter.data,
                        letter.place,
                    )
                )
            else:
                await self._intake.remove(letter)
        return failed


class _Attached:
    """A router as a member of a bus in memory."""

    def __init__(self, router: ActionRouter) -> None:
        self._router = router
        self._running = False

    async def start(self) -> None:
        if not self._running:
            await self._router._prepare()
            self._running = True

    async def stop(self) -> None:
        if self._running:
            self._running = False
            _rosters.pop(self._router.broker, None)
            await self._router._intake.leave()  # type: ignore[attr-defined]  # it is a MemoryIntake here


async def _connected(broker: Any) -> None:
    """Connects; clients look for a server that is away for as long as it takes, so that is said once."""
    connecting = asyncio.ensure_future(broker.connect())
    try:
        await asyncio.wait((connecting,), timeout=QUIET_SECONDS)
        if not connecting.done():
            log.warning("the bus does not answer; it is asked until it does")
        await connecting
    finally:
        connecting.cancel()


def _exactly(once: Any) -> Exactly | None:
    """`once=` takes an `Once`, or what one is made of: a pool, an engine, or the path of a SQLite file."""
    if once is None or (hasattr(once, "run") and hasattr(once, "check")):
        return cast("Exactly | None", once)
    return Once(once)
