"""Schemas: JSON Schema of events as they are on the bus, each under the name that `dataschema` gives it.

They hold no references, so a schema can be taken out of the page it stands on, and they keep to what the drafts since 7
have in common. Source: JSON Schema 2020-12.
"""

from collections.abc import Mapping
from typing import Any, Final

from limen.adapters.bus import names
from limen.adapters.bus.envelope import sealed_fields
from limen.domain.event import DomainEvent

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PERSONAL: Final = "x-personal-data"
"""Marks the fields that are left out unless the destination gets personal data."""

_STREAM: Final = {
    "originator_id": "The stream the event stands in; the attribute `subject`.",
    "originator_version": "Its place in the stream, from 1; the attribute `sequence`.",
    "timestamp": "When it was recorded, UTC; the attribute `time`.",
}
_LEFT_OUT: Final = ("title", "default", "properties")
_SEALED: Final = (
    "Personal data. Left out by default. Where the destination gets personal data: in clear, or "
    '`{"erased": true}` once the person has been erased.'
)


def bus_schema(event: type[DomainEvent]) -> dict[str, Any]:
    """The schema of an event's data. Every field is there but sealed ones, and those that `omitted` names."""
    model = event.model_json_schema(mode="serialization")
    properties = {name: _inlined(field, model.get("$defs", {})) for name, field in model["properties"].items()}
    for name, text in _STREAM.items():
        properties[name]["description"] = text
    sealed = sealed_fields(event)
    for name in sealed:
        nothing = "" if event.model_fields[name].is_required() else " `null` where there is none."
        properties[name] = {"description": _SEALED + nothing, PERSONAL: True}
    return {
        "$schema": DIALECT,
        "$id": names.schema(event),
        "title": event.__name__,
        "description": " ".join((event.__doc__ or "").split()),
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in sealed],
        "additionalProperties": False,
    }


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The same without references, titles that only repeat a name, and defaults: no field is left out."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    plain = {key: _inlined(part, definitions) for key, part in schema.items() if key not in _LEFT_OUT}
    if "properties" in schema:
        plain["properties"] = {name: _inlined(part, definitions) for name, part in schema["properties"].items()}
        plain["required"] = list(plain["properties"])
    return plain
