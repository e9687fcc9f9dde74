"""Destination: where a relay publishes, under which names, and what of the log goes there."""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from limen.adapters.bus import names
from limen.adapters.bus.address import BusAddress
from limen.adapters.bus.envelope import SOURCE
from limen.domain.configuration import FlowKind
from limen.domain.event import EVENT_TYPES

Format = Literal["cloudevents", "ory"]
FORMATS: Final = get_args(Format)
MARK: Final = "bus:"
"""How the name of a relay's stored position begins."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One destination of a relay.

    `name` is what its position is stored under: by default its address and topic. `personal_data` lets sealed fields go
    along in clear. `types` (event classes) and `flows` (kinds of flow) choose what goes there; empty is everything.
    Raises ValueError for what does not exist.
    """

    address: BusAddress
    topic: str = names.TOPIC
    name: str = ""
    format: Format = "cloudevents"
    personal_data: bool = False
    types: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    source: str = SOURCE
    project: str = field(default="limen")

    def __post_init__(self) -> None:
        names.check_name(self.topic, "topic")
        if self.format not in FORMATS:
            raise ValueError(f"there is no format '{self.format}'; there are {', '.join(FORMATS)}")
        for name in self.types:
            if name not in EVENT_TYPES:
                raise ValueError(f"there is no event type '{name}'; docs/reference/events.md lists them")
        for flow in self.flows:
            if flow not in tuple(FlowKind):
                raise ValueError(f"there is no flow '{flow}'; there are {', '.join(FlowKind)}")
        if not self.name:
            topic = "" if self.topic == names.TOPIC else f"#{self.topic}"
            object.__setattr__(self, "name", f"{self.address.shown}{topic}")

    @property
    def stamp(self) -> str:
        """What tells its events from those of another destination, or of the same with other filters."""
        told = (self.name, self.topic, self.format, self.personal_data, self.types, self.flows, self.source)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    @property
    def mark(self) -> str:
        """What the position is stored under."""
        return f"{MARK}{self.name}"
