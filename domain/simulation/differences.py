"""Differences: the places where two bodies differ, by JSON pointers in which no personal data stands."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_WORD = re.compile(r"[\w$-]+")
_FREE = ("transient_payload", "metadata_public", "metadata_admin", "request_headers", "request_cookies")
"""The parts of a context in which names are somebody's own."""
_STANDARD = frozenset({"type", "timestamp", "data", "flow_id", "flow_type", "method", "identity_id"})
"""The names in a body without a template."""
HIDDEN = "*"
"""Stands in a pointer for a name that may be personal data."""


class Names:
    """The names that may be shown of a body: those that its templates or the context's own shape give.

    A template may make a name of anything, an address too.
    """

    def __init__(self, templates: Iterable[str | None], ctx: Mapping[str, Any] | None) -> None:
        words = {word for template in templates for word in _WORD.findall(template or "")}
        self._known = words | set(_names_in(ctx or {})) | _STANDARD

    def shown(self, name: str) -> str:
        """The name, or what stands for it."""
        return name if name in self._known or set(_WORD.findall(name)) <= self._known else HIDDEN


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield name
            if name not in _FREE:
                yield from _names_in(below)
    elif isinstance(value, list):
        for below in value:
            yield from _names_in(below)


def changes(old: bytes, new: bytes, names: Names) -> tuple[tuple[str, ...], Any, Any]:
    """The places (JSON pointers) where two bodies differ, and both of them; "" is the whole of them."""
    before, after = _read(old), _read(new)
    return tuple(dict.fromkeys(differing(before, after, shown=names.shown))), before, after


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def differing(old: Any, new: Any, pointer: str = "", shown: Callable[[str], str] = str) -> Iterator[str]:
    """The JSON pointers of the places where two values differ, each name in them as `shown` gives it."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            here = f"{pointer}/{shown(name).replace('~', '~0').replace('/', '~1')}"
            if name in old and name in new:
                yield from differing(old[name], new[name], here, shown)
            else:
                yield here
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differing(one, other, f"{pointer}/{index}", shown)
    elif old != new or type(old) is not type(new):
        yield pointer
