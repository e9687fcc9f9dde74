"""Python handlers: actions written by the embedding application.

A handler takes ONE frozen context and answers nothing (continue), `Modify` or `Interrupt`. Handlers of a slot are
resolved among themselves by the same rule as configured actions: those of a method override the default ones.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from limen.domain.answer import Interruption, node_of, read_messages
from limen.domain.configuration import Slot
from limen.domain.document import Document, thaw
from limen.domain.errors import LimenError
from limen.domain.message import Message, MessageType
from limen.domain.placement import TRIGGERS, named_slots
from limen.domain.precedence import Resolved, choose_listed
from limen.domain.slot_names import parse_slot, slot_of

When = Literal["before_commit", "after_commit", "delivery"]
REPLACEABLE = (
    "traits",
    "schema_id",
    "state",
    "verifiable_addresses",
    "recovery_addresses",
    "metadata_public",
    "metadata_admin",
    "external_id",
)


class ActionContext(Document):
    """What an action is given: the keys of `ctx` as attributes, frozen; what does not apply is None.

    `flow`, `identity`, `session`, `previous_identity` (settings, after), `request_headers`, `request_cookies`,
    `request_method`, `request_url`. Source of the keys: Ory's pages on webhooks, and what Kratos was seen to send.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Modify:
    """Replaces each given part of the identity WHOLE; later handlers see the result, which is validated.

    Outside registration and settings it raises.
    """

    changes: Mapping[str, Any] = field(repr=False)

    def __init__(self, **changes: Any) -> None:
        unknown = [name for name in changes if name not in REPLACEABLE]
        if unknown:
            raise TypeError(f"Modify takes {', '.join(REPLACEABLE)}; not {', '.join(unknown)}")
        object.__setattr__(self, "changes", {name: thaw(value) for name, value in changes.items()})


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stops the flow: its user sees `messages` and may submit again (a `before` interruption rejects the flow)."""

    messages: tuple[Message, ...]

    def __init__(self, messages: Sequence[Message | Mapping[str, Any]]) -> None:
        """`messages` as `Message`, or as a web hook would answer them: `{"instance_ptr": …, "messages": […]}`."""
        if not messages:
            raise ValueError("an interruption needs a message for the user")
        told: list[Message] = []
        for one in messages:
            told += read_messages({"messages": [thaw(one)]}) if isinstance(one, Mapping) else [one]
        object.__setattr__(self, "messages", tuple(told))

    @classmethod
    def field(
        cls,
        pointer: str,
        text: str,
        *,
        id: int,
        type: MessageType = "error",
        context: Mapping[str, Any] | None = None,
    ) -> "Interrupt":
        """One message on the field that `pointer` names (`#/traits/email`)."""
        return cls([Message(id, text, type, context, node_of(pointer))])

    @classmethod
    def flow(
        cls,
        text: str,
        *,
        id: int,
        type: MessageType = "error",
        context: Mapping[str, Any] | None = None,
    ) -> "Interrupt":
        """One message on the flow itself."""
        return cls([Message(id, text, type, context)])

    def verdict(self) -> Interruption:
        """The same as the answer of a web hook would say it."""
        return Interruption(self.messages)


Said = Modify | Interrupt | None
Handler = Callable[[ActionContext], Awaitable[Said] | Said]


@dataclass(frozen=True, slots=True)
class RegisteredHandler:
    """A handler and how it was registered. `timeout` in seconds; `pure`: nothing leaves the process through it."""

    id: str
    function: Handler
    when: When = "before_commit"
    timeout: float = 30.0
    pure: bool = False
    slots: tuple[Slot, ...] = ()

    @property
    def is_async(self) -> bool:
        """Whether it is awaited; a plain `def` runs in a thread."""
        return inspect.iscoroutinefunction(self.function)


class HandlersSealed(LimenError):
    """A handler was registered after the first flow had begun: register them right after opening the engine."""

    id = "handlers_sealed"


class Actions:
    """The handlers of an application. `before`, `after` and `named` are decorators."""

    def __init__(self, base: "Actions | None" = None) -> None:
        self._base = base
        self._slots: dict[Slot, list[RegisteredHandler]] = {}
        self._named: dict[str, RegisteredHandler] = {}
        self._sealed = False

    def before(
        self,
        flow: str,
        *,
        when: When = "before_commit",
        timeout: float = 30.0,
        id: str | None = None,
        pure: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Runs when a flow of this kind starts; an interruption rejects it."""
        return self._decorator(slot_of(flow, "before", None), when, timeout, id, pure)

    def after(
        self,
        flow: str,
        *,
        method: str | None = None,
        when: When | None = None,
        timeout: float = 30.0,
        id: str | None = None,
        pure: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Runs after a submission of this flow was accepted: for one `method`, or by default for all others.

        `login_failed` and `logout` are told afterwards: what stands there is delivered, and changes nothing.
        """
        slot = slot_of(flow, "after", method)
        return self._decorator(slot, when or usual(slot), timeout, id, pure)

    def named(
        self,
        name: str,
        *,
        slots: Sequence[str],
        when: When = "before_commit",
        timeout: float = 30.0,
        pure: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Makes `hook: <name>` known to the configuration, in these slots (`login.before`, `login.after.password`).

        In `login.failed` and `logout`, the triggers of `limen.yml`, only with `when="delivery"`. Raises ValueError for
        a slot in which no list can stand: recovery and verification have one list each.
        """
        named_slots(slots)
        places = tuple(map(parse_slot, slots))
        check_terms(when, timeout, places)

        def register(function: Handler) -> Handler:
            self._check_open()
            if name in self._named:
                raise ValueError(f"a handler named '{name}' is registered already")
            self._named[name] = RegisteredHandler(name, function, when, timeout, pure, places)
            return function

        return register

    def _decorator(
        self, slot: Slot, when: When, timeout: float, id: str | None, pure: bool
    ) -> Callable[[Handler], Handler]:
        check_terms(when, timeout, (slot,))

        def register(function: Handler) -> Handler:
            self._check_open()
            listed = self._slots.setdefault(slot, [])
            name = id or f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
            if any(handler.id == name for handler in listed):
                raise ValueError(f"a handler '{name}' is registered for {slot} already; give one of them another id")
            listed.append(RegisteredHandler(name, function, when, timeout, pure, (slot,)))
            return function

        return register

    def _check_open(self) -> None:
        if self._sealed:
            raise HandlersSealed("handlers are registered before the first flow begins, not after it")

    @property
    def sealed(self) -> bool:
        """Whether the first flow has begun, and with it all handlers are known."""
        return self._sealed

    def seal(self) -> None:
        """From here on nothing can be registered: handlers are part of the configuration flows are pinned to."""
        if self._base is not None and not self._sealed:
            for slot, handlers in self._base._slots.items():
                self._slots[slot] = [*handlers, *self._slots.get(slot, ())]
            self._named = {**self._base._named, **self._named}
        self._sealed = True

    def extended(self) -> "Actions":
        """These handlers and room for more: what one engine works with, so that several can share these."""
        return Actions(self)

    def of(self, slot: Slot) -> Resolved[RegisteredHandler]:
        """The handlers of a slot, the method's if there is one, else the default's; and which of them it was."""
        return choose_listed(self._slots, slot)

    def by_name(self, name: str) -> RegisteredHandler | None:
        """The handler a configuration's `hook: name` means."""
        return self._named.get(name)

    def find(self, id: str, slot: str | None) -> RegisteredHandler | None:
        """A handler by its id in the slot it was registered for; without a slot, by its name."""
        if slot is None:
            return self._named.get(id)
        return next((handler for handler in self._slots.get(parse_slot(slot), ()) if handler.id == id), None)

    @property
    def hooks(self) -> dict[str, tuple[str, ...]]:
        """The named ones and where they may stand, for the configuration's check."""
        known = {**(self._base._named if self._base else {}), **self._named}
        return {name: tuple(map(str, handler.slots)) for name, handler in known.items()}

    @property
    def ids(self) -> tuple[str, ...]:
        """`slot=id` of every handler, sorted: part of the configuration's hash."""
        listed = [f"{slot}={handler.id}" for slot, handlers in self._slots.items() for handler in handlers]
        return tuple(sorted([*listed, *(f"hook={name}" for name in self._named)]))


def usual(slot: Slot) -> When:
    """When a handler runs that does not say so: what stands in a trigger is always delivered."""
    return "delivery" if slot in TRIGGERS else "before_commit"


def check_terms(when: str, timeout: float, slots: Sequence[Slot] = ()) -> None:
    """Refuses what would switch a handler off without a word. Raises ValueError."""
    if when not in get_args(When):
        raise ValueError(f"when='{when}' is not known; it is one of {', '.join(get_args(When))}")
    told = next((slot for slot in slots if slot in TRIGGERS), None)
    if told is not None and when != "delivery":
        raise ValueError(f"{told} is told afterwards: a handler there is registered with when='delivery'")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
        raise ValueError("timeout is a positive number of seconds")
