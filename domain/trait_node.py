"""The field of a form that stands for one trait, as the identity schema describes it.

Which input type, attributes and label a subschema gives is Ory Kratos' rule (26.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limen.domain.message import Message

_INPUT_TYPES = {"string": "text", "number": "number", "integer": "number", "boolean": "checkbox", "array": "text"}
_FORMATS = {
    "date-time": ("datetime-local", None),
    "email": ("email", "email"),
    "tel": ("tel", "tel"),
    "date": ("date", None),
    "uri": ("url", "url"),
}
_OPTIONS = 500
"""How many choices of an `enum` a form shows at most."""


@dataclass(frozen=True, slots=True)
class TraitNode:
    """One field of a form: its name (`traits.name.first`), HTML input type and the attributes Kratos gives it."""

    name: str
    type: str
    required: bool = False
    title: str = ""
    autocomplete: str | None = None
    pattern: str | None = None
    options: tuple[Any, ...] = ()

    @property
    def label(self) -> Message | None:
        """Message 1070002, where the trait has a title."""
        return generated_label(self.name, self.title) if self.title else None

    def attributes(self) -> dict[str, Any]:
        """The static attributes of its node, in Kratos' order, a fresh dict."""
        attributes: dict[str, Any] = {"name": self.name, "type": self.type}
        if self.required:
            attributes["required"] = True
        if self.autocomplete:
            attributes["autocomplete"] = self.autocomplete
        if self.pattern:
            attributes["pattern"] = self.pattern
        attributes["disabled"] = False
        if self.options:
            attributes["options"] = [{"value": option} for option in self.options]
        attributes["node_type"] = "input"
        return attributes


def generated_label(name: str, title: str) -> Message:
    """The label of a field that comes from a schema (1070002): the schema's own title."""
    return Message(1070002, title, "info", {"name": name, "title": title})


def type_of(schema: Mapping[str, Any]) -> str | None:
    """The one JSON type of a subschema (`const` counts), None where there is none or several."""
    if "const" in schema:
        return _type_of_value(schema["const"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return str(kind[0]) if len(kind) == 1 else None
    return kind if isinstance(kind, str) else None


def _type_of_value(value: Any) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if value is not None else None


def trait_node(name: str, schema: Mapping[str, Any], *, required: bool) -> TraitNode | None:
    """The field of a trait; None for objects, lists of objects, and what has no one type."""
    kind = type_of(schema)
    if kind not in _INPUT_TYPES or (kind == "array" and _holds_objects(schema.get("items"))):
        return None
    input_type, autocomplete = _FORMATS.get(schema.get("format", ""), (_INPUT_TYPES[kind], None))
    title, pattern, options = schema.get("title"), schema.get("pattern"), schema.get("enum")
    return TraitNode(
        name=name,
        type=input_type,
        required=required,
        title=title if isinstance(title, str) else "",
        autocomplete=autocomplete,
        pattern=pattern if isinstance(pattern, str) else None,
        options=tuple(options[:_OPTIONS]) if isinstance(options, list) else (),
    )


def _holds_objects(items: Any) -> bool:
    return isinstance(items, Mapping) and type_of(items) in ("object", "array")
