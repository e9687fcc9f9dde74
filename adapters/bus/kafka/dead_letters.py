"""Kafka's dead letters: a topic of each group, which keeps the newest record of each key for ever (it is compacted).

The key is a message and the handler that failed on it. A letter that is removed is followed by a record of its key
without a value, which is how Kafka says that something has gone.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from aiokafka import TopicPartition  # type: ignore[import-untyped]  # it comes without types

from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.headers import attributes_of, headers_of
from limen.adapters.bus.kafka.clients import Settings, administering, declare, producing, settings_in

LETTER_BYTES: Final = 64 * 1024 * 1024
"""The largest letter this side would send: what was taken from a server fits back, and the server has its own limit."""

_POLL_MILLISECONDS: Final = 500


class KafkaDeadLetters:
    """The dead letters of a group; `builder` is what a FastStream broker's `connect` gives."""

    def __init__(self, topic: str) -> None:
        self._topic = topic

    async def keep(self, builder: Callable[..., Any], letter: DeadLetter) -> None:
        """Returns when all replicas have it. Raises `KafkaError`."""
        headers = [(name, value.encode()) for name, value in headers_of(letter.headers, "ce_").items()]
        settings = settings_in(builder)
        await declare(settings, self._topic, partitions=1, **{"cleanup.policy": "compact"})
        await self._send(settings, letter, letter.data, headers)

    async def remove(self, builder: Callable[..., Any], letter: DeadLetter) -> None:
        """Returns when all replicas know that it has gone. Raises `KafkaError`."""
        await self._send(settings_in(builder), letter, None, [])

    async def _send(
        self, settings: Settings, letter: DeadLetter, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> None:
        async with producing(settings, max_request_size=LETTER_BYTES) as producer:
            await producer.send_and_wait(self._topic, value, key=_key(letter), headers=headers)

    async def all(self, builder: Callable[..., Any]) -> list[DeadLetter]:
        """Those that were not removed, the oldest first. Raises `KafkaError`."""
        kept: dict[bytes, Any] = {}
        for record in await self._records(builder):
            kept.pop(record.key, None)
            if record.value is not None:
                kept[record.key] = record
        oldest_first = sorted(kept.values(), key=lambda record: record.timestamp)
        return [DeadLetter.of(attributes_of(one.headers), one.value, one.key) for one in oldest_first]

    async def _records(self, builder: Callable[..., Any]) -> list[Any]:
        """All that is in the topic by now, in the order of each partition."""
        async with administering(settings_in(builder)) as admin:
            there = {found["topic"]: found["partitions"] for found in await admin.describe_topics()}
        if self._topic not in there:
            return []
        places = [TopicPartition(self._topic, one["partition"]) for one in there[self._topic]]
        consumer = builder(group_id=None, enable_auto_commit=False, auto_offset_reset="earliest")
        try:
            await consumer.start()
            consumer.assign(places)
            return await _read(consumer, places)
        finally:
            await consumer.stop()


async def _read(consumer: Any, places: list[Any]) -> list[Any]:
    records: list[Any] = []
    ends = await consumer.end_offsets(places)
    left = [place for place in places if await consumer.position(place) < ends[place]]
    while left:
        found = await consumer.getmany(*left, timeout_ms=_POLL_MILLISECONDS)
        records += [record for place in found for record in found[place]]
        left = [place for place in left if await consumer.position(place) < ends[place]]
    return records


def _key(letter: DeadLetter) -> bytes:
    """As it is kept, or as it is to be. What has no id is told by all that it is."""
    if letter.place is not None:
        return bytes(letter.place)
    message = letter.id or hashlib.sha256(repr(sorted(letter.attributes.items())).encode() + letter.data).hexdigest()
    return f"{message} {letter.handler}".encode()
