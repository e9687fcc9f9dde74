"""A FastStream broker for a bus URL, with the settings under which it loses nothing while a server is away."""

from typing import Any

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.publishing import check_client


def broker_of(url: str) -> Any:
    """A new broker, not connected yet, which logs nothing. Raises `BusUnusable`."""
    address = BusAddress.of(url)
    check_client(address)
    match address.kind:
        case "nats":
            from faststream.nats import NatsBroker

            return NatsBroker(url.split(","), logger=None, max_reconnect_attempts=-1, reconnect_time_wait=1)
        case "rabbit":
            from faststream.rabbit import RabbitBroker

            return RabbitBroker(url, logger=None, reconnect_interval=1.0)
        case "redis":
            from faststream.redis import RedisBroker

            return RedisBroker(url, logger=None)  # type: ignore[arg-type]  # None: it logs nothing
        case "kafka":
            from faststream.kafka import KafkaBroker

            from limen.adapters.bus.kafka.clients import security_of

            return KafkaBroker(address.servers, logger=None, security=security_of(address))
        case _:
            return MemoryBus(url)
