"""Reading the log for views: page by page, each event decoded once for all of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from limen.adapters.store.application import EventLog
from limen.adapters.store.recorder import LogRow
from limen.domain.event import DomainEvent
from limen.projections.folding import Decode
from limen.projections.view import AnyView

PAGE_EVENTS = 1000
"""Events folded in one transaction."""

REBUILD_EVENTS = 4000
"""The same where a view is filled from the first event: the log's writers wait some 50 ms for it, now and then."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events that follow each other in the log, up to a position, and the first events of streams that are wanted."""

    upto: int
    raw: Sequence[LogRow]
    decode: Decode
    firsts: dict[str, DomainEvent]


class Pages:
    """The pages of a log."""

    def __init__(self, log: EventLog) -> None:
        self._recorder = log.vault
        self._mapper = log.event_mapper

    def next(self, views: Collection[AnyView], after: int, head: int, limit: int = PAGE_EVENTS) -> Page:
        """The next events that any of these views folds, up to `head`, `limit` at most."""
        topics = list(dict.fromkeys(name for view in views for name in view.events))
        found = self._recorder.log_rows(after, limit, topics)
        upto = min(found[-1][0], head) if len(found) == limit else head
        raw = [row for row in found if row[0] <= upto]
        opened = frozenset[str]().union(*(view.opened for view in views))
        return Page(upto, raw, self._mapper.event, self._firsts(raw, opened))

    def _firsts(self, raw: Sequence[LogRow], opened: frozenset[str]) -> dict[str, DomainEvent]:
        """The first events of the streams that some events are to be seen with, where they are not on the page."""
        wanted = {stream for _, stream, _, topic, _ in raw if topic in opened}
        wanted.difference_update(stream for _, stream, version, _, _ in raw if version == 1)
        rows = self._recorder.first_rows([UUID(stream) for stream in wanted])
        return {row[1]: self._mapper.event(*row[1:]) for row in rows}
