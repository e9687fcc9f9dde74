"""What every domain event has: the stream, the version in it, and the time.

An event's class name and fields ARE the storage format. A change of either needs a higher `class_version`, a static
method `upcast_vN_vN+1(state: dict) -> None`, and a test that reads the old bytes.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

EVENT_TYPES: dict[str, type["DomainEvent"]] = {}
"""Every stored event type by its name."""


class DomainEvent(BaseModel):
    """A fact in one stream. Satisfies `eventsourcing.domain.DomainEventProtocol`.

    `originator_id` names the stream, `originator_version` counts from 1 within it, `timestamp` is UTC and comes from
    the clock port.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    class_version: ClassVar[int] = 1
    stream: ClassVar[str]
    """The kind of stream: flow, identity, session, delivery, reservation, lockout, configuration or export."""

    originator_id: UUID
    originator_version: int
    timestamp: datetime

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if hasattr(cls, "stream") and not cls.__name__.startswith("_"):
            EVENT_TYPES[cls.__name__] = cls
