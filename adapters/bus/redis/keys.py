"""The keys and ids of a topic on Redis, and what is said of its errors.

The stream's key is the topic. What belongs to a group stands under `{<topic>}:<group>:…`: the braces keep all of it in
one slot of a cluster, where a script may use the keys together.
"""

from collections.abc import Sequence
from typing import Final

from redis.exceptions import ResponseError

from limen.adapters.bus import names
from limen.adapters.bus.envelope import Envelope

DATA: Final = "data"
"""The field of an entry that holds the event; the others are its headers."""

_LAST_PART: Final = 2**64 - 1


def seat(topic: str, group: str) -> str:
    """Who of a group is at work: the token of one member, for as long as it renews it."""
    return f"{{{topic}}}:{group}:seat"


def members(topic: str, group: str) -> str:
    """The members of a group that are there, each with its handlers, by the time until which they count."""
    return f"{{{topic}}}:{group}:members"


def entry_id(envelope: Envelope) -> str:
    """The id of an event's entry: the same whenever it is published, and rising with the log."""
    return f"{envelope.position}-{envelope.part}"


def begin_after(position: int) -> str:
    """The id after which a group begins that wants nothing up to a position of the log."""
    return f"{position}-{_LAST_PART}" if position else "0"


def types_of(subjects: Sequence[str], topic: str) -> list[str]:
    """The CloudEvents types behind subjects: an entry has no subject, `ce-type` says the same."""
    return [f"{names.TOPIC}.{subject.removeprefix(f'{topic}.events.')}" for subject in subjects]


def text(value: object) -> str:
    """What the client gives, which may be told to decode."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def raw(value: object) -> bytes:
    """The bytes behind what the client gives."""
    return value if isinstance(value, bytes) else str(value).encode()


def told(error: BaseException) -> str:
    """An error without the server's words: they may repeat a command, and with it data."""
    code = str(error).partition(" ")[0] if type(error) is ResponseError else ""
    return f"Redis: {type(error).__name__}{f' {code}' if code.isalpha() and code.isupper() else ''}"
