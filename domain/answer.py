"""The answer of a web hook: what it means for the flow.

Source: Ory's pages on webhooks, and what Kratos 26.2.0 was seen to make of each answer. Pure: no I/O, no clock.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NoReturn
from urllib.parse import unquote

from limen.domain.action import Retry
from limen.domain.guard import MAX_INTEGER
from limen.domain.message import Message, MessageType
from limen.domain.ports import Answer, CallFailed

MAX_DEPTH: Final = 48
"""How deeply an answer's JSON may nest; deeper is garbage. Less than a template's context may, which it gets into."""
PATIENCE: Final = Retry()


@dataclass(frozen=True, slots=True)
class Continue:
    """The flow goes on."""


@dataclass(frozen=True, slots=True)
class Modification:
    """The flow goes on with these parts of the identity replaced whole. `external_id` "" clears it."""

    changes: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Interruption:
    """The flow stops where its user can submit again; the messages are for them."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """An identity was given in a flow where it cannot be changed: the flow goes on, the record says so."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The action failed. `reason` is one of `ActionFailed`'s; `detail` holds nothing of what was sent or answered."""

    reason: str
    detail: str


Verdict = Continue | Modification | Interruption | Ignored | Failure


class Unreadable(ValueError):
    """The body is not what it should be; the text says what is expected, never what was there."""


def interpret(answer: Answer, *, parses: bool, modifies: bool) -> Verdict:
    """What an answer means.

    `parses`: the action's answer is read (`response.parse`, `can_interrupt`). `modifies`: this flow lets an action
    change the identity (registration and settings).
    """
    refused = answer.status >= 400
    if not parses:
        return Failure("upstream", f"the target answered {answer.status}") if refused else Continue()
    try:
        if refused:
            return Interruption(read_messages(_document(answer.body)))
        if answer.status != 200 or not answer.body.strip():
            return Continue()
        return _changed(_document(answer.body), modifies=modifies)
    except Unreadable as fault:
        return Failure("upstream", f"the target answered {answer.status}: {fault}")


def node_of(pointer: str) -> str | None:
    """The form's node a message's `instance_ptr` names: `#/traits/foo/bar` is `traits.foo.bar`; None is the flow."""
    path = pointer.removeprefix("#").removeprefix("/")
    if not path:
        return None
    return ".".join(unquote(part).replace("~1", "/").replace("~0", "~") for part in path.split("/"))


# ------------------------------------------------------------------------------------------------------- trying again


def retriable(outcome: Answer | CallFailed, *, parses: bool) -> bool:
    """Whether another try may help: a connection fault, 429, or 5xx; but not where the target told the user why."""
    if isinstance(outcome, CallFailed):
        return outcome.reason == "upstream"
    if outcome.status != 429 and outcome.status < 500:
        return False
    return not (parses and isinstance(interpret(outcome, parses=True, modifies=False), Interruption))


def pause(
    attempt: int, *, random: float, remaining: float, retry_after: float | None = None, retry: Retry = PATIENCE
) -> float | None:
    """Seconds to wait after try number `attempt` (from 1); None when there is no further try.

    Doubles from `retry.initial` up to `retry.maximum`; `random` in [0, 1) takes off up to half of it, so that many do
    not come back at once. What the target asks for (`Retry-After`) counts instead. A pause that does not fit into the
    `remaining` seconds ends the tries: coming back sooner than asked helps no one.
    """
    if attempt >= retry.attempts:
        return None
    grown = min(retry.initial * 2.0 ** min(attempt - 1, 62), retry.maximum)
    wait = grown * (1 - random / 2) if retry_after is None else max(retry_after, 0.0)
    return wait if wait < remaining else None


# -------------------------------------------------------------------------------------------------------- the identity


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _anything(_: Any) -> bool:
    return True


def _addresses(value: Any) -> bool:
    return isinstance(value, list) and all(map(_address, value))


def _address(item: Any) -> bool:
    """`value` is there; what else limen reads is of its type: a word like "false" must not verify an address."""
    return (
        _object(item)
        and _text(item.get("value"))
        and isinstance(item.get("verified", False), bool)
        and all(_text(item.get(name, "")) for name in ("via", "status"))
    )


_ADDRESSES: Final = "a list of addresses: 'value', 'via', 'status' strings, 'verified' true or false"

