"""Kafka as others see it: records, committed offsets, and refusals of the mock cluster."""

import asyncio
import ctypes
from typing import Any, Final

from aiokafka import (  # type: ignore[import-untyped]  # it comes without types
    AIOKafkaConsumer,
    AIOKafkaProducer,
    TopicPartition,
)

from tests.support.kafka_server import OwnKafka

PRODUCE: Final = 0
INIT_PRODUCER_ID: Final = 22
"""Kinds of request, by their numbers in Kafka's protocol."""

CLUSTER_AUTHORIZATION_FAILED: Final = 31
OUT_OF_ORDER_SEQUENCE_NUMBER: Final = 45
"""Errors, likewise."""


def servers(url: str) -> str:
    """What the clients of Kafka take instead of a URL."""
    return url.removeprefix("kafka://")


async def everything(url: str, topic: str) -> list[Any]:
    """All records of a topic by now, partition by partition, as a consumer without limen reads them."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers(url), auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        ends, records = await consumer.end_offsets(places), []
        for place in places:
            while await consumer.position(place) < ends[place]:
                records += [one for found in (await consumer.getmany(place, timeout_ms=200)).values() for one in found]
        return records
    finally:
        await consumer.stop()


async def committed(url: str, topic: str, group: str = "crm", partition: int = 0) -> int:
    """How far a group has come in a partition: the offset of the next record."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers(url), group_id=f"{topic}.{group}", enable_auto_commit=False)
    await consumer.start()
    try:
        return await consumer.committed(TopicPartition(topic, partition)) or 0
    finally:
        await consumer.stop()


async def until_committed(url: str, topic: str, offset: int) -> None:
    """Waits until the group `crm` has come that far in the first partition."""
    for _ in range(1000):
        if await committed(url, topic) >= offset:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"{await committed(url, topic)} of {offset} committed")


async def put(url: str, topic: str, *records: tuple[bytes | None, list[tuple[str, bytes]]]) -> None:
    """Writes records of somebody else: value and headers."""
    async with AIOKafkaProducer(bootstrap_servers=servers(url)) as producer:
        for value, headers in records:
            await producer.send_and_wait(topic, value, key=b"somebody", headers=headers)


def refuse(cluster: OwnKafka, request: int, error: int) -> None:
    """The cluster answers the next request of a kind with an error."""
    errors = (ctypes.c_int * 1)(error)
    cluster._library.rd_kafka_mock_push_request_errors_array(
        cluster._cluster, ctypes.c_int16(request), ctypes.c_size_t(1), errors
    )
