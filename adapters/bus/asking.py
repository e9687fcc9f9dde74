"""Asking: opens what hooks over the bus ask by.

Asking needs a bus that brings replies: NATS, RabbitMQ, or the bus in memory. The client of a bus is imported only where
it is used: it is an extra.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Final, Protocol, cast

from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.answers import answer_of
from limen.adapters.bus.asker import ServerAsker
from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.memory.replies import Replies
from limen.domain.action import Action
from limen.domain.configuration import BusSettings, Slot
from limen.domain.errors import ConfigurationInvalid, Fault
from limen.domain.ports import Answer, Asker, CallFailed, Question

_HOMES: Final = {"nats": ("nats", "NatsAsker"), "rabbit": ("aio_pika", "RabbitAsker")}
"""The client a bus needs, and the class that uses it, by the kind of bus; modules are named after the kind."""

_ASKABLE: Final = ("memory", *_HOMES)

log = logging.getLogger("limen.asker")


class Replying(Protocol):
    """A bus in memory: it knows who answers."""

    @property
    def replies(self) -> Replies:
        """Who answers which subject."""


Bus = str | Replying
Hooks = Mapping[Slot, tuple[Action, ...]]


class MemoryAsker:
    """Implements `Asker` within the process."""

    def __init__(self, bus: Replying) -> None:
        self._bus = bus  # held: a bus in memory is gone with its last holder

    async def ask(self, question: Question, *, timeout: float) -> Answer:
        reply = await self._bus.replies.ask(question.subject, question.body, question.headers, timeout)
        return answer_of(reply, {})


def asker_of(bus: Bus | BusSettings | None, hooks: Hooks) -> AbstractAsyncContextManager[Asker | None]:
    """The asker of an engine: for its own hooks, and for those of older configurations that flows are pinned to.

    Raises `ConfigurationInvalid` where there are hooks and no bus to ask over.
    """
    chosen = bus.url if isinstance(bus, BusSettings) else bus
    if chosen is None and hooks:
        why = "hooks: bus needs a bus; give bus in limen.yml, LIMEN_BUS or open_engine(bus=…)"
        raise ConfigurationInvalid([Fault("/hooks", f"limen.yml: {why}")])
    if chosen is None or (isinstance(chosen, str) and not hooks and BusAddress.of(chosen).kind not in _ASKABLE):
        return nullcontext()
    return open_asker(chosen, hooks)


@asynccontextmanager
async def open_asker(bus: Bus, hooks: Hooks | None = None) -> AsyncIterator[Asker]:
    """An asker over a bus, by its URL or as the bus in memory itself.

    `hooks` are what it will ask: their subjects are looked at now. Without any it connects at the first question. A bus
    that is away is no obstacle: hooks fail until it is there. Raises `ConfigurationInvalid`, `BusUnusable`.
    """
    if not isinstance(bus, str):
        yield MemoryAsker(bus)
        return
    address = BusAddress.of(bus)
    if address.kind == "memory":
        yield MemoryAsker(MemoryBus(bus))
        return
    asker = _server_asker(address)
    try:
        if hooks:
            await _look(asker, [action for listed in hooks.values() for action in listed])
        yield asker
    finally:
        await asker.close()


def _server_asker(address: BusAddress) -> ServerAsker:
    if address.kind not in _HOMES:
        raise ConfigurationInvalid([Fault("/bus", "limen.yml: asks need NATS, RabbitMQ or memory:")])
    client, name = _HOMES[address.kind]
    if find_spec(client) is None:
        raise ConfigurationInvalid(
            [Fault("/bus", f"limen.yml: {address.kind} needs its client: pip install 'limen[{address.kind}]'")]
        )
    module = import_module(f"limen.adapters.bus.{address.kind}.asker")
    return cast("ServerAsker", getattr(module, name)(address))


async def _look(asker: ServerAsker, actions: Iterable[Action]) -> None:
    """Refuses a subject that something else would answer on."""
    try:
        await asker.open()
    except CallFailed as failed:
        log.warning("%s; hooks over the bus fail until it is there", failed.detail)
        return
    faults = []
    for action in actions:
        assert action.bus is not None
        stream = await asker.captor(action.bus.subject)
        if stream is not None:
            pointer = f"{action.source.partition('#')[2]}/subject"
            why = f"hook '{action.id}' would be answered by the stream '{stream}', which captures its subject"
            faults.append(Fault(pointer, f"limen.yml: {why}; choose one that no stream captures"))
    if faults:
        raise ConfigurationInvalid(faults)
