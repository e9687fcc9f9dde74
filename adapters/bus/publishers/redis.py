"""Publishing to a Redis stream, in plain fields that any client reads: `ce-<attribute>`, `content-type` and `data`.

An entry's id is the event's place in the log, so the server tells duplicates apart; but it takes no id that is not
higher than all before it. Therefore the log goes there in its own order, and many events in one transaction: were one
refused, for want of memory, and a later one taken, the refused one could never be added any more.

Nothing is trimmed here. Who trims the stream keeps what has just come: a relay that was killed looks for it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from faststream.redis import RedisBroker
from redis.exceptions import RedisError, ResponseError

from limen.adapters.bus import redis_keys
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.headers import written
from limen.adapters.bus.publishers.publisher import PUBLISH_SECONDS, Order, PublishFailed
from limen.adapters.bus.redis_keys import DATA, text
from limen.domain.errors import BusUnusable

LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Of one event's data. The server itself takes up to 512 MB in one value, unless it is told less."""

TRANSACTION_BYTES: Final = 4 * 1024 * 1024
"""The data of one transaction, about: so that it is there and confirmed in time."""

_OTHER_LOG: Final = "the stream holds events of another log; give the relay another topic"


class RedisPublisher:
    """Implements `Publisher`. An id that is there already counts as confirmed, if it is the same event's."""

    def __init__(self, address: BusAddress, topic: str) -> None:
        self.order: Order = "batch"
        self.limit = LIMIT_BYTES
        self._stream = topic
        try:
            self._broker = RedisBroker(
                address.url,
                logger=None,  # type: ignore[arg-type]  # None: it logs nothing
                socket_timeout=PUBLISH_SECONDS,
                socket_connect_timeout=PUBLISH_SECONDS,
            )
        except ValueError:  # its text quotes the URL
            raise BusUnusable(
                "this redis URL cannot be read; expected redis://user:password@host:6379/0, in whose password "
                "'/', '@', ':' and '#' are written %2F, %40, %3A and %23"
            ) from None
        self._client: Any = None
        self._source: str | None = None

    async def open(self) -> None:
        """Connects, and looks at what is there. The stream comes into being with its first entry."""
        try:
            self._client = await self._broker.connect()
            async with asyncio.timeout(PUBLISH_SECONDS):
                newest = await self._client.xrevrange(self._stream, count=1)
        except (RedisError, OSError) as error:
            raise PublishFailed(redis_keys.told(error)) from error
        self._source = _attribute(newest[0][1], "source") if newest else None

    async def send(self, envelope: Envelope) -> "asyncio.Future[None]":
        """By itself: here `send_all` is the way, this serves who does not care for speed."""
        await self.send_all([envelope])
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        confirmed.set_result(None)
        return confirmed

    async def send_all(self, envelopes: Sequence[Envelope]) -> None:
        """All or none; of very much data the first part may be there alone, never what follows it."""
        if self._client is None:
            raise PublishFailed("Redis: not connected")
        for batch in _batches(envelopes):
            if self._source is not None and self._source != batch[0].attributes["source"]:
                raise PublishFailed(f"Redis: {_OTHER_LOG}")
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    refused = await self._add(batch)
                    if refused:
                        await self._compare(refused)
            except (RedisError, OSError) as error:
                raise PublishFailed(redis_keys.told(error)) from error

    async def close(self) -> None:
        self._client = None
        with suppress(RedisError, OSError):
            await self._broker.stop()

    async def _add(self, batch: Sequence[Envelope]) -> list[Envelope]:
        """Adds them in one transaction. Gives those whose ids are not higher than what is there."""
        async with self._client.pipeline(transaction=True) as pipeline:
            for envelope in batch:
                fields = {**written(envelope), DATA: envelope.data}
                pipeline.xadd(self._stream, fields, id=redis_keys.entry_id(envelope))
            answers = await pipeline.execute(raise_on_error=False)
        refused = []
        for envelope, answer in zip(batch, answers, strict=True):
            if isinstance(answer, ResponseError) and "equal or smaller" in str(answer):
                refused.append(envelope)
            elif isinstance(answer, Exception):
                raise answer
        return refused

    async def _compare(self, refused: Sequence[Envelope]) -> None:
        """Looks whether what was refused is there. Raises `PublishFailed` where it is not: it would be lost."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for envelope in refused:
                place = redis_keys.entry_id(envelope)
                pipeline.xrange(self._stream, min=place, max=place)
            found = await pipeline.execute()
        for envelope, entries in zip(refused, found, strict=True):
            if not entries:
                raise PublishFailed(
                    f"Redis: the stream is past position {envelope.position} and has nothing there: "
                    f"it was deleted, or {_OTHER_LOG}"
                )
            if _attribute(entries[0][1], "id") != envelope.id:
                raise PublishFailed(f"Redis: {_OTHER_LOG}")


def _attribute(fields: dict[Any, Any], name: str) -> str | None:
    """An attribute of an entry, as the client gives it."""
    wanted = f"ce-{name}"
    return next((text(value) for key, value in fields.items() if text(key) == wanted), None)


def _batches(envelopes: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
    """The same in portions of about one transaction."""
    begin = size = 0
    for place, envelope in enumerate(envelopes):
        if place > begin and size + len(envelope.data) > TRANSACTION_BYTES:
            yield envelopes[begin:place]
            begin, size = place, 0
        size += len(envelope.data)
    if begin < len(envelopes):
        yield envelopes[begin:]
