"""Revival: a flow is fetched, brought up to the time, and worked on by one call at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from limen.domain.desk import Desk
from limen.domain.errors import FlowBusy, FlowExpired, FlowFinished, FlowNotFound
from limen.domain.flow import Flow
from limen.domain.streams import Streams
from limen.domain.tools import Tools

GONE = "the person it was of has been erased"
"""Why a flow that was there is not found any more."""


class Revival:
    """Fetches the flows of an engine; `desk` finds the configuration that a flow is pinned to."""

    def __init__(self, tools: Tools, streams: Streams, desk: Callable[[UUID], Awaitable[Desk]]) -> None:
        self.tools = tools
        self.streams = streams
        self.desk = desk
        self._in_flight: set[UUID] = set()

    @asynccontextmanager
    async def alone(self, flow_id: UUID) -> AsyncIterator[tuple[Desk, Flow]]:
        """The flow, ready for a submission, with its desk; nobody else in this process works on it meanwhile.

        Raises `FlowBusy`, `FlowFinished`, `FlowExpired`, `FlowNotFound`.
        """
        if flow_id in self._in_flight:
            raise FlowBusy(flow_id)
        self._in_flight.add(flow_id)
        try:
            flow = await self.load(flow_id)
            desk = await self.desk(flow.configuration)
            await self.key(flow)
            await self._settle(desk, flow)
            yield desk, flow
        finally:
            self._in_flight.discard(flow_id)

    async def load(self, flow_id: UUID) -> Flow:
        """The flow as it stands. Raises `FlowNotFound`."""
        flow = await self.streams.load(Flow, flow_id)
        if not flow.version:
            raise FlowNotFound(flow_id)
        return flow

    async def onward(self, flow_id: UUID | str) -> UUID:
        """The flow that one goes on as, as far as that takes up what a browser brings back (ADR 26): else itself."""
        flow = await self.load(flow_of(flow_id))
        while flow.into is not None:
            after = await self.load(flow.into)
            if after.linking:
                break  # it waits for its person to prove the account
            flow = after
        return flow.id

    async def key(self, flow: Flow) -> None:
        """Fetches the flow's key, even where it is at hand: another process may have erased it."""
        if not await self.tools.keyring.load(flow.id):
            raise FlowNotFound(flow.id, GONE)

    async def _settle(self, desk: Desk, flow: Flow) -> None:
        """Brings a flow up to the time: what has expired expires, what a dead process left comes back to its user."""
        now = self.tools.clock.now()
        if flow.ended:
            expired = flow.state == "expired"
            raise (FlowExpired(flow.id) if expired else FlowFinished(flow.id, flow.state, flow.into))
        if flow.busy:
            if flow.busy_until is None or now < flow.busy_until:
                raise FlowBusy(flow.id, flow.busy_until)
            await self._return(desk, flow, now)
        if now >= flow.expires_at:
            flow.fire("expire", now)
            await desk.work(flow).commit()
            raise FlowExpired(flow.id)

    async def _return(self, desk: Desk, flow: Flow, now: datetime) -> None:
        """A flow whose process died: while preparing it never reached its user; later it goes back to them."""
        if flow.state == "preparing":
            flow.fire("fail", now, reason="abandoned")
            await desk.work(flow).commit()
            raise FlowFinished(flow.id, flow.state)
        flow.fire("release", now, reason="abandoned", identity_id=flow.owner)
        await desk.work(flow).commit()


def flow_of(flow_id: UUID | str) -> UUID:
    """The id of a flow as a caller gives it. Raises `FlowNotFound` where it is none."""
    try:
        return flow_id if isinstance(flow_id, UUID) else UUID(flow_id)
    except (ValueError, AttributeError, TypeError):
        raise FlowNotFound(str(flow_id)[:36] if isinstance(flow_id, str) else "of that id") from None
