"""Retreat: a call that ended by surprise (the client went away, the caller's time ran out, a bug) frees its flow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from limen.domain.desk import Desk
from limen.domain.errors import FlowBusy, LimenError, StoreConflict
from limen.domain.flow import Flow

_retreating: set["asyncio.Task[None]"] = set()


@asynccontextmanager
async def retreating(desk: Desk, flow_id: UUID) -> AsyncIterator[None]:
    """Around the work on a flow: what escapes it and is no error of limen's leaves the flow to its user.

    What was appended stands, the record of calls included. When the completing append is on its way already, it was
    asked for first and wins.
    """
    try:
        yield
    except LimenError:
        raise
    except BaseException as error:
        reason = "canceled" if isinstance(error, asyncio.CancelledError) else "error"
        task = asyncio.ensure_future(release(desk, flow_id, reason))
        _retreating.add(task)
        task.add_done_callback(_retreating.discard)
        await asyncio.shield(task)
        raise


async def release(desk: Desk, flow_id: UUID, reason: str) -> None:
    """A flow that this call works on goes back to its user; one that never reached them has failed."""
    flow = await desk.services.streams.load(Flow, flow_id)
    now = desk.services.tools.clock.now()
    if flow.state in ("authenticating", "finishing"):
        flow.fire("release", now, reason=reason, identity_id=flow.owner)
    elif flow.state == "preparing":
        flow.fire("fail", now, reason=reason)
    else:
        return
    try:
        await desk.work(flow).commit()
    except (FlowBusy, StoreConflict):
        return
