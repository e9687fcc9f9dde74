"""Headers: how attributes stand in a message of a bus. CloudEvents 1.0 bindings: `ce-`, on Kafka `ce_`."""

from collections.abc import Iterable, Mapping
from typing import Final

from limen.adapters.bus.envelope import CONTENT_TYPE, Envelope

STAMP: Final = "limen-relay"
"""The header with the stamp of a destination, on buses that tell their newest event: a relay knows its own by it."""

OWN: Final = "limen-"
"""What limen adds to a dead letter: `limen-error`, `limen-handler`, `limen-attempts`, `limen-parked`, `limen-group`."""


def headers_of(attributes: Mapping[str, str], prefix: str = "ce-") -> dict[str, str]:
    """Attributes as headers, the content type among them."""
    named = {name if name.startswith(OWN) else f"{prefix}{name}": value for name, value in attributes.items()}
    return {"content-type": CONTENT_TYPE, **named}


def written(envelope: Envelope, prefix: str = "ce-") -> dict[str, str]:
    """The headers of an envelope."""
    return headers_of(envelope.attributes, prefix)


def attributes_of(headers: Mapping[str, object] | Iterable[tuple[str, object]] | None) -> dict[str, str]:
    """The attributes again, from headers in either spelling, as text or bytes; other headers are left aside."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    found: dict[str, str] = {}
    for name, value in pairs:
        key = _text(name).lower()
        if key[:3] in ("ce-", "ce_"):
            found[key[3:]] = _text(value)
        elif key.startswith(OWN):
            found[key] = _text(value)
    return found


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
