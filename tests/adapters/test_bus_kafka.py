"""What is particular to Kafka when publishing: records as others read them, outages, URLs."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from confluent_kafka import Consumer

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.kafka import publisher as publishing_to_kafka
from limen.adapters.bus.kafka.clients import security_of, settings_of
from limen.adapters.bus.kafka.publisher import KafkaPublisher
from limen.adapters.bus.publisher import PublishFailed
from limen.domain.errors import BusUnusable
from tests.support.brokers import OwnKafka, kafka_url, own_kafka
from tests.support.bus import new_topic, publish, publishing, revoked, until
from tests.support.kafka_records import (
    CLUSTER_AUTHORIZATION_FAILED,
    INIT_PRODUCER_ID,
    OUT_OF_ORDER_SEQUENCE_NUMBER,
    PRODUCE,
    everything,
    refuse,
    servers,
)
from tests.support.own_server import free_port


@pytest.fixture
def cluster() -> Iterator[OwnKafka]:
    with own_kafka() as cluster:
        yield cluster


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """Confirmations are waited for no longer than this, in seconds."""
    monkeypatch.setattr(publishing_to_kafka, "PUBLISH_SECONDS", 0.3)
    return 0.3


async def test_key_headers_and_value_are_as_the_binding_says() -> None:
    url, topic, stream = kafka_url(), new_topic(), uuid4()
    envelope = revoked(topic, stream, 7)
    async with publishing(url, topic) as publisher:
        await publish(publisher, [envelope])
    (record,) = await everything(url, topic)
    assert record.key == str(stream).encode()
    assert record.value == envelope.data
    assert dict(record.headers) == {
        "content-type": b"application/json",
        **{f"ce_{name}": value.encode() for name, value in envelope.attributes.items()},
    }


async def test_the_cloudevents_sdk_reads_what_confluent_s_client_brings() -> None:
    url, topic, stream = kafka_url(), new_topic(), uuid4()
    async with publishing(url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, 1)])
    consumer = Consumer({"bootstrap.servers": servers(url), "group.id": topic, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        record = await asyncio.to_thread(consumer.poll, 30.0)
    finally:
        consumer.close()
    assert record is not None
    assert record.error() is None
    headers, value = dict(record.headers() or []), record.value()
    assert value is not None
    event = from_binary_event(KafkaMessage(headers, record.key(), value))  # type: ignore[arg-type]  # all are bytes
    assert (event.get_id(), event.get_type()) == (f"{stream}:1", "limen.session.revoked")
    assert event.get_extension("partitionkey") == str(stream)


async def test_a_stream_is_in_one_partition_in_its_order_and_streams_are_spread() -> None:
    url, topic, streams = kafka_url(), new_topic(), [uuid4() for _ in range(20)]
    async with publishing(url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, version) for version in range(1, 6) for stream in streams])
    records = await everything(url, topic)
    for stream in streams:
        own = [one for one in records if one.key == str(stream).encode()]
        assert len({one.partition for one in own}) == 1
        assert [int(dict(one.headers)["ce_sequence"]) for one in own] == [1, 2, 3, 4, 5]
    assert len({one.partition for one in records}) > 1


async def test_an_outage_is_told_in_time_and_makes_no_copies(cluster: OwnKafka, quick: float) -> None:
    topic, streams = new_topic(), [uuid4() for _ in range(3)]
    async with publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, streams[0], 1)])
        cluster.kill()
        first = revoked(topic, streams[0], 2)
        for _ in range(2):
            with pytest.raises(PublishFailed, match=r"^Kafka: no confirmation in time$"):
                await (await publisher.send(first))
        rest = [revoked(topic, stream, version) for stream in streams for version in (3, 4)]
        going = asyncio.create_task(publish(publisher, [first, *rest]))
        await asyncio.sleep(4 * quick)
        cluster.start()
        await going
    ids = Counter(dict(one.headers)["ce_id"].decode() for one in await everything(cluster.url, topic))
    assert ids == {f"{streams[0]}:1": 1, first.id: 1, **{one.id: 1 for one in rest}}


async def test_where_no_server_is_opening_fails_without_saying_where_and_works_when_it_is_there(
    cluster: OwnKafka,
) -> None:
    topic = new_topic()
    publisher = KafkaPublisher(BusAddress.of(cluster.url), topic)
    cluster.kill()
    with pytest.raises(PublishFailed) as failed:
        await publisher.open()
    assert str(failed.value) == "Kafka: KafkaConnectionError"
    with pytest.raises(PublishFailed, match=r"^Kafka: not connected$"):
        await publisher.send(revoked(topic, uuid4(), 1))
    cluster.start()
    await publisher.open()
    await publisher.open()
    await (await publisher.send(revoked(topic, uuid4(), 1)))
    await publisher.close()
    await publisher.close()


async def test_one_of_several_servers_is_enough(cluster: OwnKafka) -> None:
    topic = new_topic()
    async with publishing(f"kafka://127.0.0.1:{free_port()},{servers(cluster.url)}", topic) as publisher:
        await publish(publisher, [revoked(topic, uuid4(), 1)])


async def test_closing_while_the_server_is_away_does_not_wait_for_it(cluster: OwnKafka) -> None:
    topic = new_topic()
    publisher = KafkaPublisher(BusAddress.of(cluster.url), topic)
    await publisher.open()
    cluster.kill()
    confirmed = await publisher.send(revoked(topic, uuid4(), 1))
    async with asyncio.timeout(30):
        await publisher.close()
    assert confirmed.cancelled()
    cluster.start()
    await asyncio.sleep(0.5)  # nothing is left that would send it now
    assert await everything(cluster.url, topic) == []


async def test_a_server_that_lets_nobody_be_idempotent_is_published_to_without(cluster: OwnKafka) -> None:
    topic, stream = new_topic(), uuid4()
    refuse(cluster, INIT_PRODUCER_ID, CLUSTER_AUTHORIZATION_FAILED)
    async with publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, stream, version) for version in (1, 2, 3)])
    assert len(await everything(cluster.url, topic)) == 3


async def test_a_producer_that_the_server_has_done_with_is_replaced(cluster: OwnKafka) -> None:
    topic, streams = new_topic(), [uuid4() for _ in range(5)]
    async with publishing(cluster.url, topic) as publisher:
        await publish(publisher, [revoked(topic, streams[0], 1)])
        refuse(cluster, PRODUCE, OUT_OF_ORDER_SEQUENCE_NUMBER)
        with pytest.raises(PublishFailed, match=r"^Kafka: OutOfOrderSequenceNumber$"):
            await (await publisher.send(revoked(topic, streams[0], 2)))
        refuse(cluster, PRODUCE, OUT_OF_ORDER_SEQUENCE_NUMBER)
        await publish(publisher, [revoked(topic, stream, version) for version in (2, 3) for stream in streams])
    records = await everything(cluster.url, topic)
    assert len(records) == 11
    own = [int(dict(one.headers)["ce_sequence"]) for one in records if one.key == str(streams[0]).encode()]
    assert own == [1, 2, 3]


async def test_the_largest_event_that_is_allowed_goes_through() -> None:
    url, topic = kafka_url(), new_topic()
    async with publishing(url, topic) as publisher:
        envelope = revoked(topic, uuid4(), 1)
        large = type(envelope)(
            envelope.position, envelope.stream, envelope.subject, envelope.attributes, b"x" * publisher.limit
        )
        await publish(publisher, [large, revoked(topic, uuid4(), 1)])
    assert max(len(one.value) for one in await everything(url, topic)) == publisher.limit


async def test_closing_and_opening_again_publishes_on() -> None:
    url, topic, stream = kafka_url(), new_topic(), uuid4()
    publisher = KafkaPublisher(BusAddress.of(url), topic)
    for version in (1, 2):
        await publisher.open()
        await publish(publisher, [revoked(topic, stream, version)])
        await publisher.close()
    assert len(await everything(url, topic)) == 2


# -- URLs


@pytest.mark.parametrize(
    ("url", "protocol", "mechanism"),
    [
        ("kafka://a:9092,b:9093", "PLAINTEXT", None),
        ("kafka://a:9092?tls=on", "SSL", None),
        ("kafka://me:s%40cret@a:9092,b:9093", "SASL_SSL", "PLAIN"),
        ("kafka://me:s%40cret@a:9092,b:9093?mechanism=SCRAM-SHA-512", "SASL_SSL", "SCRAM-SHA-512"),
        ("kafka://me:s%40cret@a:9092,b:9093?tls=off&mechanism=SCRAM-SHA-256", "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    ],
)
def test_a_url_says_how_to_connect(url: str, protocol: str, mechanism: str | None) -> None:
    settings = settings_of(BusAddress.of(url))
    assert settings["bootstrap_servers"] in (["a:9092"], ["a:9092", "b:9093"])
    assert settings.get("security_protocol", "PLAINTEXT") == protocol
    assert settings.get("sasl_mechanism") == mechanism
    if mechanism:
        assert (settings["sasl_plain_username"], settings["sasl_plain_password"]) == ("me", "s@cret")
    if protocol.endswith("SSL"):
        assert settings["ssl_context"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("query", ["?tls=perhaps", "?mechanism=MAGIC", "?acks=1", "?tls"])
def test_what_a_url_may_not_say_is_refused_without_repeating_it(query: str) -> None:
    with pytest.raises(BusUnusable, match=r"tls=on or off and mechanism=PLAIN") as refused:
        security_of(BusAddress.of(f"kafka://me:secret@a:9092{query}"))
    assert "secret" not in str(refused.value)


async def test_confirmations_given_up_are_not_kept(cluster: OwnKafka, quick: float) -> None:
    topic = new_topic()
    publisher = KafkaPublisher(BusAddress.of(cluster.url), topic)
    await publisher.open()
    for version in range(1, 4):
        await (await publisher.send(revoked(topic, uuid4(), version)))
    await until(lambda: not publisher._deadlines)
    assert not publisher._under_way
    await publisher.close()
