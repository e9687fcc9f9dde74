"""The brokers that the tests of the bus run on: each answers, and its own ones keep what they have acknowledged."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aio_pika
import nats
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]  # it comes without types
from nats.aio.client import Client as Nats
from redis.asyncio import Redis

from tests.support.brokers import (
    OwnServer,
    kafka_url,
    nats_url,
    own_kafka,
    own_nats,
    own_rabbit,
    own_redis,
    rabbit_url,
    redis_url,
)
from tests.support.own_server import HOST, new_home, running

ROOT = Path(__file__).parents[2]
NAME = f"limen_test_{uuid4().hex}"
"""Of streams and queues, which a shared server may have for longer than this test."""


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def listens(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port_of(url))) == 0


def wait_until(holds: Callable[[], bool]) -> None:
    """Waits; a test that waits for ever is ended by its timeout."""
    while not holds():
        time.sleep(0.02)


@contextlib.asynccontextmanager
async def jetstream(url: str) -> AsyncIterator[Nats]:
    client = await nats.connect(url)
    try:
        yield client
    finally:
        await client.close()


async def put_nats(url: str) -> None:
    async with jetstream(url) as client:
        await client.jetstream().add_stream(name=NAME, subjects=[NAME])
        await client.jetstream().publish(NAME, b"kept")


async def got_nats(url: str) -> bytes | None:
    async with jetstream(url) as client:
        message = await client.jetstream().get_msg(NAME, 1)
        await client.jetstream().delete_stream(NAME)
        return message.data


async def put_redis(url: str) -> None:
    async with Redis.from_url(url) as client:
        await client.xadd(NAME, {"data": b"kept"}, id="1-0")


async def got_redis(url: str) -> bytes | None:
    async with Redis.from_url(url) as client:
        found: Any = await client.xrange(NAME)
        await client.delete(NAME)
        [(_, fields)] = found
        return bytes(fields[b"data"])


async def put_rabbit(url: str) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.declare_queue(NAME, durable=True)
        message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, NAME, mandatory=True)


async def got_rabbit(url: str) -> bytes | None:
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).declare_queue(NAME, durable=True)
        message = await queue.get(no_ack=True)
        await queue.delete()
        return message.body


async def put_kafka(url: str) -> None:
    servers = url.removeprefix("kafka://")
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(NAME, b"kept", key=b"a")


async def got_kafka(url: str) -> bytes | None:
    options = {"bootstrap_servers": url.removeprefix("kafka://"), "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(NAME, group_id=NAME, enable_auto_commit=False, **options) as consumer:
        message = await consumer.getone()
        await consumer.commit()
        assert await consumer.committed(TopicPartition(NAME, message.partition)) == message.offset + 1
        return bytes(message.value)


Put = Callable[[str], Awaitable[None]]
Got = Callable[[str], Awaitable[bytes | None]]


@pytest.mark.parametrize(
    ("found", "put", "got"),
    [
        pytest.param(nats_url, put_nats, got_nats, id="nats"),
        pytest.param(redis_url, put_redis, got_redis, id="redis"),
        pytest.param(rabbit_url, put_rabbit, got_rabbit, id="rabbit"),
        pytest.param(kafka_url, put_kafka, got_kafka, id="kafka"),
    ],
)
async def test_a_shared_server_takes_a_message_and_gives_it_back(found: Callable[[], str], put: Put, got: Got) -> None:
    await put(found())
    assert await got(found()) == b"kept"


@pytest.mark.parametrize(
    ("own", "put", "got"),
    [
        pytest.param(own_nats, put_nats, got_nats, id="nats"),
        pytest.param(own_redis, put_redis, got_redis, id="redis"),
        pytest.param(own_rabbit, put_rabbit, got_rabbit, id="rabbit"),
    ],
)
async def test_what_was_acknowledged_outlives_the_server_s_kill(
    own: Callable[[], AbstractContextManager[OwnServer]], put: Put, got: Got
) -> None:
    with own() as server:
        url, home = server.url, server.home
        await put(url)
        server.kill()
        assert not listens(url)
        server.start()
        assert (server.url, await got(server.url)) == (url, b"kept")
    assert not home.exists()


async def test_the_mock_cluster_keeps_its_messages_over_an_outage_and_has_the_partitions_it_is_told() -> None:
    with own_kafka() as cluster:
        cluster.create_topic(NAME, 1)
        await put_kafka(cluster.url)
        cluster.kill()
        assert not listens(cluster.url)
        cluster.start()
        async with AIOKafkaProducer(bootstrap_servers=cluster.url.removeprefix("kafka://")) as producer:
            assert await producer.partitions_for(NAME) == {0}
        assert await got_kafka(cluster.url) == b"kept"


def test_another_process_reaches_the_mock_cluster() -> None:
    source = "import asyncio, sys; from tests.contracts.test_brokers_are_real import put_kafka as put; "
    source += "asyncio.run(put(sys.argv[1]))"
    with own_kafka() as cluster:
        subprocess.run([sys.executable, "-c", source, cluster.url], cwd=ROOT, check=True, timeout=60)


def test_an_own_server_does_not_outlive_the_process_that_started_it() -> None:
    source = """
from tests.support.brokers import own_redis
with own_redis() as server:
    print(server.url, server.home, flush=True)
    input()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", source], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        url, home = process.stdout.readline().split()
        process.kill()
    wait_until(lambda: not Path(home).exists() and not listens(url))


def test_a_server_that_does_not_come_up_says_what_its_log_says() -> None:
    home = new_home("none")
    command = ["/bin/sh", "-c", "echo no room on this ship; exit 3"]
    server = OwnServer("A server", "none:", home, command, answers=lambda: False)
    with (
        pytest.raises(RuntimeError, match=r"A server ended with code 3; its log ends:\nno room on this ship"),
        running(server),
    ):
        pass
    assert not home.exists()


def test_an_own_server_may_be_stopped_and_started_and_ended_more_than_once() -> None:
    with own_redis() as server:
        for end in (server.stop, server.kill):
            end()
            end()
            server.start()
        assert server.log().count("Ready to accept connections") == 3
