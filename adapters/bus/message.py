"""Message: what a consumer learns about an event beside the event itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from limen.adapters.bus.envelope import Unreadable, event_class, stream_of


@dataclass(frozen=True, slots=True)
class Message:
    """The envelope of an event, as a handler takes it.

    `id` (`<stream>:<version>`) is the same however often the event comes; `sequence` is its version in `stream`, within
    which events arrive in order; `position` is its place in the whole log. `flow` is the kind of flow (`login`),
    `method` and `phase` are those of the flow, None where there is none. `event` is the event's class name, `type` its
    CloudEvents type. `attempt` counts from 1; `configuration` is the version the flow was decided by.
    """

    id: str
    stream: UUID
    sequence: int
    position: int
    event: str
    type: str
    time: datetime
    flow: str | None = None
    method: str | None = None
    phase: str | None = None
    configuration: str | None = None
    attempt: int = 1

    @classmethod
    def of(cls, attributes: Mapping[str, str], attempt: int) -> "Message":
        """From CloudEvents attributes. Raises `Unreadable` where they are not limen's."""
        event = event_class(attributes)
        try:
            return cls(
                id=attributes["id"],
                stream=stream_of(attributes),
                sequence=int(attributes["sequence"]),
                position=int(attributes.get("position", "0")),
                event=event.__name__,
                type=attributes["type"],
                time=datetime.fromisoformat(attributes["time"]),
                flow=attributes.get("flow"),
                method=attributes.get("method"),
                phase=attributes.get("phase"),
                configuration=attributes.get("configuration"),
                attempt=attempt,
            )
        except (KeyError, ValueError):
            raise Unreadable("the attributes are not those of limen's events") from None