_PARTS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = MappingProxyType(
    {
        "traits": (_object, "an object"),
        "schema_id": (_text, "a string"),
        "state": (lambda value: value in ("active", "inactive"), "'active' or 'inactive'"),
        "verifiable_addresses": (
            _addresses,
            _ADDRESSES,
        ),
        "recovery_addresses": (
            _addresses,
            _ADDRESSES,
        ),
        "metadata_public": (_anything, "JSON"),
        "metadata_admin": (_anything, "JSON"),
        "external_id": (_text, "a string"),
    }
)


FOLLOWS: Final = "recovery_addresses"
"""Taken from the traits, with nothing besides that an answer could set: it is read, and changes nothing (Kratos)."""


def modification(changes: Mapping[str, Any]) -> Continue | Modification:
    """What changes mean: nothing where none of them is taken over."""
    taken = {name: value for name, value in changes.items() if name != FOLLOWS}
    return Modification(taken) if taken else Continue()


def check_parts(changes: Mapping[str, Any]) -> None:
    """Raises TypeError where a part of an identity is not of its kind: a handler's answer is held to it too."""
    for name, value in changes.items():
        fits, expected = _PARTS[name]
        if not fits(value) and not (name == "external_id" and value is None):
            raise TypeError(f"{name}: expected {expected}")


def _changed(document: Any, *, modifies: bool) -> Verdict:
    """Of status 200: what `identity` says. Without one nothing changes."""
    if document is None:
        return Continue()
    if not isinstance(document, dict):
        raise Unreadable("expected an object")
    identity = document.get("identity")
    if identity is None or identity == {}:
        return Continue()
    if not isinstance(identity, dict):
        raise Unreadable("identity: expected an object")
    if not modifies:
        return Ignored()
    return modification(dict(_kept(identity)))


def _kept(identity: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The parts that change something: known ones that are not empty. Only `external_id` is cleared by emptiness."""
    for name, (fits, expected) in _PARTS.items():
        value = identity.get(name)
        if name == "external_id" and name in identity and value in (None, ""):
            yield name, ""
        elif value is not None and value not in ("", [], {}):
            if not fits(value):
                raise Unreadable(f"identity.{name}: expected {expected}")
            yield name, value


# -------------------------------------------------------------------------------------------------------- the messages


def read_messages(document: Any) -> tuple[Message, ...]:
    """Of status 4xx and 5xx: all messages, each with the node of its place. None at all is no interruption."""
    places = document.get("messages") if isinstance(document, dict) else None
    if not isinstance(places, list):
        raise Unreadable("expected a list of messages")
    found: list[Message] = []
    for place in places:
        pointer = place.get("instance_ptr") if isinstance(place, dict) else 0
        details = place.get("messages") if isinstance(place, dict) else None
        if not isinstance(pointer, str | None) or not isinstance(details, list | None):
            raise Unreadable("messages: expected objects with 'instance_ptr' and 'messages'")
        found += [_message(detail, node_of(pointer or "")) for detail in details or ()]
    if not found:
        raise Unreadable("the list of messages is empty")
    return tuple(found)


def _message(detail: Any, node: str | None) -> Message:
    if not isinstance(detail, dict):
        raise Unreadable("messages: expected objects with 'id', 'text' and 'type'")
    number, text, kind = detail.get("id") or 0, detail.get("text") or "", detail.get("type") or "info"
    if not isinstance(number, int) or isinstance(number, bool) or not _text(text) or not _text(kind):
        raise Unreadable("messages: expected a number as 'id', strings as 'text' and 'type'")
    shown: MessageType = "error" if kind == "error" else "info"
    context = detail.get("context")
    return Message(number, text, shown, context if isinstance(context, dict) and context else None, node)


# ------------------------------------------------------------------------------------------------------------- reading


def _document(body: bytes) -> Any:
    """The JSON value of a body: UTF-8, no NaN, no number that is infinite, no lone surrogate, not too deep."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unreadable("expected JSON") from None
    _check(value, MAX_DEPTH)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check(value: Any, depth: int) -> None:
    if depth < 0:
        raise Unreadable(f"nested deeper than {MAX_DEPTH}")
    match value:
        case dict():
            for key, item in value.items():
                _check(key, depth)
                _check(item, depth - 1)
        case list():
            for item in value:
                _check(item, depth - 1)
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            raise Unreadable("half a surrogate pair in a string")
        case int() if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise Unreadable("a number is too large")
        case float() if not math.isfinite(value):
            raise Unreadable("a number is too large")
        case _:
            pass
