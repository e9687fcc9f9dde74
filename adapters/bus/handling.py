"""Handling: a message given to its handlers, tried again where it stands, and parked when that was in vain."""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from limen.adapters.bus.dead_letter import DeadLetter, parked_at, told
from limen.adapters.bus.envelope import Unknown, event_of
from limen.adapters.bus.intake import Incoming
from limen.adapters.bus.message import Message
from limen.adapters.bus.registry import Registered, Registry
from limen.adapters.system import SystemClock
from limen.domain.action import Retry
from limen.domain.answer import pause
from limen.domain.event import DomainEvent

log = logging.getLogger("limen.bus")


NEVER_DONE = 20
"""Deliveries after which a message counts as one that ends its process. More than the tries of a handler: a service
that is started anew, or a lost connection, brings a message again too."""


class NeverDone(Exception):
    """The bus has brought a message again and again and it never came to an end: its handlers may end the process."""

    def __init__(self, delivered: int) -> None:
        super().__init__(f"brought {delivered} times and never done; its handlers may have ended the process")


class Handling:
    """What a group does with its messages. `park` keeps what could not be handled, durably."""

    def __init__(
        self,
        group: str,
        registry: Registry,
        retry: Retry,
        patience: float,
        since: int,
        park: Callable[[DeadLetter], Awaitable[None]],
    ) -> None:
        self._group = group
        self._registry = registry
        self._retry = retry
        self._patience = patience
        self._since = since
        self._keep = park
        self._clock = SystemClock()

    async def receive(self, incoming: Incoming) -> None:
        """Returns when the message is done with: handled, parked, or none of this group's."""
        try:
            message = Message.of(incoming.attributes, incoming.delivered)
            if message.position and message.position <= self._since:
                return
            handlers = self._registry.of(message)
            event = event_of(incoming.attributes, incoming.data) if handlers else None
        except Unknown:
            return
        except Exception as error:
            await self._park(incoming, None, error, incoming.delivered)
            return
        if event is None:
            return
        if incoming.delivered > max(self._retry.attempts, NEVER_DONE):
            await self._park(incoming, None, NeverDone(incoming.delivered), incoming.delivered)
            return
        async with self._keeping(incoming):
            for handler in handlers:
                await self._handle(handler, event, incoming)

    async def _handle(self, handler: Registered, event: DomainEvent, incoming: Incoming) -> None:
        attempt = incoming.delivered
        while True:
            try:
                await self._call(handler, event, Message.of(incoming.attributes, attempt))
            except (Exception, asyncio.CancelledError) as error:
                if _called_off(error):
                    raise
                wait = pause(attempt, random=0.0, remaining=float("inf"), retry=self._retry)
                if wait is None:
                    await self._park(incoming, handler, error, attempt)
                    return
                log.warning(
                    "%s failed (%s), try %d of %d", handler.id, type(error).__name__, attempt, self._retry.attempts
                )
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
            name = f"{handler.place}={handler.id}"
            await handler.once.run(self._group, name, message.id, call, is_async=handler.is_async)
        elif handler.is_async:
            await call()
        else:
            answered = await asyncio.to_thread(_guarded, call)
            if inspect.isawaitable(answered):  # what looks plain may lead to a coroutine
                await answered

    @contextlib.asynccontextmanager
    async def _keeping(self, incoming: Incoming) -> AsyncIterator[None]:
        """Tells the bus meanwhile that the message is being worked on."""
        keep = incoming.keep
        if keep is None:
            yield
            return

        async def again_and_again() -> None:
            while True:
                await asyncio.sleep(self._patience / 3)
                with contextlib.suppress(Exception):
                    await keep()

        keeping = asyncio.create_task(again_and_again())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _park(self, incoming: Incoming, handler: Registered | None, error: BaseException, attempts: int) -> None:
        """Keeps the message for a person. The bus is asked until it takes it: nothing is lost."""
        letter = DeadLetter(
            group=self._group,
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
                await self._keep(letter)
            except Exception as failed:
                tries += 1
                log.warning("the dead letter waits: %s", type(failed).__name__)
                await asyncio.sleep(min(0.1 * 2**tries, 5.0))
            else:
                return

    async def again(self, letter: DeadLetter) -> None:
        """Gives a parked message to the handler that failed, or to all of its handlers where that one is gone."""
        event = event_of(letter.attributes, letter.data)
        message = Message.of(letter.attributes, letter.attempts + 1)
        place, _, name = letter.handler.partition("=")
        own = self._registry.find(place, name)
        for handler in (own,) if own is not None else self._registry.of(message):
            await self._call(handler, event, message)


def _called_off(error: BaseException) -> bool:
    """Whether it is we who are to stop; a handler may raise the same for something of its own."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and bool(task.cancelling())


def _guarded(call: Callable[[], Any]) -> Any:
    """Runs a plain handler; a `StopIteration`, which no future can carry, is an error like others."""
    try:
        return call()
    except StopIteration as stopped:
        raise RuntimeError("the handler raised StopIteration") from stopped
