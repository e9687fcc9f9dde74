"""Which intake a broker takes, told by its class; the client of a bus is imported only where it is used."""

from importlib import import_module
from typing import Any, Final, cast

from limen.adapters.bus.intake import Intake, Receive, Terms
from limen.adapters.bus.memory import MemoryBus

_HOMES: Final = {
    "NatsBroker": ("nats", "NatsIntake"),
    "RabbitBroker": ("rabbit", "RabbitIntake"),
    "RedisBroker": ("redis", "RedisIntake"),
    "KafkaBroker": ("kafka", "KafkaIntake"),
}
"""By the name of FastStream's class, or of one that it derives from."""


def intake_of(broker: Any, terms: Terms, receive: Receive) -> Intake:
    """The intake of a broker. Raises TypeError for what is none."""
    if isinstance(broker, MemoryBus):
        from limen.adapters.bus.memory.intake import MemoryIntake

        return MemoryIntake(broker, terms, receive)
    for kind in type(broker).__mro__:
        if kind.__module__.startswith("faststream.") and kind.__name__ in _HOMES:
            module, name = _HOMES[kind.__name__]
            made = getattr(import_module(f"limen.adapters.bus.{module}.intake"), name)
            return cast("Intake", made(broker, terms, receive))
    known = ", ".join(_HOMES)
    raise TypeError(f"a router takes a FastStream broker ({known}) or a MemoryBus, not {type(broker).__name__}")
