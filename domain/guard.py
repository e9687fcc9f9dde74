"""Guarding what comes in: size, depth and shape of a submission, before anything is done with it."""

from collections.abc import Mapping
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from limen.domain.errors import SubmissionInvalid
from limen.domain.request import Request

_PLAIN = (Request(),)
"""What stands in where the caller gives no request."""

_Place = tuple[Any, int, "tuple[Any, _Place] | None"]
"""A value, how deep it stands, and under which name in which place above."""

MAX_DEPTH = 32
"""Levels of nesting a submission may have."""

MAX_SIZE = 1024 * 1024
"""Characters of keys and values a submission may have, all in all (1 MiB, far above any form)."""

_TOO_LARGE = f"larger than {MAX_SIZE} characters"

MAX_INTEGER = 2**63 - 1
"""The largest whole number that is kept exactly everywhere."""


def guard(values: Any, pointer: str = "") -> None:
    """Refuses what is no JSON object of bounded size and depth.

    Walks the document without recursion, so that a hostile one cannot exhaust the stack. Raises `SubmissionInvalid`
    that names the place and never the value.
    """
    if not isinstance(values, Mapping):
        raise SubmissionInvalid(pointer, "an object is expected")
    size = 0
    waiting: list[_Place] = [(values, 0, None)]
    while waiting:
        place = value, depth, _ = waiting.pop()
        if type(value) is str and value.isascii() and "\x00" not in value and depth <= MAX_DEPTH:
            size += len(value)  # what most values are
            if size > MAX_SIZE:
                raise SubmissionInvalid(pointer, _TOO_LARGE)
            continue
        fault = f"nested deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else _fault(value)
        if fault:
            raise SubmissionInvalid(pointer + _path(place), fault)
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, Mapping):
            size += sum(map(len, value)) + 2
            waiting += [(part, depth + 1, (key, place)) for key, part in value.items()]
        elif isinstance(value, list | tuple):
            size += 8
            waiting += [(part, depth + 1, (index, place)) for index, part in enumerate(value)]
        else:
            size += 8
        if size > MAX_SIZE:
            raise SubmissionInvalid(pointer, _TOO_LARGE)


def guard_request(request: Request) -> None:
    """Refuses a request that cannot be recorded. Raises `SubmissionInvalid` that names the part."""
    if request in _PLAIN:
        return
    headers = [[name, value] for name, value in request.pairs()]
    parts = {"method": request.method, "url": request.url, "headers": headers, "client_ip": request.client_ip}
    guard({**parts, "cookies": request.cookies}, "/request")
    try:
        urlsplit(request.url)
    except ValueError:
        raise SubmissionInvalid("/request/url", "a URL is expected") from None


def _path(place: "_Place") -> str:
    """The JSON pointer of a place; put together only when something is wrong there."""
    names: list[str] = []
    above = place[2]
    while above is not None:
        names.append(f"/{above[0]}")
        above = above[1][2]
    return "".join(reversed(names))


def _fault(value: Any) -> str | None:
    """What is wrong with a value itself, whatever is in it."""
    if isinstance(value, str):
        return _text_fault(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            return "the keys of an object are strings"
        return next(filter(None, map(_text_fault, value)), None)
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        return "a number is too large"
    if value is None or isinstance(value, bool | int | list | tuple):
        return None
    if isinstance(value, float) and isfinite(value):
        return None
    return f"{type(value).__name__} is not JSON"


def _text_fault(text: str) -> str | None:
    """Lone surrogates and NUL cannot be stored as UTF-8 text everywhere."""
    if "\x00" in text:
        return "a NUL character is not allowed"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return "not valid Unicode"
    return None
