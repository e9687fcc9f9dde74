"""Names on the bus: of topics, subjects, facts and schemas. The same on every bus.

`limen.events.<kind>.<fact>` is a subject or routing key: `<kind>` is the flow's kind for events of flows (`login`,
`registration` …) and the kind of stream for all others (`identity`, `session`, `delivery` …), `<fact>` what happened.
A consumer filters by flow where the server can: by the name.
"""

import re
from functools import lru_cache
from typing import Final

from limen.domain.configuration import FlowKind
from limen.domain.events import EVENT_TYPES, DomainEvent

TOPIC: Final = "limen"
"""The stream, exchange, key or topic everything goes to, unless a destination is told another."""

SUBJECTS: Final = ("flow", "identity", "session", "delivery", "reservation", "lockout", "configuration", "export")
"""The kinds of stream there are."""

KINDS: Final = (*FlowKind, *SUBJECTS[1:])
"""What may stand for `<kind>`."""

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


@lru_cache
def fact(type: str) -> str:
    """What an event says, in words: `FlowCompleted` is `completed`, `MethodSubmitted` `method_submitted`."""
    words = [word.lower() for word in _WORD.split(type)]
    stream = EVENT_TYPES[type].stream
    if words[0] == stream or (stream == "reservation" and words[0] == "identifier"):
        words = words[1:]
    return "_".join(words)


def event_type(kind: str, type: str) -> str:
    """The CloudEvents `type`: `limen.login.completed`."""
    return f"{TOPIC}.{kind}.{fact(type)}"


def subject(topic: str, kind: str, type: str) -> str:
    """The subject or routing key: `limen.events.login.completed`."""
    return f"{topic}.events.{kind}.{fact(type)}"


def every_subject(topic: str) -> str:
    """The pattern of all subjects of a topic, as NATS writes it."""
    return f"{topic}.events.>"


def dead(topic: str, group: str) -> str:
    """Where the dead letters of a consumer group are kept: queue, key, topic or subject."""
    return f"{topic}.dead.{group}"


def schema(event: type[DomainEvent]) -> str:
    """The `dataschema` of an event: `urn:limen:FlowCompleted:1`."""
    return f"urn:limen:{event.__name__}:{event.class_version}"


def check_name(name: str, what: str) -> str:
    """The name again, if every bus can take it. Raises ValueError."""
    if not _TOPIC.fullmatch(name):
        raise ValueError(f"{what} '{name[:80]}' must be letters, digits, '-' and '_', 63 at most")
    return name
