"""Persons: what an OCSF event says of a person, read from the sealed fields of other events when it is asked for.

Remembered is only where those events stand; what they say is opened anew for each page of an export, so that nothing
of a person is written after the key has been erased.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from limen.adapters.log import PAGE_EVENTS, EventReader, LogEntry

REMEMBERED: Final = 8192
"""Places of streams known at a time."""

_PROFILES: Final = ("IdentityRegistered", "TraitsChanged")


class Persons:
    """Follows a log with the keys at hand. Events are to be shown to it in their order."""

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader
        self._places: OrderedDict[str, int] = OrderedDict()
        self._opened: dict[int, Mapping[str, Any]] = {}
        self._seen = 0

    def see(self, entry: LogEntry) -> None:
        """Remembers where a profile or a request stands."""
        self._seen += 1
        if self._seen % PAGE_EVENTS == 0:
            self._opened.clear()
        if entry.type in _PROFILES or entry.type == "FlowInitiated":
            self._remember(str(entry.stream), entry.position)

    def profile(self, identity: str, by: LogEntry) -> Mapping[str, Any]:
        """The profile an identity had when something happened; empty where it is erased."""
        if identity not in self._places:
            for entry in self._reader.stream(UUID(identity)):
                # what was appended in one transaction has one time
                if entry.type in _PROFILES and (entry.position < by.position or entry.time == by.time):
                    self._remember(identity, entry.position)
        return clear(self._at(identity).get("profile"))

    def request(self, flow: str) -> Mapping[str, Any]:
        """The request that started a flow; empty where it is erased."""
        if flow not in self._places:
            for entry in self._reader.stream(UUID(flow))[:1]:
                self._remember(flow, entry.position)
        return clear(self._at(flow).get("request"))

    def _at(self, stream: str) -> Mapping[str, Any]:
        position = self._places.get(stream)
        if position is None:
            return {}
        if position not in self._opened:
            entry = self._reader.at(position)
            self._opened[position] = entry.data if entry is not None else {}
        return self._opened[position]

    def _remember(self, stream: str, position: int) -> None:
        self._places[stream] = position
        self._places.move_to_end(stream)
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)


def clear(value: Any) -> Mapping[str, Any]:
    """A field that was sealed, as what it holds; empty where it cannot be read."""
    if not isinstance(value, Mapping) or value.get("sealed") is True or value.get("erased") is True:
        return {}
    return value
