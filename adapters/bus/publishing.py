"""Which publisher a bus takes. The client of a bus is imported only where it is used: it is an extra."""

from importlib import import_module
from importlib.util import find_spec
from typing import Final, cast

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.publisher import Publisher
from limen.domain.errors import BusUnusable

_HOMES: Final = {
    "nats": ("nats", "NatsPublisher"),
    "rabbit": ("aio_pika", "RabbitPublisher"),
    "redis": ("redis", "RedisPublisher"),
    "kafka": ("aiokafka", "KafkaPublisher"),
}
"""The client a bus needs, and the class that uses it, by the kind of bus; modules are named after the kind."""


def publisher_of(address: BusAddress, topic: str, stamp: str = "") -> Publisher:
    """The publisher of a bus with servers; `stamp` is the destination's, by which it knows its own events again.

    Raises `BusUnusable` where its client is not installed."""
    check_client(address)
    _, name = _HOMES[address.kind]
    module = import_module(f"limen.adapters.bus.{address.kind}.publisher")
    return cast("Publisher", getattr(module, name)(address, topic, stamp))


def check_client(address: BusAddress) -> None:
    """Raises `BusUnusable` where the client that a bus needs is not installed."""
    client, _ = _HOMES.get(address.kind, ("", ""))
    if client and find_spec(client) is None:
        raise BusUnusable(f"{address.kind} needs its client: pip install 'limen[{address.kind}]'")
