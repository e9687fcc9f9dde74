"""given / when / then for aggregates: the events so far, one command, the events or the error it gives.

::

    given(initiated, event(FlowOpened)).when(
        lambda flow: flow.fire("submit", NOON, method="password")
    ).then(event(MethodSubmitted, method="password"))

    given(initiated).when(lambda flow: flow.fire("complete", NOON)).then_raises(IllegalTrigger)

Everything runs for real: the aggregate is folded from the events given, and the command is called once.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, overload
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.event import DomainEvent

A = TypeVar("A", bound=Aggregate)
E = TypeVar("E", bound=DomainEvent)
X = TypeVar("X", bound=BaseException)

STREAM = UUID(int=0xA, version=4)
"""The stream of given events that do not name theirs."""
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The time of given events that do not name theirs."""

_FILLED: dict[str, Any] = {"originator_id": STREAM, "originator_version": 1, "timestamp": START}
"""The envelope of an event that says nothing of it."""


def event(event_type: type[E], **fields: Any) -> E:
    """An event without the parts of its envelope (`originator_id`, `originator_version`, `timestamp`) not named here.

    `given` fills those in; `then` does not compare them. All else is validated and compared, defaults included.
    """
    valid = event_type.model_validate(_FILLED | fields)
    made = valid.model_copy()
    made.__pydantic_fields_set__.intersection_update(fields)
    for name in _FILLED.keys() - fields.keys():
        vars(made).pop(name)
    return made


@overload
def given(*events: DomainEvent, of: type[A], id: UUID | None = None) -> "Given[A]": ...
@overload
def given(*events: DomainEvent, of: None = None, id: UUID | None = None) -> "Given[Any]": ...
def given(*events: DomainEvent, of: type[A] | None = None, id: UUID | None = None) -> "Given[Any]":
    """What has happened so far in one stream, oldest first.

    The aggregate is `of`, which also tells type checkers what the command is given, or else the one that stands in the
    same file as the first event. Without events `of` is needed. The stream's id is `id`, or the one the events name,
    or `STREAM`. Raises `ValueError` when the events are of several streams, leave out a version, or no class is told.
    """
    stream = id or next((one.originator_id for one in events if "originator_id" in dict(one)), STREAM)
    history = tuple(_completed(events, stream))
    return Given(of or _aggregate_of(events), stream, history)


class Given(Generic[A]):
    """A history; `when` says what is asked of it. Made by `given`."""

    def __init__(self, aggregate: type[A], stream: UUID, history: tuple[DomainEvent, ...]) -> None:
        self._aggregate = aggregate
        self._stream = stream
        self._history = history

    def when(self, command: Callable[[A], object]) -> "When[A]":
        """What is asked: a callable that gets the aggregate folded from the history. It is called by `then…`."""
        return When(self._aggregate.replay(self._stream, self._history), command)


class When(Generic[A]):
    """A command about to be called; `then` or `then_raises` calls it and says what must come of it."""

    def __init__(self, aggregate: A, command: Callable[[A], object]) -> None:
        self._aggregate = aggregate
        self._command = command

    def then(self, *expected: DomainEvent | type[DomainEvent]) -> A:
        """Exactly these events are recorded, in this order; none means nothing happened. Returns the aggregate.

        An event class stands for any event of exactly that type. Of an event made by `event`, only what it says of
        its envelope is compared; one made by its class is compared whole. Raises `AssertionError` with both lists
        otherwise; an error of the command itself comes through as it is.
        """
        __tracebackhide__ = True
        self._command(self._aggregate)
        recorded = tuple(self._aggregate.pending)
        same = len(recorded) == len(expected) and all(map(_matches, expected, recorded))
        if not same:
            raise AssertionError(_difference(expected, recorded))
        return self._aggregate

    def then_raises(self, error: type[X] | X, match: str | None = None) -> X:
        """The command raises this error and nothing happens: no event, the same version. Returns the error raised.

        A class takes its subclasses too; an instance must be of the same class, with the same text. `match` is a
        regular expression searched for in the text. Raises `AssertionError` otherwise; an error of another class comes
        through as it is.
        """
        __tracebackhide__ = True
        wanted: type[X] = error if isinstance(error, type) else type(error)
        version = self._aggregate.version
        try:
            self._command(self._aggregate)
        except wanted as raised:
            _check_text(raised, error, match)
            if self._aggregate.pending or self._aggregate.version != version:
                raise AssertionError(f"{wanted.__name__} was raised, and yet {self._listed()} was recorded") from raised
            return raised
        raise AssertionError(f"no {wanted.__name__} was raised; recorded: {self._listed()}")

    def _listed(self) -> str:
        return ", ".join(type(one).__name__ for one in self._aggregate.pending) or "nothing"


