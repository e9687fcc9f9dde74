"""The events: one table a stream, and a JSON Schema each."""

import json
from collections.abc import Mapping
from typing import Any

from limen.adapters.reference.markdown import page, sentence, table
from limen.domain.events import EVENT_TYPES, DomainEvent

_OWN = "limen.domain."
_ENVELOPE = """What every event has: `originator_id` (the stream), `originator_version` (its place in the stream, from
1) and `timestamp` (UTC). A field that is sealed stands as `{"sealed": …, "key": …}`: it opens with a key that is thrown
away when the person is erased. Names and fields are the storage format; a changed event counts its version up."""


def stored() -> Mapping[str, type[DomainEvent]]:
    """limen's own events by name, in order of stream and then of their definition."""
    own = [item for item in EVENT_TYPES.items() if item[1].__module__.startswith(_OWN)]
    return dict(sorted(own, key=lambda item: item[1].stream))


def event_schemas() -> dict[str, str]:
    """The JSON Schema of each event as it is written, as text."""
    return {name: json.dumps(_schema(event), indent=2, ensure_ascii=False) + "\n" for name, event in stored().items()}


def events_page() -> str:
    """All events, by stream."""
    parts = [_ENVELOPE]
    for stream in dict.fromkeys(event.stream for event in stored().values()):
        rows = [
            [f"[`{name}`](events/{name}.json)", str(event.class_version), _fields(event), sentence(event.__doc__)]
            for name, event in stored().items()
            if event.stream == stream
        ]
        parts.append(f"## {stream.capitalize()}")
        parts.append(table(["event", "version", "fields", "meaning"], rows))
    return page("Events", *parts)


def _fields(event: type[DomainEvent]) -> str:
    own = [name for name in event.model_fields if name not in DomainEvent.model_fields]
    return ", ".join(f"`{name}`" for name in own)


def _schema(event: type[DomainEvent]) -> dict[str, Any]:
    schema = event.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{event.__name__}.json",
        "x-stream": event.stream,
        "x-version": event.class_version,
        **schema,
    }
