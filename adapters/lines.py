"""Lines: guarded HTTP connections, kept for the next request to the same place.

httpcore's own pool looks at every connection for every request, so that sixty-four calls at once take many times as
long as one after the other (measured: a tenth of the rate). Here a line is one connection, taken from the
top of a pile and put back; looking for one costs the same however many there are.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import httpcore
import httpx

from limen.adapters.address import GuardedBackend
from limen.adapters.redirect import origin

IDLE: Final = 30.0
"""Seconds a connection is kept unused."""
KEPT: Final = 64
"""Connections kept unused to one origin."""

Origin = tuple[str, str, int | None]


class Line(httpx.AsyncHTTPTransport):
    """httpx' transport over one connection that passes the guard. Used without a client: that one logs whole URLs."""

    def __init__(self, backend: GuardedBackend, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=IDLE,
            network_backend=backend,
        )


@dataclass(frozen=True, slots=True)
class _Idle:
    line: Line
    since: float


class Lines:
    """The connections made under one rule of the guard."""

    def __init__(self, backend: GuardedBackend, tls: ssl.SSLContext) -> None:
        self._open: Callable[[], Line] = lambda: Line(backend, tls)
        self._idle: dict[Origin, deque[_Idle]] = {}
        self._closed = False

    @contextlib.asynccontextmanager
    async def line(self, url: httpx.URL) -> AsyncIterator[Line]:
        """A line to the origin of `url`, for one request and its answer."""
        place = origin(url)
        await self._drop_old()
        idle = self._idle.get(place)
        line = idle.pop().line if idle else self._open()
        try:
            yield line
        except BaseException:
            # whatever broke it off, the state of the connection is anyone's guess: the next request gets another
            await line.aclose()
            raise
        await self._put_back(place, line)

    async def _put_back(self, place: Origin, line: Line) -> None:
        idle = self._idle.setdefault(place, deque())
        if self._closed or len(idle) >= KEPT:
            await line.aclose()
        else:
            idle.append(_Idle(line, asyncio.get_running_loop().time()))

    async def _drop_old(self) -> None:
        """Closes what has been idle too long. The oldest lie at the bottom of each pile."""
        before = asyncio.get_running_loop().time() - IDLE
        old: list[Line] = []
        for place, idle in list(self._idle.items()):
            while idle and idle[0].since < before:
                old.append(idle.popleft().line)
            if not idle:
                del self._idle[place]
        for line in old:
            await line.aclose()

    async def aclose(self) -> None:
        """Closes all idle lines; those in use close when they are put back."""
        self._closed = True
        piles, self._idle = list(self._idle.values()), {}
        for idle in piles:
            for entry in idle:
                await entry.line.aclose()
