"""Between events and their bytes.

A stored event is the name of its class (the topic) and compact JSON of its fields without the two that have columns
of their own, `originator_id` and `originator_version`. Classes above version 1 write `"class_version":N` first; what an
older version wrote goes through `upcast_vN_vN+1(state)`, one static method per step, before it is validated.
"""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

import orjson
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, MapperDeserialisationError, StoredEvent
from pydantic import ValidationError

from limen.domain.events import EVENT_TYPES, DomainEvent  # from there, so that every event is known to who reads a log

_COLUMNS = {"originator_id", "originator_version"}


class EventMapper(Mapper[UUID]):
    """The pydantic mapper. Errors name the event, its stream and version, and never what is in it."""

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """The event as it is stored."""
        event = cast("DomainEvent", domain_event)
        return StoredEvent(event.originator_id, event.originator_version, *self.columns(event))

    def columns(self, event: DomainEvent) -> tuple[str, bytes]:
        """Topic and state of an event."""
        kind = type(event)
        state: bytes = kind.__pydantic_serializer__.to_json(event, exclude=_COLUMNS)
        if kind.class_version > 1:
            state = b'{"class_version":%d,%b' % (kind.class_version, state[1:])
        return kind.__name__, state

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEvent:
        """The event again. Raises `MapperDeserialisationError`."""
        originator = stored_event.originator_id
        name = originator.hex if isinstance(originator, UUID) else originator
        return self.event(name, stored_event.originator_version, stored_event.topic, stored_event.state)

    def event(self, stream: str, version: int, topic: str, state: bytes) -> DomainEvent:
        """The event from its columns, `stream` in any text form of a UUID: the way to read many, fast."""
        try:
            kind = EVENT_TYPES[topic]
            if kind.class_version > 1:
                state = _current(kind, state)
            # The columns are spliced in front of the JSON: one pass of the validator makes the whole event.
            event: DomainEvent = kind.__pydantic_validator__.validate_json(
                b'{"originator_id":"%b","originator_version":%d,%b' % (stream.encode(), version, state[1:])
            )
        except KeyError:
            raise self.unknown(topic, stream, version) from None
        except ValueError as error:
            raise _unreadable(topic, stream, version, error) from None
        return event

    def state(self, stream: str, version: int, topic: str, state: bytes) -> dict[str, Any]:
        """The fields as plain JSON values, brought up to the current class version but not validated."""
        kind = EVENT_TYPES.get(topic)
        if kind is None:
            raise self.unknown(topic, stream, version)
        try:
            return cast("dict[str, Any]", orjson.loads(_current(kind, state) if kind.class_version > 1 else state))
        except ValueError as error:
            raise _unreadable(topic, stream, version, error) from None

    @staticmethod
    def unknown(topic: str, stream: str, version: int) -> MapperDeserialisationError:
        """The error for a type of event this version of limen does not know."""
        return MapperDeserialisationError(
            f"unknown event type '{topic}' (stream {stream}, version {version}): written by a newer limen, or by an "
            "application whose event classes are not imported here"
        )


def topics(kind: str | None = None, type: str | None = None) -> list[str] | None:
    """The event types of one kind of stream, or one type by name; None is all of them.

    Raises `ValueError` for a kind or type that does not exist; an empty list means that nothing can match both.
    """
    if kind is None and type is None:
        return None
    if type is not None and type not in EVENT_TYPES:
        raise ValueError(f"there is no event type '{type}'")
    names = [name for name, event in EVENT_TYPES.items() if kind is None or event.stream == kind]
    if not names:
        raise ValueError(f"there is no kind of stream '{kind}'; known are {', '.join(sorted(_kinds()))}")
    return [name for name in names if type is None or name == type]


def _kinds() -> Iterable[str]:
    return {event.stream for event in EVENT_TYPES.values()}


class _NotUpcast(ValueError):
    """A state that is not what its class version wrote: no step can bring it up."""


def _current(kind: type[DomainEvent], state: bytes) -> bytes:
    """The state without its class version, upcast to the present one."""
    prefix = b'{"class_version":%d,' % kind.class_version
    if state.startswith(prefix):
        return b"{" + state[len(prefix) :]
    fields = orjson.loads(state)
    try:
        for version in range(fields.pop("class_version", 1), kind.class_version):
            getattr(kind, f"upcast_v{version}_v{version + 1}")(fields)
    except (LookupError, TypeError, AttributeError):
        raise _NotUpcast from None
    return orjson.dumps(fields)


def _unreadable(topic: str, stream: str, version: int, error: ValueError) -> MapperDeserialisationError:
    """Says which fields do not fit, from pydantic's error where there is one, without their values."""
    faults = error.errors(include_input=False, include_url=False) if isinstance(error, ValidationError) else []
    places = ", ".join("/".join(map(str, fault["loc"])) or "/" for fault in faults)
    places = places or ("not what its version wrote" if isinstance(error, _NotUpcast) else "no JSON")
    return MapperDeserialisationError(f"event '{topic}' (stream {stream}, version {version}) cannot be read: {places}")
