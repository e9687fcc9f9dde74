"""Seat: the right to relay to one destination. One relay has it; the others stand by and take over when it goes."""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

LOOK_SECONDS: Final = 0.25
"""How often one who stands by looks whether the seat is free."""


class SeatLost(Exception):
    """Somebody else may relay now: what was under way has to be read again from the stored position."""


class Seat(ABC):
    """The seat of one destination."""

    async def take(self) -> None:
        """Returns when it is ours."""
        while not await self.taken():  # noqa: ASYNC110 - the one who has it is another process
            await asyncio.sleep(LOOK_SECONDS)

    @abstractmethod
    async def taken(self) -> bool:
        """One try to take it."""

    @abstractmethod
    async def hold(self) -> None:
        """Raises `SeatLost` where it is not ours any more."""

    @abstractmethod
    async def leave(self) -> None:
        """Gives it up. Harmless when repeated."""


class OwnSeat(Seat):
    """Of a log that no other process has: nobody else asks for it."""

    async def taken(self) -> bool:
        return True

    async def hold(self) -> None:
        """Nothing can take it away."""

    async def leave(self) -> None:
        """Nobody waits for it."""


class FileSeat(Seat):
    """A locked file beside a SQLite file: the system frees it when its holder dies, however that happens."""

    def __init__(self, store: Path, name: str) -> None:
        store = store.resolve()  # by whatever link it was named
        self._lock = FileLock(store.with_name(f"{store.name}.relay-{_digest(name).hex()[:8]}.lock"), mode=0o600)

    async def taken(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    async def hold(self) -> None:
        """A file lock lasts as long as its process."""

    async def leave(self) -> None:
        self._lock.release(force=True)


class PostgresSeat(Seat):
    """An advisory lock on a connection of its own: the server frees it when the connection ends."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._key = int.from_bytes(_digest(name)[:8], "big", signed=True)
        self._connection: Any = None

    async def taken(self) -> bool:
        import psycopg

        from limen.adapters.store.postgres import conninfo

        try:
            if self._connection is None:
                self._connection = await psycopg.AsyncConnection.connect(**conninfo(self._url), autocommit=True)
            cursor = await self._connection.execute("SELECT pg_try_advisory_lock(%s)", (self._key,))
            return bool((await cursor.fetchone())[0])
        except psycopg.Error:
            await self.leave()
            return False

    async def hold(self) -> None:
        import psycopg

        try:
            await self._connection.execute("SELECT 1")
        except (psycopg.Error, AttributeError):
            await self.leave()
            raise SeatLost from None

    async def leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _digest(name: str) -> bytes:
    return hashlib.sha256(f"limen relay {name}".encode()).digest()
