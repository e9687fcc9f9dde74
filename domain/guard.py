"""Guarding what comes in: size, depth and shape of a submission, before anything is done with it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from limen.domain.errors import SubmissionInvalid
from limen.domain.request import Request

MAX_DEPTH = 32
"""Levels of nesting a submission may have."""

MAX_SIZE = 1024 * 1024
"""Characters of keys and values a submission may have, all in all (1 MiB, far above any form)."""

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
    waiting: list[tuple[str, Any, int]] = [(pointer, values, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise SubmissionInvalid(place, f"nested deeper than {MAX_DEPTH} levels")
        size += _weigh(place, value)
        if size > MAX_SIZE:
            raise SubmissionInvalid(pointer, f"larger than {MAX_SIZE} characters")
        if isinstance(value, Mapping):
            waiting += [(f"{place}/{key}", part, depth + 1) for key, part in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(f"{place}/{index}", part, depth + 1) for index, part in enumerate(value)]


def guard_request(request: Request) -> None:
    """Refuses a request that cannot be recorded. Raises `SubmissionInvalid` that names the part."""
    headers = [[name, value] for name, value in request.pairs()]
    parts = {"method": request.method, "url": request.url, "headers": headers, "client_ip": request.client_ip}
    guard({**parts, "cookies": request.cookies}, "/request")
    try:
        urlsplit(request.url)
    except ValueError:
        raise SubmissionInvalid("/request/url", "a URL is expected") from None


def _weigh(place: str, value: Any) -> int:
    if isinstance(value, str):
        _check_text(place, value)
        return len(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise SubmissionInvalid(place, "the keys of an object are strings")
            _check_text(place, key)
        return sum(map(len, value)) + 2
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise SubmissionInvalid(place, "a number is too large")
    if value is None or isinstance(value, bool | int | list | tuple):
        return 8
    if isinstance(value, float) and value == value and value not in (float("inf"), float("-inf")):
        return 8
    raise SubmissionInvalid(place, f"{type(value).__name__} is not JSON")


def _check_text(place: str, text: str) -> None:
    """Lone surrogates and NUL cannot be stored as UTF-8 text everywhere."""
    if "\x00" in text:
        raise SubmissionInvalid(place, "a NUL character is not allowed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SubmissionInvalid(place, "not valid Unicode") from None
