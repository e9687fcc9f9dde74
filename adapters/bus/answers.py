"""A reply that came over a bus, as the answer of a web hook that is parsed."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from limen.domain.ports import Answer, CallFailed

STATUS: Final = "status"
"""The header by which a replier may give an HTTP status of its own."""

MAX_BODY: Final = 5 << 20
"""Bytes of a reply at most; as of a web hook's answer."""

_STATUS = re.compile(r"[2-5][0-9]{2}", re.ASCII)


def answer_of(body: bytes, headers: Mapping[str, Any]) -> Answer:
    """The answer a reply stands for.

    Its status is what the header `status` says; without one it is 400 where the body is an object with `messages` in
    it, and 200 otherwise. Raises `CallFailed` for a reply that is too large, or a status that is none.
    """
    if len(body) > MAX_BODY:
        raise CallFailed("too_large", f"the reply has more than {MAX_BODY >> 20} MiB")
    told = {str(name).lower(): value for name, value in headers.items()}
    status = _status(told[STATUS]) if STATUS in told else _implied(body)
    return Answer(status, body, str(told.get("content-type") or ""))


def _status(value: Any) -> int:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    if not _STATUS.fullmatch(text):
        raise CallFailed("upstream", f"the reply's header '{STATUS}' is no HTTP status from 200 to 599")
    return int(text)


def _implied(body: bytes) -> int:
    """What cannot be read is left to whoever reads the answer: it fails there, as it does for a web hook."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return 200
    return 400 if isinstance(document, dict) and document.get("messages") else 200
