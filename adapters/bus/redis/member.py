"""Redis member: one router of a group, as the server knows it.

A group has one seat. Who holds it works on one entry at a time; the others look now and then whether it is free. The
seat lasts for a time and is renewed within it: one who is killed, cut off or stopped loses it, and learns of it from
the server before it acknowledges or gets anything more.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import OutOfMemoryError, ResponseError

from limen.adapters.bus.headers import attributes_of
from limen.adapters.bus.intake import Terms
from limen.adapters.bus.redis import keys as redis_keys
from limen.adapters.bus.redis import scripts as redis_scripts
from limen.adapters.bus.redis.keys import raw, text
from limen.adapters.system import SystemSecrets
from limen.domain.errors import GroupDiffers

LONGEST_SEAT: Final = 10.0
"""Seconds for which a silent member is waited for, at most."""

CALL_SECONDS: Final = 5.0
"""How long an answer of the server may take."""

WAIT_SECONDS: Final = 1.0
"""How long one look for something new lasts; the server answers at once when it comes."""

_USUAL_TIMEOUT: Final = 5.0
"""The client's own limit for one answer, where none is configured."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the stream that is the group's to handle; `delivered` is how often it was brought, from 1."""

    id: str
    delivered: int
    attributes: dict[str, str]
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to handle for now. `newest` is the last entry there was; empty, there may be more already."""

    newest: str


class RedisMember:
    """A member of a group, over one client. `roster` names its handlers; its seat `lasts` that many seconds."""

    def __init__(self, client: Any, terms: Terms, roster: str) -> None:
        self.lasts = min(terms.patience, LONGEST_SEAT)
        self._client = client
        self._stream, self._group = topic, group = terms.topic, terms.group
        self._since = terms.since
        self._wanted = f" {' '.join(redis_keys.types_of(terms.subjects(), topic))} "
        self._roster = roster
        self._token = SystemSecrets().bytes(16).hex()
        self._seat = redis_keys.seat(topic, group)
        self._members = redis_keys.members(topic, group)
        self._until = 0.0
        self._beat = client.register_script(redis_scripts.BEAT)
        self._next = client.register_script(redis_scripts.NEXT)
        self._leave = client.register_script(redis_scripts.LEAVE)

    @property
    def remaining(self) -> float:
        """Seconds for which the seat is ours for certain, as far as this side can tell."""
        return self._until - asyncio.get_running_loop().time()

    async def declare(self) -> None:
        """Makes sure that the group is there; a new one begins with the first entry it wants."""
        begin = redis_keys.begin_after(self._since)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._client.xgroup_create(self._stream, self._group, id=begin, mkstream=True)
        except OutOfMemoryError:
            pass  # said before it is looked whether the group is there; if it is not, `next` fails
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def beat(self, timeout: float = CALL_SECONDS) -> bool:
        """Says that this member is there; whether the seat is its own. Raises `GroupDiffers`."""
        until = self._end()
        async with asyncio.timeout(timeout):
            ours, *theirs = await self._beat(
                keys=[self._members, self._seat], args=[self._token, self._milliseconds, self._roster]
            )
        if theirs:
            raise GroupDiffers(self._group, self._roster, text(theirs[0]))
        if ours:
            self._until = until
        return bool(ours)

    async def next(self, done: str) -> Entry | Nothing | None:
        """Acknowledges what is done (an id, or empty) and gives what comes next; None where another has the seat."""
        until = self._end()
        async with asyncio.timeout(CALL_SECONDS):
            found = await self._next(
                keys=[self._stream, self._seat],
                args=[self._token, self._milliseconds, self._group, done, self._wanted],
            )
        if found is None:
            return None
        self._until = until
        if len(found) == 1:
            return Nothing(text(found[0]))
        place, delivered, fields = found
        headers = {text(name): value for name, value in zip(fields[::2], fields[1::2], strict=True)}
        data = raw(headers.pop(redis_keys.DATA, b""))
        return Entry(text(place), int(delivered), attributes_of(headers), data)

    async def wait(self, after: str) -> None:
        """Until there is an entry after this one, or a while has passed. Nothing is taken by it."""
        pool = getattr(self._client, "connection_pool", None)  # a cluster's client has none
        limit = getattr(pool, "connection_kwargs", {}).get("socket_timeout") or _USUAL_TIMEOUT
        seconds = min(WAIT_SECONDS, self.lasts / 3, limit / 2)
        async with asyncio.timeout(seconds + CALL_SECONDS):
            await self._client.xread({self._stream: after}, count=1, block=max(1, int(seconds * 1000)))

    async def leave(self, done: str) -> None:
        """Acknowledges what is done, gives up the seat, and is no member any more."""
        await self._leave(
            keys=[self._stream, self._seat, self._members], args=[self._token, self._group, done, self._roster]
        )

    @property
    def _milliseconds(self) -> int:
        return int(self.lasts * 1000)

    def _end(self) -> float:
        return asyncio.get_running_loop().time() + self.lasts
