"""Work: what one call to the engine has decided so far, appended when it must be durable."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from limen.domain.aggregate import Aggregate
from limen.domain.document import Document
from limen.domain.errors import FlowBusy, StoreConflict
from limen.domain.flow import Flow
from limen.domain.ports import Keyring, Step, VaultRow
from limen.domain.streams import Streams

SCHEDULED = ".scheduled"
"""How the name of a context ends that is given to the actions an append schedules."""


class Work:
    """One flow and what goes with it: pending events, vault rows, deliveries.

    Nothing is written until `commit`. A conflict on the flow's own stream means that another submission of it went
    first: `FlowBusy`.
    """

    def __init__(
        self, flow: Flow, streams: Streams, keyring: Keyring, retention: timedelta, *, every_context: bool = False
    ) -> None:
        self.flow = flow
        self.step = Step()
        self.others: list[Aggregate] = []
        self._streams = streams
        self._keyring = keyring
        self._retention = retention
        self._every_context = every_context
        self._documents = 0

    def branch(self) -> "Work":
        """A copy to complete: when its commit conflicts on another stream, this one is still as it was."""
        copy = self.beside(self.flow.clone())
        step = self.step
        copy.step = Step(put=[*step.put], unique=[*step.unique], bind=[*step.bind], drop=[*step.drop], due=[*step.due])
        copy.others = [other.clone() for other in self.others]
        copy._documents = self._documents
        return copy

    async def commit(self) -> None:
        """Appends everything decided so far, durably, in one transaction."""
        step, self.step = self.step, Step()
        try:
            await self._streams.append(step, self.flow, *self.others)
        except StoreConflict as conflict:
            self.step = step
            if self.flow.id in conflict.streams:
                raise FlowBusy(self.flow.id) from conflict
            raise
        self.others = []

    def add(self, *aggregates: Aggregate) -> None:
        """Appends these aggregates' pending events with the flow's."""
        self.others += [one for one in aggregates if one not in self.others]

    def beside(self, flow: Flow) -> "Work":
        """The work of another flow that this one starts; it is taken in by `absorb`."""
        return Work(flow, self._streams, self._keyring, self._retention, every_context=self._every_context)

    def absorb(self, other: "Work") -> None:
        """Takes in the work of a flow started beside this one, to be appended with it."""
        self.add(other.flow, *other.others)
        self.step.put += other.step.put
        self.step.bind += other.step.bind
        self.step.drop += other.step.drop
        self.step.due += other.step.due

    def keep(self, kind: str, name: str, value: Any, at: datetime) -> None:
        """Keeps a JSON document in the vault, sealed under the flow's key, for as long as payloads are kept."""
        self.step.put.append(self.row(kind, name, value, at))

    def row(self, kind: str, name: str, value: Any, at: datetime) -> VaultRow:
        """The vault row of a payload of this flow."""
        sealed = self._keyring.encrypt(self.flow.id, dump(value))
        return VaultRow(self.flow.id, kind, name, sealed, expires_at=at + self._retention)

    def document(self, ctx: Mapping[str, Any], at: datetime, *, scheduling: bool = False, of: str | None = None) -> str:
        """Keeps the context document an action is given; answers its name.

        The name begins with the version at which it was made. `scheduling`: what is given to actions that the append
        schedules; its name says so, and `of` what, where that is not what the flow itself came to.
        """
        self._documents += 1
        name = f"{self.flow.version}.{self._documents}{f'.{of}' if of else ''}{SCHEDULED if scheduling else ''}"
        self.keep("context", name, ctx, at)
        return name

    def note_context(
        self,
        context: Callable[[], Mapping[str, Any]],
        at: datetime,
        *,
        scheduling: bool = False,
        of: str | None = None,
    ) -> None:
        """Keeps the context as it stands, though no action asks for it, where every one is to be kept."""
        if self._every_context:
            self.document(context(), at, scheduling=scheduling, of=of)


def dump(value: Any) -> bytes:
    """Compact JSON bytes."""
    return json.dumps(value.plain() if isinstance(value, Document) else value, separators=(",", ":")).encode()
