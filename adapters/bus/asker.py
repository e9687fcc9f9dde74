"""What the askers over a server share: a connection, made when it is needed and tried again while there is none."""

import asyncio
from abc import ABC, abstractmethod
from typing import Final

from limen.domain.ports import Answer, CallFailed, Question

CONNECT_SECONDS: Final = 3.0
"""How long one try to connect may take."""


class ServerAsker(ABC):
    """Implements `Asker` for a bus with a server. Belongs to one event loop."""

    def __init__(self) -> None:
        self._connecting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects where there is no connection yet. Raises `CallFailed` when it cannot."""
        if self._connecting is None or (self._connecting.done() and not _succeeded(self._connecting)):
            self._connecting = asyncio.create_task(self._connect(), name="limen-asker")
            self._connecting.add_done_callback(_succeeded)
        # whoever asked for it may run out of time: the others, and the next question, still want the connection
        await asyncio.shield(self._connecting)

    async def ask(self, question: Question, *, timeout: float) -> Answer:
        """One attempt, the connection included where there is none yet."""
        asked = False
        try:
            async with asyncio.timeout(timeout):
                await self.open()
                asked = True
                return await self._ask(question, timeout)
        except TimeoutError:
            why = f"no reply on {question.subject}" if asked else "no connection to the bus"
            raise CallFailed("timeout", f"{why} in time") from None

    async def close(self) -> None:
        """Ends the connection. Questions under way stay without an answer."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._disconnect()

    @abstractmethod
    async def captor(self, subject: str) -> str | None:
        """Who keeps questions on this subject and would answer them first, for want of knowing better."""

    @abstractmethod
    async def _connect(self) -> None:
        """Raises `CallFailed`."""

    @abstractmethod
    async def _disconnect(self) -> None:
        """Ends what `_connect` began, however far it came."""

    @abstractmethod
    async def _ask(self, question: Question, timeout: float) -> Answer:
        """Raises `CallFailed`, or `TimeoutError` when nothing came in time."""


def _succeeded(task: "asyncio.Task[None]") -> bool:
    return not task.cancelled() and task.exception() is None
