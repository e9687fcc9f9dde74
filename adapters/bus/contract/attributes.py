"""Attributes: what each of an event's attributes says, and the schema of the headers they become.

Source: CloudEvents 1.0.2, its extensions `sequence` and `partitioning`, and the rules of limen's bus for the others.
"""

from dataclasses import dataclass, field
from typing import Any, Final, get_args

from limen.adapters.bus.envelope import CONTENT_TYPE, DIGITS, SOURCE
from limen.domain.configuration import FlowKind, Phase

_ID: Final = {"type": "string", "format": "uuid"}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: `always` there or not, what it says, and what its text looks like."""

    name: str
    text: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    always: bool = True


ATTRIBUTES: Final = (
    Attribute("specversion", "The version of CloudEvents.", {"type": "string", "const": "1.0"}),
    Attribute(
        "id",
        "`<stream>:<version>`: the same however often the event comes. What a consumer deduplicates by.",
        {"type": "string", "pattern": "^[0-9a-f-]{36}:[1-9][0-9]*$"},
    ),
    Attribute(
        "source",
        f"Which log it comes from: `{SOURCE}`, unless the destination was given another.",
        {"type": "string", "format": "uri-reference"},
    ),
    Attribute(
        "type",
        "`limen.<kind>.<fact>`: what happened. The kind is the flow's (`login`), else that of the stream (`session`).",
        {"type": "string", "pattern": r"^limen\.[a-z_]+\.[a-z_]+$"},
    ),
    Attribute("subject", "The id of the stream the event stands in.", _ID),
    Attribute("time", "When it was recorded: RFC 3339, UTC.", {"type": "string", "format": "date-time"}),
    Attribute(
        "dataschema",
        "`urn:limen:<Event>:<version>`: the schema of the data. An event that changes gets a higher version.",
        {"type": "string", "pattern": "^urn:limen:[A-Za-z]+:[1-9][0-9]*$"},
    ),
    Attribute(
        "sequence",
        f"The event's place in its stream, from 1 without gaps; {DIGITS} digits, so that it sorts as text.",
        {"type": "string", "pattern": f"^[0-9]{{{DIGITS}}}$"},
    ),
    Attribute("partitionkey", "The stream again: what keeps together belongs to one partition.", _ID),
    Attribute(
        "position",
        "Its place in the whole log. It rises; numbers may be missing.",
        {"type": "string", "pattern": "^[1-9][0-9]*$"},
    ),
    Attribute(
        "flow",
        "The kind of flow it belongs to, whatever stream it stands in.",
        {"type": "string", "enum": [kind.value for kind in FlowKind]},
        always=False,
    ),
    Attribute("method", "The method of the flow by then: `password`, `code`, `oidc` …", always=False),
    Attribute(
        "phase",
        "On which side of the threshold: of the flow, or of the action the event is about. What "
        "tells of a failed login or of a logout says `failed` or `logout`.",
        {"type": "string", "enum": list(get_args(Phase))},
        always=False,
    ),
    Attribute("configuration", "The version of the configuration that decided.", _ID, always=False),
    Attribute(
        "omitted",
        "Names of fields, with commas between them, that were left out because the event was too large for the bus.",
        always=False,
    ),
)
"""All attributes, in the order in which they are written."""

CONTENT: Final = Attribute(
    "content-type",
    "The type of the data. On RabbitMQ it is the message's property `content_type`, everywhere else a header.",
    {"type": "string", "const": CONTENT_TYPE},
)
"""The one header that is written without a prefix."""


def headers_schema(prefix: str) -> dict[str, Any]:
    """The schema of the headers of any event, on buses that write attributes with this prefix."""
    headers = {f"{prefix}{one.name}": {**one.schema, "description": one.text} for one in ATTRIBUTES}
    headers[CONTENT.name] = {**CONTENT.schema, "description": CONTENT.text}
    required = [f"{prefix}{one.name}" for one in ATTRIBUTES if one.always]
    return {"type": "object", "properties": headers, "required": required}
