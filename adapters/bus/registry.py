"""Registry: the handlers of a consumer group, and which of them an event is for.

The rule is that of the configuration: `after` with a method overrides the default of its flow, never merged with it.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, get_type_hints

from limen.adapters.bus import names
from limen.adapters.bus.contract.catalogue import kinds_of, published
from limen.adapters.bus.message import Message
from limen.domain.configuration import FlowKind, Slot
from limen.domain.event import DomainEvent
from limen.domain.flow_events import FlowCompleted, FlowInitiated
from limen.domain.precedence import choose
from limen.domain.slot_names import slot_of

TAKES: Final = ("event", "message", "tx")
"""What a handler may name."""

Function = Callable[..., Any]


class Exactly(Protocol):
    """What `once=` takes: `limen.adapters.bus.Once`, or something that keeps its promise."""

    def check(self, is_async: bool) -> None:
        """Raises TypeError where a handler of that kind cannot use it."""

    async def run(
        self, group: str, handler: str, message_id: str, call: Callable[[Any], Any], *, is_async: bool
    ) -> bool:
        """Calls once for this id, in a transaction; says whether it called."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A handler. `takes` are the names it asks for, `place` is `login.after.oidc` and the like, or an event's name."""

    id: str
    place: str
    function: Function
    takes: frozenset[str]
    once: Exactly | None

    @property
    def is_async(self) -> bool:
        """Whether it is awaited; a plain function runs in a thread."""
        candidates = (self.function, inspect.unwrap(self.function), getattr(self.function, "__call__", None))  # noqa: B004 - of an object
        return any(map(inspect.iscoroutinefunction, candidates))


class Registry:
    """Handlers by slot and by event."""

    def __init__(self) -> None:
        self._slots: dict[Slot, list[Registered]] = {}
        self._events: dict[str, list[Registered]] = {}

    def add_slot(self, slot: Slot, function: Function, id: str | None, once: Exactly | None) -> None:
        """For the beginning (`before`) or the completion (`after`) of a flow."""
        event = FlowInitiated if slot.phase == "before" else FlowCompleted
        self._add(self._slots.setdefault(slot, []), str(slot), event, function, id, once)

    def add_event(self, event: type[DomainEvent], function: Function, id: str | None, once: Exactly | None) -> None:
        """For every event of a type. Raises ValueError for what is no event of limen."""
        if not isinstance(event, type) or published().get(event.__name__) is not event:
            name = getattr(event, "__name__", repr(event)[:80])
            raise ValueError(f"{name} is no event that limen publishes; give a class of limen.domain.events")
        self._add(self._events.setdefault(event.__name__, []), event.__name__, event, function, id, once)

    def _add(
        self,
        listed: list[Registered],
        place: str,
        event: type[DomainEvent],
        function: Function,
        id: str | None,
        once: Exactly | None,
    ) -> None:
        name = id or f"{_module(function)}.{getattr(function, '__qualname__', repr(function))}"
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{name} contains yield: it would be made, and never run")
        handler = Registered(name, place, function, _takes(function, event, name), once)
        if "tx" in handler.takes and once is None:
            raise TypeError(f"{name} takes a transaction: register it with once=Once(…)")
        if once is not None:
            once.check(handler.is_async)
        if any(other.id == name for other in listed):
            raise ValueError(f"a handler '{name}' is registered for {place} already; give one of them another id")
        listed.append(handler)

    def of(self, message: Message) -> tuple[Registered, ...]:
        """The handlers that a message is for."""
        return (*self._slotted(message), *self._events.get(message.event, ()))

    def _slotted(self, message: Message) -> tuple[Registered, ...]:
        if message.flow is None or message.event not in ("FlowInitiated", "FlowCompleted"):
            return ()
        if message.flow not in tuple(FlowKind):
            return ()  # a kind of flow that only a newer limen knows
        kind = FlowKind(message.flow)
        if message.event == "FlowInitiated":
            return tuple(self._slots.get(Slot(kind, "before"), ()))
        own = {slot.method: listed for slot, listed in self._slots.items() if _after(slot, kind) and slot.method}
        return choose(self._slots.get(Slot(kind, "after"), ()), own, message.method)[0]

    def find(self, place: str, id: str) -> Registered | None:
        """A handler by where it stands and its id."""
        return next((one for one in self.handlers if one.place == place and one.id == id), None)

    @property
    def handlers(self) -> tuple[Registered, ...]:
        """All of them."""
        return tuple(one for listed in (*self._slots.values(), *self._events.values()) for one in listed)

    @property
    def roster(self) -> str:
        """What the routers of a group must agree on: `place=id` of every handler, sorted."""
        return ", ".join(sorted(f"{one.place}={one.id}" for one in self.handlers))

    def subjects(self, topic: str) -> list[str]:
        """The subjects that there are handlers for, sorted."""
        wanted = {
            (str(slot.flow), "FlowInitiated" if slot.phase == "before" else "FlowCompleted") for slot in self._slots
        }
        for name in self._events:
            wanted |= {(kind, name) for kind in kinds_of(published()[name])}
        return sorted(names.subject(topic, kind, name) for kind, name in wanted)


def _module(function: Function) -> str:
    """The module of a handler, by the same name however it was started: `python crm.py` or imported as `crm`."""
    module = str(getattr(function, "__module__", ""))
    if module != "__main__":
        return module
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    return str(spec.name) if spec is not None else Path(file).stem if file else module


def _after(slot: Slot, kind: FlowKind) -> bool:
    return slot.flow is kind and slot.phase == "after"


def _takes(function: Function, event: type[DomainEvent], name: str) -> frozenset[str]:
    """The names a handler asks for. Raises TypeError where it asks for another, or for another event."""
    parameters = list(inspect.signature(function).parameters.values())
    for one in parameters:
        if one.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
            raise TypeError(f"{name} takes anything; a handler names what it takes: {', '.join(TAKES)}")
        if one.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise TypeError(f"{name} takes '{one.name}' by place alone; handlers are given {', '.join(TAKES)} by name")
        if one.name not in TAKES and one.default is inspect.Parameter.empty:
            raise TypeError(f"{name} asks for '{one.name}'; a handler takes {', '.join(TAKES)}")
    taken = frozenset(one.name for one in parameters if one.name in TAKES)
    try:
        hint = get_type_hints(function).get("event")
    except Exception:  # a hint that cannot be resolved here is nobody's mistake: it is not looked at
        hint = None
    if isinstance(hint, type) and issubclass(hint, DomainEvent) and not issubclass(event, hint):
        raise TypeError(f"{name} is annotated for {hint.__name__}, but is given {event.__name__}")
    return taken


__all__ = ["Exactly", "Registered", "Registry", "slot_of"]
