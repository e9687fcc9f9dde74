"""Kafka clients: how they are told of a server, a producer that can be ended, topics that are declared.

A bus URL is `kafka://host:9092,other:9092`. `?tls=on` encrypts, trusting the authorities that the system trusts. With
`user:password@` before the hosts they log in, over TLS unless `?tls=off`, by SASL PLAIN or what `?mechanism=` says
(`SCRAM-SHA-256`, `SCRAM-SHA-512`). For anything else a router takes a FastStream broker made by hand.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # it comes without types
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]  # it comes without types
from aiokafka.errors import (  # type: ignore[import-untyped]  # it comes without types
    ClusterAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    UnsupportedVersionError,
)
from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from limen.adapters.bus.address import BusAddress
from limen.domain.errors import BusUnusable

Settings = Mapping[str, Any]
"""What every client of aiokafka is told: servers, timeouts, security."""

ANSWER_SECONDS: Final = 5.0
"""How long an answer of the server may take."""

_CONSUMERS_ONLY: Final = ("client_rack", "group_instance_id")

_LOGINS: Final = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
_SWITCHES: Final = {"on": True, "off": False}

# The client tells every attempt that failed; where no logging is set up, Python would print them all.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())


def security_of(address: BusAddress) -> BaseSecurity | None:
    """How a URL wants clients to connect; None is in clear. Raises `BusUnusable`, without repeating the URL."""
    parts = urlsplit(address.url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    mechanism, tls = given.pop("mechanism", "PLAIN"), given.pop("tls", "on" if parts.username else "off")
    if given or mechanism not in _LOGINS or tls not in _SWITCHES:
        raise BusUnusable(f"a kafka: URL may end with ?tls=on or off and mechanism={', '.join(_LOGINS)}, nothing else")
    context = ssl.create_default_context() if _SWITCHES[tls] else None
    if parts.username is None:
        return BaseSecurity(ssl_context=context) if context else None
    return _LOGINS[mechanism](unquote(parts.username), unquote(parts.password or ""), ssl_context=context)


def settings_of(address: BusAddress) -> Settings:
    """The settings that a URL means. Raises `BusUnusable`."""
    return {
        "bootstrap_servers": address.servers,
        "client_id": "limen",
        "request_timeout_ms": int(ANSWER_SECONDS * 1000),
        **parse_security(security_of(address)),
    }


def settings_in(builder: Callable[..., Any]) -> Settings:
    """The settings of a FastStream broker: `builder` is what its `connect` gives, a partial of aiokafka's consumer."""
    given: Settings = getattr(builder, "keywords", {})
    return {name: value for name, value in given.items() if name not in _CONSUMERS_ONLY}


async def started(settings: Settings, **options: Any) -> Any:
    """A producer at work, whose events are there once however often it sends them, where the server lets it.

    It answers when all replicas have an event. Raises `KafkaError`, and leaves nothing behind.
    """
    try:
        return await _started(AIOKafkaProducer(**settings, acks="all", enable_idempotence=True, **options))
    except (IncompatibleBrokerVersion, UnsupportedVersionError, ClusterAuthorizationFailedError):
        return await _started(AIOKafkaProducer(**settings, acks="all", **options))


async def _started(producer: Any) -> Any:
    try:
        await producer.start()
    except BaseException:
        await end(producer)
        raise
    return producer


async def end(producer: Any) -> None:
    """Ends a producer together with what it could not deliver.

    Its own `stop` delivers first: for ever, while the server is away. What would be delivered then, after others have
    taken over, would come late.
    """
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            await producer._sender.close()
    await producer.client.close()
    producer._closed = True


@asynccontextmanager
async def producing(settings: Settings, **options: Any) -> AsyncIterator[Any]:
    """A producer for a moment."""
    producer = await started(settings, **options)
    try:
        yield producer
    finally:
        await end(producer)


@asynccontextmanager
async def administering(settings: Settings) -> AsyncIterator[Any]:
    """An admin client for a moment. Raises `KafkaError` where no server can be reached."""
    admin = AIOKafkaAdminClient(**settings)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def declare(settings: Settings, topic: str, *, partitions: int = -1, **configuration: str) -> None:
    """Makes a topic where there is none; one that is there keeps its settings.

    Partitions are as many as the server gives by default, replicas always. A server that lets clients make no topics,
    or only by naming them, is left to that: whoever needs the topic then finds out whether it is there.
    """
    wanted = NewTopic(topic, partitions, -1, replica_assignments={}, topic_configs=configuration)
    async with administering(settings) as admin:
        # AttributeError: aiokafka looks for the controller of a cluster that names none (librdkafka's stand-in)
        with suppress(IncompatibleBrokerVersion, AttributeError):
            await admin.create_topics([wanted], timeout_ms=int(ANSWER_SECONDS * 1000))
