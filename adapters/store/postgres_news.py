"""PostgreSQL's own word that something was appended (LISTEN)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg

from limen.adapters.store.postgres import conninfo
from limen.domain.errors import StoreUnusable

_SURELY_SECONDS = 5.0
"""A follower looks at least this often, should a notification be lost with its connection."""


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Gives a function that returns when events were appended since it was called last, or after five seconds."""

    async def news() -> None:
        async for _ in connection.notifies(timeout=_SURELY_SECONDS, stop_after=1):
            return

    try:
        async with await psycopg.AsyncConnection.connect(**conninfo(url), autocommit=True) as connection:
            await connection.execute("LISTEN stored_events")
            yield news
    except psycopg.Error as error:
        raise StoreUnusable(f"the database cannot be followed: {str(error).partition(chr(10))[0]}") from error
