"""A consumer that knows nothing of limen but its AsyncAPI document: every name it uses comes from there.

`python -I independent.py URL DOCUMENT COUNT [CHANNEL]` prints `ready` when nothing that is published can escape it any
more, then a JSON line for each event, all or those of one channel, until it has seen COUNT of them. It imports the raw
client of the bus alone, and nothing of limen.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

GROUP = "independent"
PAUSE = 0.05

Found = tuple[dict[str, str], str | None, bytes]
"""An event as it came: its headers, the type of its data where that is none of them, and its data."""


class Contract:
    """What the document says of one server, and of one channel."""

    def __init__(self, path: str, protocol: str, channel: str | None) -> None:
        self.document = json.loads(Path(path).read_text())
        (server,) = [one for one in self.document["servers"].values() if one["protocol"] == protocol]
        self.names: Mapping[str, Any] = server["x-limen"]
        self.prefix: str = self.names["attributes"]
        self.channel = self.document["channels"][channel] if channel else None
        self.group = f"{GROUP}-{channel.replace('.', '-')}" if channel else GROUP
        schema = self.document["components"]["schemas"][self.names["headers"].rpartition("/")[2]]
        self.required: list[str] = schema["required"]

    @property
    def address(self) -> str | None:
        """What a server that filters by name is asked for; None is everything."""
        return self.channel["address"] if self.channel else None

    def wants(self, headers: Mapping[str, str]) -> bool:
        """Whether an event is of the channel, where the server cannot tell."""
        return self.channel is None or headers[f"{self.prefix}type"] == self.channel["title"]

    def told(self, found: Found) -> dict[str, Any]:
        """The event, after a look whether it has what the document promises."""
        headers, content, data = found
        missing = [name for name in self.required if name not in headers]
        assert not missing, f"the document promises {missing}"
        return {"headers": headers, "content": content, "data": data.decode()}


async def nats(url: str, contract: Contract) -> AsyncIterator[Found]:
    import nats
    from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
    from nats.js.errors import NotFoundError

    client = await nats.connect(url)
    stream, subject = contract.names["stream"], contract.address or contract.names["subjects"]
    config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, deliver_policy=DeliverPolicy.ALL, max_ack_pending=1)
    ready()
    while True:
        try:
            subscription = await client.jetstream().pull_subscribe(subject, contract.group, stream, config)
            break
        except NotFoundError:  # nobody has published yet: the stream comes with the first who does
            await asyncio.sleep(PAUSE)
    while True:
        try:
            (message,) = await subscription.fetch(1, timeout=1)
        except TimeoutError:
            continue
        yield dict(message.headers or {}), None, message.data
        await message.ack_sync()


async def amqp(url: str, contract: Contract) -> AsyncIterator[Found]:
    import aio_pika

    names = contract.names
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        exchange = await channel.declare_exchange(names["exchange"], names["exchangeType"], durable=names["durable"])
        queue = await channel.declare_queue(contract.group, durable=True, arguments={"x-single-active-consumer": True})
        await queue.bind(exchange, contract.address or names["bindingKey"])
        ready()
        async with queue.iterator() as messages:
            async for message in messages:
                headers = {name: str(value) for name, value in message.headers.items()}
                yield headers, message.content_type, message.body
                await message.ack()


async def redis(url: str, contract: Contract) -> AsyncIterator[Found]:
    from redis.asyncio import Redis

    key, field = contract.names["key"], contract.names["data"]
    async with Redis.from_url(url) as client:
        await client.xgroup_create(key, contract.group, "0", mkstream=True)
        ready()
        while True:
            answer: Any = await client.xreadgroup(contract.group, "one", {key: ">"}, count=1, block=1000)
            for _, entries in answer or ():
                for entry, fields in entries:
                    texts = {name.decode(): value for name, value in fields.items()}
                    data = texts.pop(field)
                    yield {name: value.decode() for name, value in texts.items()}, None, data
                    await client.xack(key, contract.group, entry)


async def kafka(url: str, contract: Contract) -> AsyncIterator[Found]:
    from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]  # it comes without types

    consumer = AIOKafkaConsumer(
        contract.names["topic"],
        bootstrap_servers=url.removeprefix("kafka://"),
        group_id=contract.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
    )
    await consumer.start()
    ready()
    try:
        async for record in consumer:
            headers = {name: value.decode() for name, value in record.headers}
            assert record.key.decode() == headers[contract.prefix + contract.names["key"]]
            yield headers, None, record.value
            await consumer.commit()
    finally:
        await consumer.stop()


def ready() -> None:
    print("ready", flush=True)


async def main(url: str, path: str, count: str, channel: str | None = None) -> None:
    protocol = url.partition(":")[0]
    contract = Contract(path, protocol, channel)
    events = {"nats": nats, "amqp": amqp, "redis": redis, "kafka": kafka}[protocol](url, contract)
    seen: set[str] = set()
    async for found in events:
        name = found[0][f"{contract.prefix}id"]
        if contract.wants(found[0]) and name not in seen:
            seen.add(name)
            print(json.dumps(contract.told(found)), flush=True)
        if len(seen) == int(count):
            return


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
