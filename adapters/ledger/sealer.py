"""Sealer: follows the log in the process of an engine: hashes what was appended, and signs it now and then.

It never holds up an append: events are read on a connection of its own, a few at a time, and what is written is one
short transaction for thousands of them. Killed at any instant it goes on from what is stored. Several may be at work on
one log: whoever is first seals, the others read on.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Self

from limen.adapters.ledger.ledger import KEPT_EVENTS, Ledger
from limen.domain.configuration import LedgerSettings
from limen.domain.errors import LedgerBroken
from limen.domain.ports import Clock

LOOK_SECONDS: Final = 1.0
"""How often it looks how much there is to seal, and at most how often it seals."""

GRACE: Final = 5.0
"""Seconds that closing waits for what has been appended to be sealed."""

log = logging.getLogger("limen.ledger")


class Sealer:
    """An asynchronous context manager around the task that seals.

    `open_` gives the ledger when it is first needed, `seed` the signing key. `threaded` reads in a thread, as is right
    for a server; a file is read in the loop, where it does not have to win the interpreter back for each row.
    """

    def __init__(
        self,
        open_: Callable[[], Ledger],
        seed: Callable[[], Awaitable[bytes]],
        clock: Clock,
        settings: LedgerSettings,
        *,
        threaded: bool,
    ) -> None:
        self._open = open_
        self._seed = seed
        self._clock = clock
        self._settings = settings
        self._threaded = threaded
        self._ledger: Ledger | None = None
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="limen-sealer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Seals what has been appended by now, for `GRACE` seconds at most; the rest is sealed by whoever is next."""
        assert self._task is not None
        self._closing.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await asyncio.shield(self._task)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._ledger is not None:
            self._ledger.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        since: float | None = None
        ending = False
        while not ending:
            await self._rest()
            ending = self._closing.is_set()
            try:
                waiting = await self._waiting()
                since = (loop.time() if since is None else since) if waiting else None
                late = since is not None and loop.time() - since >= self._settings.interval
                if waiting and (late or waiting >= self._settings.events or ending):
                    await self.seal()
                    since = None
                self._say("")
            except LedgerBroken as error:
                self._say(str(error))
            except Exception as error:
                self._say(type(error).__name__)

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._closing.wait()

    async def _waiting(self) -> int:
        ledger = await self._opened()
        return await asyncio.to_thread(ledger.waiting) if self._threaded else ledger.waiting()

    async def seal(self) -> None:
        """Hashes all that has been appended, and signs it. Raises `LedgerBroken`, `StoreUnusable`."""
        ledger = await self._opened()
        await asyncio.to_thread(ledger.tables.prepare)
        while True:
            growth = await asyncio.to_thread(ledger.begin)
            while growth.size - growth.base < KEPT_EVENTS:
                read = await asyncio.to_thread(ledger.read, growth) if self._threaded else ledger.read(growth)
                if not read:
                    break
                await asyncio.sleep(0)  # others have their turn, however much there is
            if await asyncio.to_thread(ledger.keep, growth) and growth.size == growth.base:
                break
        await asyncio.to_thread(ledger.sign, await self._seed(), self._clock.now(), self._settings.origin)

    async def _opened(self) -> Ledger:
        if self._ledger is None:
            self._ledger = await asyncio.to_thread(self._open)
        return self._ledger

    def _say(self, trouble: str) -> None:
        """Says once what is wrong, and once that it is over."""
        if trouble != self._trouble:
            log.warning("sealing waits: %s" if trouble else "sealing again%s", trouble)
        self._trouble = trouble
