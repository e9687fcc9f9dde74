"""Turns what an HTML form sends into the JSON a client of the API would have sent.

A form knows only texts under dotted names (`traits.name.first=Ada`, `traits.age=33`); the identity schema knows the
types. The rules are those of Ory Kratos' form decoder: an empty text counts as not given, of a name that comes several
times the first counts (for a checkbox the last), and what does not read as its type stays a text, so that validation
can say so.
"""

import re
from collections.abc import Mapping
from typing import Any

from limen.domain.identity_schema import IdentitySchema

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True", "on"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False", "off"})
_NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")
_NOTHING = object()


def truthy(value: Any) -> bool:
    """Whether a button was pressed: `true` in a JSON body, one of Go's words for it in a form."""
    return value is True or (isinstance(value, str) and value in _TRUE)


def decode_form(values: Mapping[str, Any], schema: Mapping[str, Any] | IdentitySchema) -> dict[str, Any]:
    """The values with `traits.…` names made into one typed `traits` object; everything else as it is.

    Values are texts, or lists of texts where a name came more than once. A JSON body, which has no such names, passes
    through unchanged. The result is a new mapping. Names the schema does not know keep their text, for validation.
    """
    dotted = {name: value for name, value in values.items() if name.startswith("traits.")}
    decoded = {name: value for name, value in values.items() if name not in dotted}
    if not dotted:
        return decoded
    known = IdentitySchema.of(schema)
    traits = decoded.get("traits")
    traits = dict(traits) if isinstance(traits, Mapping) else {}
    for name, value in dotted.items():
        kind, required = known.types.get(name, ("string", False))
        typed = _typed(value, kind, required, known.item_type(name) if kind == "array" else None)
        if typed is not _NOTHING:
            _put(traits, name.split(".")[1:], typed)
    decoded["traits"] = traits
    return decoded


def _typed(value: Any, kind: str, required: bool, item: str | None) -> Any:
    texts = list(value) if isinstance(value, list | tuple) else [value]
    if kind == "array":
        return [_scalar(text, item or "string") for text in texts]
    if not texts:
        return _NOTHING
    text = texts[-1] if kind == "boolean" else texts[0]
    if text == "":
        if not required or kind not in ("boolean", "number", "integer"):
            return _NOTHING
        return False if kind == "boolean" else 0
    return _scalar(text, kind)


def _scalar(text: Any, kind: str) -> Any:
    if not isinstance(text, str):
        return text
    if kind == "boolean":
        return True if text in _TRUE else False if text in _FALSE else text
    if kind in ("number", "integer"):
        return _number(text)
    return text


def _number(text: str) -> int | float | str:
    """The number a text spells; a whole one as int. Infinity and NaN are no JSON numbers and stay texts."""
    try:
        number = float(text) if _NUMBER.fullmatch(text) else float("nan")
    except ValueError:
        return text
    if number != number or number in (float("inf"), float("-inf")):
        return text
    if abs(number) >= 2**63:
        return text  # beyond what is kept exactly: validation says so
    try:
        return int(text)
    except ValueError:
        return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _put(traits: dict[str, Any], path: list[str], value: Any) -> None:
    """Sets a value at a path, making objects (copies of those given) on the way."""
    for name in path[:-1]:
        inner = traits.get(name)
        traits[name] = dict(inner) if isinstance(inner, Mapping) else {}
        traits = traits[name]
    traits[path[-1]] = value
