"""Envelope: a recorded event as a CloudEvent 1.0 in binary mode, and back.

Attributes are kept without a prefix here; each bus writes them its own way (`ce-` headers, on Kafka `ce_`). Source of
the names: CloudEvents 1.0.2, its extensions `sequence` and `partitioning`, and the rules of limen's bus for the others.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson

from limen.adapters.bus import names
from limen.adapters.bus.about import About
from limen.domain.event import EVENT_TYPES, DomainEvent
from limen.domain.sealed import Sealed, Shown

CONTENT_TYPE: Final = "application/json"
SOURCE: Final = "/limen"
DIGITS: Final = 10
"""Of `sequence`: padded so that it sorts as text."""

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

Opener = Callable[[Mapping[str, Any]], Any]
"""Opens a sealed field: its value in clear, or `{"erased": true}`."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event on its way. `attributes` are the CloudEvents ones, `data` is JSON, `subject` where it goes."""

    position: int
    stream: str
    subject: str
    attributes: Mapping[str, str]
    data: bytes = field(repr=False)
    part: int = 0
    """Which of several that one event of the log gave."""

    @property
    def id(self) -> str:
        """What it is deduplicated by: `<stream>:<version>`."""
        return self.attributes["id"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of the log as the relay reads it: `fields` are plain JSON values, sealed ones still sealed."""

    position: int
    stream: str
    version: int
    type: str
    time: str
    fields: dict[str, Any] = field(repr=False)


def seal(fact: Fact, about: About, *, topic: str, source: str, opener: Opener | None) -> Envelope:
    """The event's envelope. Personal data is in it only with an `opener`; else its fields are left out."""
    event = EVENT_TYPES[fact.type]
    kind = about.kind if event.stream == "flow" and about.kind else event.stream
    attributes = {
        "specversion": "1.0",
        "id": f"{fact.stream}:{fact.version}",
        "source": source,
        "type": names.event_type(kind, fact.type),
        "subject": fact.stream,
        "time": fact.time,
        "dataschema": names.schema(event),
        "sequence": f"{fact.version:0{DIGITS}}",
        "partitionkey": fact.stream,
        "position": str(fact.position),
    }
    own = {"flow": about.kind, "method": about.method, "phase": about.phase, "configuration": about.configuration}
    attributes |= {name: value for name, value in own.items() if value is not None}
    data = {"originator_id": fact.stream, "originator_version": fact.version, "timestamp": fact.time, **fact.fields}
    for name in sealed_fields(event):
        if data.get(name) is None:
            continue
        if opener is None:
            del data[name]
        else:
            data[name] = opener(data[name])
    return Envelope(fact.position, fact.stream, names.subject(topic, kind, fact.type), attributes, orjson.dumps(data))


def reduced(envelope: Envelope, limit: int) -> Envelope:
    """The same event without its largest fields, so that its data fits into `limit` bytes; `omitted` names them.

    A bus refuses what is too large, and one event must not stop all that follow it.
    """
    data: dict[str, Any] = orjson.loads(envelope.data)
    kept = {"originator_id", "originator_version", "timestamp"}
    omitted: list[str] = []
    while len(orjson.dumps(data)) > limit and data.keys() - kept:
        largest = max(data.keys() - kept, key=lambda name: len(orjson.dumps(data[name])))
        del data[largest]
        omitted.append(largest)
    attributes = {**envelope.attributes, "omitted": ",".join(sorted(omitted))}
    return replace(envelope, attributes=attributes, data=orjson.dumps(data))


class Unreadable(ValueError):
    """A message that is no event of limen, or one this version cannot read; the text quotes nothing of it."""


class Unknown(Unreadable):
    """An event of a newer limen that this version has no name for: no handler here can be meant."""


def event_of(attributes: Mapping[str, str], data: bytes) -> DomainEvent:
    """The event again, typed. What was left out or shown in clear stands as `Shown`. Raises `Unreadable`."""
    event, version = _model(attributes)
    try:
        fields = orjson.loads(data)
        if not isinstance(fields, dict):
            raise Unreadable("the data is no JSON object")
        for step in range(version, event.class_version):
            getattr(event, f"upcast_v{step}_v{step + 1}")(fields)
        for name in sealed_fields(event):
            if name not in fields or fields[name] is not None:
                fields[name] = _shown(fields.get(name))
        return event.model_validate(fields)
    except Unreadable:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # what a step meets in a foreign message too
        raise Unreadable(f"the data does not fit {event.__name__}: {type(error).__name__}") from None


def event_class(attributes: Mapping[str, str]) -> type[DomainEvent]:
    """Which event a message carries, by its `dataschema`. Raises `Unreadable`."""
    return _model(attributes)[0]


def _model(attributes: Mapping[str, str]) -> tuple[type[DomainEvent], int]:
    parts = attributes.get("dataschema", "").split(":")
    if len(parts) != 4 or parts[:2] != ["urn", "limen"] or not _VERSION.fullmatch(parts[3]):
        raise Unreadable("there is no dataschema urn:limen:<Event>:<version>")
    event, version = EVENT_TYPES.get(parts[2]), int(parts[3])
    if event is None:
        raise Unknown("the event is of a newer limen, and unknown here")
    if version > event.class_version:
        raise Unreadable("the event is of a newer limen: update this consumer")
    return event, version


def _shown(value: Any) -> Shown:
    return Shown(erased=True) if value == {"erased": True} else Shown(value=value)


@lru_cache
def sealed_fields(event: type[DomainEvent]) -> tuple[str, ...]:
    """The fields in which personal data is sealed."""
    return tuple(name for name, info in event.model_fields.items() if info.annotation in (Sealed, Sealed | None))


def stream_of(attributes: Mapping[str, str]) -> UUID:
    """The stream an event stands in. Raises `Unreadable`."""
    try:
        return UUID(attributes["subject"])
    except (KeyError, ValueError):
        raise Unreadable("the subject is no stream's id") from None
