"""Source: the log as a relay follows it: facts in order, and the envelopes they give."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from limen.adapters.bus.about import Abouts
from limen.adapters.bus.destination import Destination
from limen.adapters.bus.envelope import Envelope, Fact, Opener, seal
from limen.adapters.log import News, news_of, translated
from limen.adapters.store.application import EventLog
from limen.domain.event import EVENT_TYPES

if TYPE_CHECKING:
    from limen.adapters.store.recorder import LogRow

PAGE_EVENTS: Final = 64
"""Events read at a time: few, for where a relay works in the loop of an engine each page holds that up."""

ALWAYS: Final = frozenset({"IdentityErased"})
"""What no choice of flows leaves out: who keeps anything of people must hear of it."""

POLL_SECONDS: Final = 0.05
"""How often a SQLite file is looked at for what other processes appended."""


class LogSource:
    """Reads a log for one destination. `server` is the URL where the log is on a PostgreSQL server, else empty."""

    def __init__(
        self, log: EventLog, destination: Destination, *, server: str = "", opener: Opener | None = None
    ) -> None:
        self._recorder = log.vault
        self._mapper = log.event_mapper
        self._destination = destination
        self._server = server
        self._opener = opener if destination.personal_data else None
        self._types = list(destination.types) or None
        self._abouts = Abouts(self._history)

    async def page(self, after: int) -> tuple[int, list[Envelope]]:
        """What follows a position: the envelopes, and the position that is reached with them.

        The position is `after` again where there is nothing new. Raises `StoreUnusable`.
        """
        if self._server:
            return await asyncio.to_thread(self._page, after)
        return self._page(after)

    async def position_of(self, id: str | None) -> int:
        """How far a bus has come whose newest event has this id; 0 where this log does not hold it.

        So an event that is there is not sent again, however long ago its confirmation got lost.
        """
        if id is None:
            return 0
        if self._server:
            return await asyncio.to_thread(self._position_of, id)
        return self._position_of(id)

    def _position_of(self, id: str) -> int:
        stream, _, rest = id.partition(":")
        version, _, part = rest.partition(":")
        try:
            wanted, at = UUID(stream), int(version)
        except ValueError:
            return 0  # somebody else's event
        with translated():
            found = next((row[0] for row in self._recorder.stream_log(wanted) if row[2] == at), 0)
        return found - 1 if part and found else found  # of several that one event gave, the last may be missing

    async def head(self) -> int:
        """The position of the newest event."""
        if self._server:
            return await asyncio.to_thread(self._head)
        return self._head()

    def _head(self) -> int:
        with translated():
            return self._recorder.max_notification_id() or 0

    def _page(self, after: int) -> tuple[int, list[Envelope]]:
        with translated():
            head = (self._recorder.max_notification_id() or 0) if self._types else 0
            rows = self._recorder.log_rows(after, PAGE_EVENTS, self._types)
            reached = rows[-1][0] if rows else after
            if len(rows) < PAGE_EVENTS:
                reached = max(reached, head)
            return reached, [envelope for row in rows for envelope in self._envelopes(row)]

    def _envelopes(self, row: "LogRow") -> Sequence[Envelope]:
        position, stream, version, topic, state = row
        name = stream if "-" in stream else _dashed(stream)
        fields = self._mapper.state(stream, version, topic, state)
        fact = Fact(position, name, version, topic, fields.pop("timestamp"), fields)
        about = self._abouts.of(name, EVENT_TYPES[topic].stream, version, topic, fields)
        wanted, destination = self._destination.flows, self._destination
        if wanted and about.kind not in wanted and topic not in ALWAYS:
            return ()
        envelope = seal(fact, about, topic=destination.topic, source=destination.source, opener=self._opener)
        if destination.format == "ory":
            from limen.adapters.bus.ory.envelope import enveloped

            return enveloped(envelope, fact, about, destination.project)
        return (envelope,)

    def _history(self, stream: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
        for version, topic, state in self._recorder.stream_rows(UUID(stream), 0):
            yield version, topic, self._mapper.state(stream, version, topic, state)

    def news(self) -> "AbstractAsyncContextManager[News]":
        """Gives what returns when there may be something new that other processes appended."""
        return news_of(self._server, POLL_SECONDS)


def _dashed(hexadecimal: str) -> str:
    """A UUID as everybody writes it, from SQLite's form of it."""
    one = hexadecimal
    return f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}"
