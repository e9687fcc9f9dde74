"""Publishing to a Redis stream, in plain fields that any client reads: `ce-<attribute>`, `content-type` and `data`.

An entry's id is the event's place in the log, so the server tells duplicates apart; but it takes no id that is not
higher than all before it. Therefore the log goes there in its own order, and many events in one transaction: were one
refused, for want of memory, and a later one taken, the refused one could never be added any more.

Where the stream is past an event that is not there (it holds another log's events, or was emptied), the event goes
there under an id of the server's own, and so does everything after it: nothing is lost, and consumers tell duplicates
apart by `ce-id`, as on any bus.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from faststream.redis import RedisBroker
from redis.exceptions import RedisError, ResponseError

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.envelope import Envelope
from limen.adapters.bus.headers import STAMP, written
from limen.adapters.bus.publisher import PUBLISH_SECONDS, Order, PublishFailed
from limen.adapters.bus.redis import keys as redis_keys
from limen.adapters.bus.redis.keys import DATA, text
from limen.domain.errors import BusUnusable

LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Of one event's data. The server itself takes up to 512 MB in one value, unless it is told less."""

TRANSACTION_BYTES: Final = 4 * 1024 * 1024
"""The data of one transaction, about: so that it is there and confirmed in time."""

log = logging.getLogger("limen.relay")


class RedisPublisher:
    """Implements `Publisher`. What is there already counts as confirmed; `newest` is the id of the newest event."""

    def __init__(self, address: BusAddress, topic: str, stamp: str = "") -> None:
        self.order: Order = "batch"
        self.limit = LIMIT_BYTES
        self._stream = topic
        self._stamp = stamp
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
        self.newest: str | None = None
        self._last = (0, 0)
        self._by_position = True

    async def open(self) -> None:
        """Connects, and looks at what is there. The stream comes into being with its first entry."""
        try:
            self._client = await self._broker.connect()
            async with asyncio.timeout(PUBLISH_SECONDS):
                newest = await self._client.xrevrange(self._stream, count=1)
                ours = bool(newest) and _field(newest[0][1], STAMP) == self._stamp
                self.newest = _attribute(newest[0][1], "id") if ours else None
                self._last = await self._highest()
        except (RedisError, OSError) as error:
            raise PublishFailed(redis_keys.told(error)) from error

    async def _highest(self) -> tuple[int, int]:
        """The highest id the stream ever had; the entry may be gone."""
        try:
            told = await self._client.xinfo_stream(self._stream)
        except ResponseError:
            return (0, 0)  # there is no stream yet
        time, _, part = text(told["last-generated-id"]).partition("-")
        return int(time), int(part)

    async def send(self, envelope: Envelope) -> "asyncio.Future[Any]":
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
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    await self._add(await self._missing(batch))
            except (RedisError, OSError) as error:
                raise PublishFailed(redis_keys.told(error)) from error

    async def close(self) -> None:
        self._client = None
        with suppress(RedisError, OSError):
            await self._broker.stop()

    async def _missing(self, batch: Sequence[Envelope]) -> Sequence[Envelope]:
        """What of a batch is not there yet: as long as ids are positions, the server can be asked."""
        if not self._by_position:
            return batch
        passed = [one for one in batch if (one.position, one.part) <= self._last]
        if passed and not await self._are_there(passed):
            log.warning("'%s' is past an event that is not there: ids are the server's own from here", self._stream)
            self._by_position = False
            return batch
        return batch[len(passed) :]

    async def _are_there(self, envelopes: Sequence[Envelope]) -> bool:
        async with self._client.pipeline(transaction=False) as pipeline:
            for envelope in envelopes:
                place = redis_keys.entry_id(envelope)
                pipeline.xrange(self._stream, min=place, max=place)
            found = await pipeline.execute()
        return all(
            entries and _attribute(entries[0][1], "id") == envelope.id
            for envelope, entries in zip(envelopes, found, strict=True)
        )

    async def _add(self, batch: Sequence[Envelope]) -> None:
        """Adds them in one transaction, if nobody else has added anything since we looked."""
        if not batch:
            return
        async with self._client.pipeline(transaction=True) as pipeline:
            if self._by_position:
                await pipeline.watch(self._stream)
                if await self._highest() != self._last:
                    raise PublishFailed("Redis: somebody else publishes there too")
                pipeline.multi()
            for envelope in batch:
                fields = {**written(envelope), STAMP: self._stamp, DATA: envelope.data}
                place = redis_keys.entry_id(envelope) if self._by_position else "*"
                pipeline.xadd(self._stream, fields, id=place)
            await pipeline.execute()
        if self._by_position:
            self._last = (batch[-1].position, batch[-1].part)


def _attribute(fields: dict[Any, Any], name: str) -> str | None:
    """An attribute of an entry."""
    return _field(fields, f"ce-{name}")


def _field(fields: dict[Any, Any], wanted: str) -> str | None:
    """A field of an entry, as the client gives it."""
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