def _completed(events: tuple[DomainEvent, ...], stream: UUID) -> Iterator[DomainEvent]:
    """The events with the missing parts of their envelopes: one stream, versions without a gap."""
    for version, one in enumerate(events, 1):
        missing = _FILLED | {"originator_id": stream, "originator_version": version}
        whole = one.model_copy(update={name: value for name, value in missing.items() if name not in dict(one)})
        if (whole.originator_id, whole.originator_version) != (stream, version):
            raise ValueError(
                f"given: {type(one).__name__} is version {whole.originator_version} of stream {whole.originator_id};"
                f" here version {version} of stream {stream} is due"
            )
        yield whole


def _aggregate_of(events: tuple[DomainEvent, ...]) -> type[Aggregate]:
    """The one aggregate that stands in the same file as the first event, or in the one whose events that file holds."""
    if not events:
        raise ValueError("given: there are no events; say whose they would be by `of=`")
    module = type(events[0]).__module__.removesuffix("_events")
    found = [
        one
        for one in vars(importlib.import_module(module)).values()
        if isinstance(one, type) and issubclass(one, Aggregate) and one.__module__ == module
    ]
    if len(found) != 1:
        raise ValueError(f"given: {len(found)} aggregates stand beside {type(events[0]).__name__}; say which by `of=`")
    return found[0]


def _matches(expected: DomainEvent | type[DomainEvent], recorded: DomainEvent) -> bool:
    if isinstance(expected, type):
        return type(recorded) is expected
    told = dict(expected)
    return type(recorded) is type(expected) and told == {name: value for name, value in recorded if name in told}


def _check_text(raised: BaseException, error: object, match: str | None) -> None:
    __tracebackhide__ = True
    if not isinstance(error, type) and (type(raised) is not type(error) or str(raised) != str(error)):
        raise AssertionError(f"expected {error!r}, raised was {raised!r}") from raised
    if match is not None and not re.search(match, str(raised)):
        raise AssertionError(f"{match!r} is not in the text of {raised!r}") from raised


def _difference(expected: tuple[DomainEvent | type[DomainEvent], ...], recorded: tuple[DomainEvent, ...]) -> str:
    """Both lists side by side; of a recorded event as much of the envelope as its counterpart names."""
    lines = ["the events differ"]
    for number in range(max(len(expected), len(recorded))):
        wish = expected[number] if number < len(expected) else None
        fact = recorded[number] if number < len(recorded) else None
        same = wish is not None and fact is not None and _matches(wish, fact)
        lines.append(f"{number + 1}. expected {_shown(wish)}" + (" - as recorded" if same else ""))
        if not same:
            lines.append(f"   recorded {_shown(fact, wish)}")
    return "\n".join(lines)


def _shown(one: DomainEvent | type[DomainEvent] | None, beside: object = None) -> str:
    if one is None:
        return "nothing"
    if isinstance(one, type):
        return f"any {one.__name__}"
    hidden = _FILLED.keys() - dict(beside).keys() if isinstance(beside, DomainEvent) else frozenset()
    fields = ", ".join(f"{name}={value!r}" for name, value in one if name not in hidden)
    return f"{type(one).__name__}({fields})"
