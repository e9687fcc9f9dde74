"""Histories: the events of recorded flows, flow by flow, read from the log in its own order."""

import hashlib
import heapq
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from limen.adapters.store import LogStore
from limen.domain.configuration import FlowKind
from limen.domain.event import EVENT_TYPES, DomainEvent
from limen.domain.flow_events import FlowCompleted, FlowExpired, FlowFailed, FlowInitiated, FlowRejected

PAGE_EVENTS = 500
FLOW_EVENTS = tuple(name for name, type_ in EVENT_TYPES.items() if type_.stream == "flow")
_ENDS = (FlowCompleted, FlowExpired, FlowFailed, FlowRejected)
LATE = timedelta(hours=1)
"""How long after its time is over a flow may still be worked on: an action that was begun before takes its time."""

History = Sequence[DomainEvent]
Progress = Callable[[int, int], None]
Lifespans = Mapping[FlowKind, timedelta]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which flows: begun at or after `since`, of one `kind`; `sample` of them, the same ones each time."""

    since: datetime | None = None
    kind: FlowKind | None = None
    sample: int | None = None

    def takes(self, event: FlowInitiated) -> bool:
        """Whether a flow that began so is among them."""
        return (self.since is None or event.timestamp >= self.since) and self.kind in (None, event.kind)


async def histories(
    store: LogStore, choice: Choice, lifespans: Lifespans, progress: Progress | None = None
) -> AsyncIterator[History]:
    """The events of each chosen flow, in the order in which the flows came to an end; those that wait come last.

    What is appended meanwhile is left out. Of flows that are under way only as many are in memory as began within one
    lifespan: their own, or that of `lifespans` if it is longer, for what came too late may come in time then.
    `progress` is called with the position reached and the one to reach.
    """
    if choice.sample is not None:
        for id_ in await _sampled(store, choice, choice.sample, progress):
            yield await store.events(id_)
        return
    under_way = _UnderWay(choice, lifespans)
    async for page in _pages(store, choice, FLOW_EVENTS, progress):
        for event in page:
            ended = under_way.take(event)
            if ended is not None:
                yield ended
        for over in under_way.over(page[-1].timestamp):
            yield over
    for waiting in under_way.over():
        yield waiting


class _UnderWay:
    """The events of flows that have not ended yet, by kind: those of one kind are over in the order they began in."""

    def __init__(self, choice: Choice, lifespans: Lifespans) -> None:
        self._choice = choice
        self._lifespans = lifespans
        self._open: dict[FlowKind, dict[UUID, list[DomainEvent]]] = {kind: {} for kind in FlowKind}

    def take(self, event: DomainEvent) -> History | None:
        """Puts an event with those of its flow; all of them when the flow has come to an end by it."""
        id_ = event.originator_id
        if isinstance(event, FlowInitiated):
            if self._choice.takes(event):
                self._open[event.kind][id_] = [event]
            return None
        for begun in self._open.values():
            if id_ in begun:
                begun[id_].append(event)
                return begun.pop(id_) if isinstance(event, _ENDS) else None
        return None

    def over(self, now: datetime | None = None) -> Iterator[History]:
        """The flows whose time is over, so that nobody comes back to them; all of them where no time is given."""
        for begun in self._open.values():
            while begun:
                id_, (first, *_) = next(iter(begun.items()))
                if now is not None and self._until(first) > now:
                    break
                yield begun.pop(id_)

    def _until(self, first: DomainEvent) -> datetime:
        assert isinstance(first, FlowInitiated)
        return max(first.expires_at, first.timestamp + self._lifespans[first.kind]) + LATE


async def _sampled(store: LogStore, choice: Choice, count: int, progress: Progress | None) -> list[UUID]:
    """So many flows, chosen by a hash of their ids: without order, and the same ones each time."""
    chosen: list[tuple[bytes, UUID]] = []
    async for page in _pages(store, choice, ("FlowInitiated",), progress):
        ids = [one.originator_id for one in page if isinstance(one, FlowInitiated) and choice.takes(one)]
        ranked = [(hashlib.sha256(id_.bytes).digest(), id_) for id_ in ids]
        chosen = heapq.nsmallest(count, [*chosen, *ranked])
    return [id_ for _, id_ in chosen]


async def _pages(
    store: LogStore, choice: Choice, types: Sequence[str], progress: Progress | None
) -> AsyncIterator[list[DomainEvent]]:
    head = store.application.vault.max_notification_id() or 0
    after = _position_at(store, choice.since, head) if choice.since is not None else 0
    while after < head and (page := await store.log(after, PAGE_EVENTS, types)):
        after = min(page[-1][0], head)
        if events := [event for position, event in page if position <= head]:
            yield events
        if progress is not None:
            progress(after, head)


def _position_at(store: LogStore, since: datetime, head: int) -> int:
    """A position before everything that was recorded since, found by halving; clocks may differ by a minute."""
    low, high = 0, head
    while low < high:
        middle = (low + high) // 2
        rows = store.application.vault.log_rows(middle, 1)
        if rows and _event(store, rows[0]).timestamp < since - timedelta(minutes=1):
            low = rows[0][0]
        else:
            high = middle
    return low


def _event(store: LogStore, row: tuple[int, str, int, str, bytes]) -> DomainEvent:
    return store.application.event_mapper.event(*row[1:])
