"""Opening a relay: of an engine's own store, or of a store by its URL."""

from collections.abc import Iterator
from contextlib import contextmanager

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.destination import MARK, Destination
from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.memory.publisher import MemoryPublisher
from limen.adapters.bus.publisher import Publisher
from limen.adapters.bus.publishing import publisher_of
from limen.adapters.bus.relay import Relay
from limen.adapters.bus.seat import FileSeat, OwnSeat, PostgresSeat, Seat
from limen.adapters.bus.source import LogSource
from limen.adapters.keyring import Keys
from limen.adapters.store.address import Address
from limen.adapters.store.application import EventLog
from limen.adapters.store.opening import open_application
from limen.adapters.unsealing import Unsealer
from limen.adapters.views.opening import tables_of
from limen.domain.configuration import BusSettings
from limen.domain.errors import BusUnusable


def destination_of(settings: BusSettings) -> Destination:
    """The destination that `limen.yml` describes. Raises `BusUnusable` for what does not exist."""
    try:
        return Destination(
            BusAddress.of(settings.url),
            topic=settings.topic,
            name=settings.name or "",
            format=settings.format,
            personal_data=settings.personal_data,
            types=settings.types,
            flows=settings.flows,
            source=settings.source,
            project=settings.project,
        )
    except ValueError as error:
        raise BusUnusable(f"bus: {error}") from None


@contextmanager
def open_relay(
    store: str,
    destination: Destination,
    *,
    log: EventLog | None = None,
    keys: Keys | None = None,
    bus: MemoryBus | None = None,
    start: int | None = None,
) -> Iterator[Relay]:
    """A relay of the store at a URL; enter it, or await its `run`.

    `log` is the store's own where it is open in this process. `keys` open personal data, where the destination is to
    get it. `bus` is the bus in memory to publish to. `start` sets the position once. Raises `StoreUnusable`,
    `BusUnusable`.
    """
    address = Address.of(store)
    opened = log or open_application(address, create=False)
    try:
        tables = tables_of(address.kind, opened, address)
        try:
            if bus is not None and start is None:
                # what a bus in memory had is gone with its process: it gets what happens from now on
                start = opened.vault.max_notification_id() or 0

            def publisher() -> Publisher:
                return (
                    MemoryPublisher(bus)
                    if bus
                    else publisher_of(destination.address, destination.topic, destination.stamp)
                )

            opener = Unsealer(opened.vault, keys).opener if destination.personal_data else None
            source = LogSource(opened, destination, server=_server(address), opener=opener)
            seat = OwnSeat() if bus is not None else seat_named(address, destination.name)
            yield Relay(source, publisher, destination, tables, seat, start=start)
        finally:
            tables.close()
    finally:
        if log is None:
            opened.close()


def seat_named(address: Address, name: str) -> Seat:
    """The seat of a destination, where all relays of this store look for it."""
    if address.kind == "postgresql":
        return PostgresSeat(address.url, name)
    return FileSeat(address.path, name) if address.kind == "sqlite" else OwnSeat()


def positions(store: str) -> tuple[int, dict[str, int]]:
    """The position of the newest event, and of each destination that was ever relayed to, by name."""
    address = Address.of(store)
    log = open_application(address, create=False)
    try:
        tables = tables_of(address.kind, log, address)
        try:
            found = tables.marks(MARK)
            return log.vault.max_notification_id() or 0, {name.removeprefix(MARK): at for name, at in found.items()}
        finally:
            tables.close()
    finally:
        log.close()


def _server(address: Address) -> str:
    return address.url if address.kind == "postgresql" else ""
