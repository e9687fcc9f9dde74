"""Taking in from Redis Streams, over the connection of a FastStream broker.

FastStream's own subscriber cannot do what order needs, so a task of its own reads: first what the group was brought and
did not acknowledge, then what is new, one entry after the other. It starts with the broker and stops before it does.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from typing import Any, Final

from faststream.redis import RedisBroker
from redis.exceptions import RedisError

from limen.adapters.bus import names
from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.headers import attributes_of, headers_of
from limen.adapters.bus.intake import GRACE, Incoming, Intake, Receive, Terms, before_stop
from limen.adapters.bus.redis.keys import DATA, raw, text
from limen.adapters.bus.redis.member import CALL_SECONDS, Entry, RedisMember

_LOOK_SECONDS: Final = 0.25
"""How often one who stands by looks whether the seat is free."""

_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds before something is tried again that failed, doubled up to the longest."""

_PAGE_LETTERS: Final = 100
_RECENT_LETTERS: Final = 64
"""A message that was parked and could not be acknowledged is parked again: its letter is among the latest."""

log = logging.getLogger("limen.bus")


class RedisIntake(Intake):
    """A member of a group on a stream of Redis."""

    broker: RedisBroker

    def __init__(self, broker: RedisBroker, terms: Terms, receive: Receive) -> None:
        super().__init__(broker, terms, receive)
        self._member: RedisMember | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._resting = False
        self._done = ""
        self._beat_at = 0.0
        self._trouble = ""
        self._failures = 0
        before_stop(broker, self._leave)

    async def prepare(self, roster: str) -> None:
        if self._task is not None:
            return
        client = await self.broker.connect()
        member = RedisMember(client, self.terms, roster)
        await member.beat()
        await member.declare()
        self._member, self._stopping = member, False
        self._beat_at = self._later(member)
        self._task = asyncio.create_task(self._run(member), name=f"limen-redis-{self.terms.group}")

    async def _leave(self) -> None:
        """Ends what `prepare` began. The message under way may end within the grace; no other one is begun."""
        task, self._task = self._task, None
        if task is None or self._member is None:
            return
        self._stopping = True
        if not self._resting:
            await asyncio.wait({task}, timeout=GRACE)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with suppress(RedisError, OSError):
            async with asyncio.timeout(GRACE):
                await self._member.leave(self._done)
        self._done = ""

    # -- at work

    async def _run(self, member: RedisMember) -> None:
        """Works, and where the server is away or says no, waits and begins anew with what was not acknowledged."""
        while not self._stopping:
            try:
                await self._work(member)
            except Exception as error:
                self._failures += 1
                if self._trouble != type(error).__name__:
                    self._trouble = type(error).__name__
                    log.warning("group %s waits: %s", self.terms.group, self._trouble)
                pause = min(_PAUSE * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE)
                await self._rest(asyncio.sleep(pause))

    async def _work(self, member: RedisMember) -> None:
        await member.declare()
        while not self._stopping:
            if asyncio.get_running_loop().time() >= self._beat_at:
                await member.beat()
                self._beat_at = self._later(member)
            found = await member.next(self._done)
            self._done = ""
            if isinstance(found, Entry):
                if not self._stopping:
                    await self._handle(member, found)
            elif found is None:
                await self._rest(asyncio.sleep(min(_LOOK_SECONDS, member.lasts / 4)))
            elif found.newest:
                await self._rest(member.wait(found.newest))
            self._well()

    async def _rest(self, waiting: Awaitable[None]) -> None:
        """Waits for something that a stop may cut off at once."""
        self._resting = True
        try:
            await waiting
        finally:
            self._resting = False

    async def _handle(self, member: RedisMember, entry: Entry) -> None:
        """Works on an entry for as long as the seat is ours; it is noted as done when `receive` has returned."""
        if member.remaining <= 0:
            return
        handling = asyncio.create_task(self._receive(entry))
        try:
            while not handling.done():
                await asyncio.wait({handling}, timeout=member.lasts / 3)
                if not handling.done() and not await self._kept(member):
                    log.warning("group %s lost its turn: what was under way comes again", self.terms.group)
                    return
            if handling.cancelled():
                raise RuntimeError("a handler cancelled itself")
            handling.result()
        finally:
            handling.cancel()
            await asyncio.gather(handling, return_exceptions=True)

    async def _receive(self, entry: Entry) -> None:
        await self.receive(Incoming(entry.attributes, entry.data, entry.delivered))
        self._done = entry.id

    async def _kept(self, member: RedisMember) -> bool:
        """Whether the seat is still ours: the server says so, or has not been heard since it last did."""
        if member.remaining <= 0:
            return False
        try:
            kept = await member.beat(min(CALL_SECONDS, member.lasts / 3, member.remaining))
        except (RedisError, OSError):
            return member.remaining > 0
        self._beat_at = self._later(member)
        return kept

    def _later(self, member: RedisMember) -> float:
        return asyncio.get_running_loop().time() + member.lasts / 3

    def _well(self) -> None:
        self._failures = 0
        if self._trouble:
            self._trouble = ""
            log.warning("group %s goes on", self.terms.group)

    # -- dead letters

    async def park(self, letter: DeadLetter) -> None:
        client: Any = await self.broker.connect()
        async with asyncio.timeout(CALL_SECONDS):
            for place, fields in await client.xrevrange(self._dead, count=_RECENT_LETTERS):
                there = _letter(place, fields)
                if (there.id, there.handler) == (letter.id, letter.handler):
                    return
            await client.xadd(self._dead, {**headers_of(letter.headers), DATA: letter.data})

    async def dead(self) -> AsyncIterator[DeadLetter]:
        client: Any = await self.broker.connect()
        after = "-"
        while True:
            async with asyncio.timeout(CALL_SECONDS):
                found = await client.xrange(self._dead, min=after, count=_PAGE_LETTERS)
            for place, fields in found:
                letter = _letter(place, fields)
                after = f"({letter.place}"
                yield letter
            if not found:
                return

    async def remove(self, letter: DeadLetter) -> None:
        client: Any = await self.broker.connect()
        async with asyncio.timeout(CALL_SECONDS):
            await client.xdel(self._dead, letter.place)

    @property
    def _dead(self) -> str:
        return names.dead(self.terms.topic, self.terms.group)


def _letter(place: object, fields: dict[Any, Any]) -> DeadLetter:
    kept = {text(name): value for name, value in fields.items()}
    data = raw(kept.pop(DATA, b""))
    return DeadLetter.of(attributes_of(kept), data, text(place))
