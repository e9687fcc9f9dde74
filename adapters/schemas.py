"""Validates traits against identity schemas, by jsonschema-rs; implements the port `Schemas`.

What a fault is called follows Ory Kratos 26.2: the message ids of its JSON Schema errors, each on the node its pointer
names. Nothing is ever fetched: a reference that leads out of the document is refused when the schema is compiled.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationError, Validator

from limen.domain.identifier import is_phone
from limen.domain.message import Message
from limen.domain.schema_place import EXTENSION
from limen.domain.ui import messages

_EMAIL = jsonschema_rs.EmailOptions(require_tld=False, allow_display_text=False)
_FORMATS: dict[str, Any] = {"tel": is_phone, "no-validate": lambda _: True}
_CHANNEL_FORMAT = {"email": "email", "sms": "tel"}


class SchemaValidator:
    """The identity schemas of one configuration, compiled once. Safe to share between threads."""

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        """Compiles every schema; raises `ValueError` (which names the schema) where one is none: see `schema_fault`."""
        self._validators: dict[str, Validator] = {}
        for name, document in schemas.items():
            try:
                self._validators[name] = _compile(document)
            except ValueError as error:
                raise ValueError(f"identity schema '{name}': {_reason(error)}") from None

    def faults(self, schema_id: str, traits: Any) -> Sequence[Message]:
        """Kratos' messages for what is wrong with the traits, each on its node; empty when nothing is.

        The text of a message about a value carries that value where Kratos' context does, so it is personal data.
        """
        validator = self._validators.get(schema_id)
        if validator is None:
            return (messages.generic("There is no identity schema of that name."),)
        identity = {"traits": traits}
        try:
            if validator.is_valid(identity):
                return ()
            return tuple(_messages(validator.iter_errors(identity)))
        except (ValueError, TypeError, OverflowError, RecursionError):
            # jsonschema-rs cannot take what is no JSON value, is nested beyond reason, or holds a huge number.
            return (messages.generic("These values cannot be read as JSON.", "traits"),)


def schema_fault(document: Any) -> str | None:
    """What is wrong with an identity schema, None when it can be used. For whoever reads a configuration."""
    if not isinstance(document, Mapping):
        return "an identity schema is a JSON object"
    try:
        _compile(document)
    except ValueError as error:
        return _reason(error)
    properties = document.get("properties")
    if not isinstance(properties, Mapping) or not isinstance(properties.get("traits"), Mapping):
        return "an identity schema describes an object with the property 'traits'"
    return None


def _compile(document: Mapping[str, Any]) -> Validator:
    # Kratos reads a schema that names no draft as draft 7.
    build = jsonschema_rs.validator_for if "$schema" in document else jsonschema_rs.Draft7Validator
    return build(_with_formats(document), validate_formats=True, formats=_FORMATS, email_options=_EMAIL, offline=True)


def _with_formats(schema: Any) -> Any:
    """A copy in which an address without a format has that of its channel, as Kratos' extensions assert."""
    if isinstance(schema, list):
        return [_with_formats(inner) for inner in schema]
    if not isinstance(schema, Mapping):
        return schema
    copy = {name: _with_formats(inner) for name, inner in schema.items()}
    extension = schema.get(EXTENSION)
    if isinstance(extension, Mapping) and "format" not in schema:
        for channel in _channels(extension):
            if channel in _CHANNEL_FORMAT:
                copy["format"] = _CHANNEL_FORMAT[channel]
    return copy


def _channels(extension: Mapping[str, Any]) -> Iterator[str]:
    credentials = extension.get("credentials")
    code = credentials.get("code") if isinstance(credentials, Mapping) else None
    for place in (extension.get("verification"), extension.get("recovery"), code):
        via = place.get("via") if isinstance(place, Mapping) else None
        if isinstance(via, str):
            yield via


def _reason(error: ValueError) -> str:
    """The first line says what, the rest quotes the document; nothing of the machine's is in it."""
    lines = str(error).splitlines()
    where = "/".join(str(part) for part in getattr(error, "instance_path", ()))
    return (f"/{where}: " if where else "") + (lines[0].strip() if lines else "it cannot be compiled")


def _messages(errors: Iterator[ValidationError]) -> Iterator[Message]:
    """One message a fault; where the type is wrong already, what else is said of the same place is left out."""
    flat = list(_leaves(errors))
    mistyped = {_place(error) for error in flat if error.kind.name == "type"}
    for error in flat:
        if error.kind.name == "type" or _place(error) not in mistyped:
            yield _message(error)


