"""Loading aggregates: folded once, kept while they are in use, brought up to date by what was appended since."""

import asyncio
from collections import OrderedDict
from typing import TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from limen.domain.aggregate import Aggregate
from limen.domain.ports import Step, Store

A = TypeVar("A", bound=Aggregate)

ATTEMPTS = 50
"""How often a decision is taken again when another process has moved a stream on: two that meet each time, and win by
turns, lose that often in a row once in 2**50."""


class Streams:
    """The aggregates of a store.

    `capacity` bounds how many are kept in memory. Every load asks the store what came after the kept version, so
    another process' appends are seen; a stale decision is refused by the append itself.
    """

    def __init__(self, store: Store, capacity: int = 2048) -> None:
        self.store = store
        self._capacity = capacity
        self._kept: OrderedDict[UUID, Aggregate] = OrderedDict()
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def turn(self, id: UUID) -> asyncio.Lock:
        """To be held from the reading of a much-used stream to the append: within this process one after the other.

        Many logins of one identity append to its one stream; without turns all but one of them would fail each time.
        """
        turn = self._turns.get(id)
        if turn is None:
            self._turns[id] = turn = asyncio.Lock()
        return turn

    async def load(self, of: type[A], id: UUID) -> A:
        """A copy to decide on; version 0 where there is no such stream, or it is of another kind."""
        kept = self._kept.get(id)
        if not isinstance(kept, of):
            kept = of(id)
        newer = await self.store.events(id, kept.version)
        if newer and newer[0].stream != of.stream:
            return of(id)
        if newer:
            kept = kept.clone()
            for event in newer:
                kept.fold(event)
        if kept.version:
            self._keep(kept)
        return kept.clone()

    async def append(self, step: Step, *aggregates: Aggregate) -> None:
        """Appends what the aggregates decided, with the rest of the step, in one transaction.

        Raises `StoreConflict`; then the aggregates still hold their pending events and nothing was written.
        """
        step.events = [event for aggregate in aggregates for event in aggregate.pending]
        if not step:
            return
        await self.store.append(step)
        for aggregate in aggregates:
            aggregate.collect_events()
            self._keep(aggregate.clone())

    def _keep(self, aggregate: Aggregate) -> None:
        self._kept[aggregate.id] = aggregate
        self._kept.move_to_end(aggregate.id)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
