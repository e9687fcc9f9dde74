"""Check: walks a file along the table of keys and reports everything that does not fit."""

import json
import math
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from limen.adapters.configuration.findings import Findings, join
from limen.adapters.configuration.shape import Later, Leaf, Many, Named, Shape
from limen.adapters.configuration.values import (
    is_hook_url,
    is_reference,
    is_uri,
    is_web_url,
    parse_duration,
    parse_size,
)

Secret = Callable[[str, Any], None]
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_TEXT_FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "text": (lambda _: True, ""),
    "duration": (lambda text: parse_duration(text) is not None, "a duration such as 1h30m10s or 500ms"),
    "span": (lambda text: parse_duration(text, days=True) is not None, "a duration such as 30d, 1h30m or 500ms"),
    "size": (lambda text: parse_size(text) is not None, "a size such as 8MB"),
    "uri": (is_uri, "an absolute URI"),
    "reference": (is_reference, "a URL or a path"),
    "web_url": (is_web_url, "an absolute http or https URL"),
    "hook_url": (is_hook_url, "an absolute http or https URL"),
    "email": (lambda text: _EMAIL.fullmatch(text) is not None, "an e-mail address"),
}


def check(
    shape: Shape, value: Any, pointer: str, findings: Findings, secret: Secret = lambda _at, _value: None
) -> None:
    """Reports every fault of `value` against `shape`, what is ignored, and (by `secret`) each secret it meets."""
    if isinstance(shape, Later):
        if not shape.silent(value):
            findings.ignore(pointer)
        check(shape.of, value, pointer, findings, secret)
    elif isinstance(shape, Leaf):
        _check_leaf(shape, value, pointer, findings)
        if shape.secret and value is not None:
            secret(pointer, value)
    elif isinstance(shape, Many):
        _check_many(shape, value, pointer, findings, secret)
    elif isinstance(shape, Named):
        if _is_mapping(value, pointer, findings):
            for key, inner in value.items():
                check(shape.of, inner, join(pointer, key), findings, secret)
    else:
        _check_object(shape, value, pointer, findings, secret)


def _is_mapping(value: Any, pointer: str, findings: Findings) -> bool:
    if isinstance(value, Mapping):
        return True
    findings.fault(pointer, f"must be an object, not {name_of(value)}")
    return False


def _check_object(shape: Mapping[str, Any], value: Any, pointer: str, findings: Findings, secret: Secret) -> None:
    if not _is_mapping(value, pointer, findings):
        return
    known = {key.removesuffix("!"): inner for key, inner in shape.items()}
    for key, inner in value.items():
        if key in known:
            check(known[key], inner, join(pointer, key), findings, secret)
        else:
            findings.fault(join(pointer, key), unknown_key(key, known))
    for key in shape:
        if key.endswith("!") and key[:-1] not in value:
            findings.fault(join(pointer, key[:-1]), "is missing")


def unknown_key(key: str, known: Mapping[str, Any]) -> str:
    """What to say of a key that is not there: the one that was probably meant, or all there are."""
    close = get_close_matches(key, known, n=1)
    if close:
        return f"unknown key; did you mean '{close[0]}'?"
    return f"unknown key; known here: {', '.join(sorted(known)) or 'none'}"


def _check_many(shape: Many, value: Any, pointer: str, findings: Findings, secret: Secret) -> None:
    if not isinstance(value, list):
        findings.fault(pointer, f"must be a list, not {name_of(value)}")
        return
    if len(value) < shape.least:
        findings.fault(pointer, f"must have at least {shape.least} {'entry' if shape.least == 1 else 'entries'}")
    seen: dict[str, int] = {}
    for position, inner in enumerate(value):
        here = join(pointer, position)
        check(shape.of, inner, here, findings, secret)
        first = seen.setdefault(canonical(inner), position)
        if shape.unique and first != position:
            findings.fault(here, f"is the same as entry {first}")


def _check_leaf(leaf: Leaf, value: Any, pointer: str, findings: Findings) -> None:
    if leaf.kind in ("anything", "hooks"):
        return
    if leaf.kind == "bool":
        if not isinstance(value, bool):
            findings.fault(pointer, f"must be true or false, not {name_of(value)}")
    elif leaf.kind in ("int", "number"):
        _check_number(leaf, value, pointer, findings)
    elif not isinstance(value, str):
        findings.fault(pointer, f"must be a text, not {name_of(value)}")
    else:
        _check_text(leaf, value, pointer, findings)


def _check_number(leaf: Leaf, value: Any, pointer: str, findings: Findings) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    real = isinstance(value, float) and math.isfinite(value) and (leaf.kind == "number" or value.is_integer())
    if not whole and not real:
        wanted = "a whole number" if leaf.kind == "int" else "a number"
        findings.fault(pointer, f"must be {wanted}, not {name_of(value)}")
    elif leaf.low is not None and value < leaf.low:
        findings.fault(pointer, f"must be at least {leaf.low}")
    elif leaf.high is not None and value > leaf.high:
        findings.fault(pointer, f"must be at most {leaf.high}")


def _check_text(leaf: Leaf, value: str, pointer: str, findings: Findings) -> None:
    fits, wanted = _TEXT_FORMATS[leaf.kind]
    if leaf.among and value not in leaf.among:
        findings.fault(pointer, f"must be one of {', '.join(map(str, leaf.among))}")
    elif not fits(value):
        findings.fault(pointer, f"must be {wanted}")
    elif leaf.low is not None and len(value) < leaf.low:
        findings.fault(pointer, f"must have at least {leaf.low} characters")
    elif leaf.high is not None and len(value) > leaf.high:
        findings.fault(pointer, f"must have at most {leaf.high} characters")
    elif leaf.pattern is not None and not re.search(leaf.pattern, value):
        findings.fault(pointer, f"must match {leaf.pattern}")


def name_of(value: Any) -> str:
    """What kind of value it is, without telling the value."""
    names = ((bool, "true or false"), (str, "a text"), ((int, float), "a number"), (list, "a list"))
    if value is None:
        return "nothing"
    return next((name for types, name in names if isinstance(value, types)), "an object")


def canonical(value: Any) -> str:
    """The value as JSON with sorted keys: two are equal exactly when these are."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