def _leaves(errors: Iterator[ValidationError]) -> Iterator[ValidationError]:
    """The faults themselves: of alternatives none of which fits, those of each (as Kratos tells them)."""
    for error in errors:
        branches = getattr(error.kind, "context", ()) if error.kind.name in ("anyOf", "oneOf") else ()
        inner = [leaf for branch in branches for leaf in _leaves(iter(branch))]
        # Where more than one alternative fits, none has a fault of its own: the fault is this one.
        yield from inner or [error]


def _place(error: ValidationError) -> tuple[Any, ...]:
    return tuple(error.instance_path)


def _message(error: ValidationError) -> Message:
    kind: Any = error.kind
    value = error.instance
    node = ".".join(str(part) for part in error.instance_path) or None
    if kind.name == "required":
        return messages.required(kind.property, f"{node}.{kind.property}" if node else kind.property)
    if kind.name == "type":
        # Sorted, because the library keeps the types as a set.
        return messages.wrong_type(sorted(kind.types), _type_of(value), node)
    if kind.name == "format":
        return _bad_format(kind.format, value, node)
    if kind.name == "const":
        return _not_constant(kind.expected_value, node)
    bound = _BOUNDS.get(kind.name)
    return bound(kind, value, node) if bound else messages.generic(_GENERIC.get(kind.name, _ANYTHING), node)


def _not_constant(expected: Any, node: str | None) -> Message:
    if isinstance(expected, dict | list):
        return messages.not_constant_generic(node)
    return messages.not_constant(json.dumps(expected), node)


_BOUNDS: Mapping[str, Callable[[Any, Any, str | None], Message]] = {
    "minLength": lambda kind, value, node: messages.too_short(kind.limit, len(value), node),
    "maxLength": lambda kind, value, node: messages.too_long(kind.limit, len(value), node),
    "pattern": lambda kind, _, node: messages.wrong_pattern(kind.pattern, node),
    "minimum": lambda kind, value, node: messages.below_minimum(_plain(kind.limit), _plain(value), node),
    "exclusiveMinimum": lambda kind, value, node: messages.below_exclusive_minimum(
        _plain(kind.limit), _plain(value), node
    ),
    "maximum": lambda kind, value, node: messages.above_maximum(_plain(kind.limit), _plain(value), node),
    "exclusiveMaximum": lambda kind, value, node: messages.above_exclusive_maximum(
        _plain(kind.limit), _plain(value), node
    ),
    "multipleOf": lambda kind, value, node: messages.not_multiple(_plain(kind.multiple_of), _plain(value), node),
    "minItems": lambda kind, value, node: messages.too_few_items(kind.limit, len(value), node),
    "maxItems": lambda kind, value, node: messages.too_many_items(kind.limit, len(value), node),
    "uniqueItems": lambda _, value, node: messages.repeated_items(*_repeated(value), node),
}
_ANYTHING = "This is not as it should be."
_GENERIC = {
    "enum": "This is none of the values to choose from.",
    "additionalProperties": "There is a property here that nobody asked for.",
    "unevaluatedProperties": "There is a property here that nobody asked for.",
    "oneOf": "This fits more than one of the alternatives.",
    "not": "This is what it must not be.",
    "minProperties": "There are too few properties here.",
    "maxProperties": "There are too many properties here.",
    "propertyNames": "A property here has a name it must not have.",
}
_FORMAT_NAME = re.compile(r"[a-z-]+")


def _bad_format(name: str, value: Any, node: str | None) -> Message:
    if name == "email":
        return messages.bad_email(str(value), node)
    if name == "tel":
        return messages.bad_phone(str(value), node)
    known = name if _FORMAT_NAME.fullmatch(name) else "asked for"
    return messages.generic(f"This does not have the format {known}.", node)


def _type_of(value: Any) -> str:
    """JSON's name of a type. A whole number is a `number` too, as Kratos tells it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list | tuple) else "object" if isinstance(value, Mapping) else "number"


def _plain(number: Any) -> Any:
    """A whole number without its decimal point, as JSON encoders of the reference write it."""
    whole = isinstance(number, float) and number.is_integer() and abs(number) < 2**53
    return int(number) if whole else number


def _repeated(items: Sequence[Any]) -> tuple[int, int]:
    """The first two equal items, by position."""
    for second, item in enumerate(items):
        for first in range(second):
            if items[first] == item and isinstance(items[first], bool) == isinstance(item, bool):
                return first, second
    return -1, -1
