"""Turning: a flow of the wrong kind goes on as another: a registration of somebody known as a login, and so on.

The new flow's before-actions run, as if it had been asked for; that it is open, and that the old one has become it, is
one append. Until then the old flow is as it was: what rejects or breaks the new one costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from limen.domain.configuration import FlowKind
from limen.domain.desk import Desk
from limen.domain.errors import FlowBusy, LimenError, StoreConflict
from limen.domain.flow import Flow
from limen.domain.linking import Link
from limen.domain.opening import Opening
from limen.domain.pending import KIND as PENDING
from limen.domain.pending import pending_row
from limen.domain.ports import VaultKey
from limen.domain.request import Request
from limen.domain.work import Work


@dataclass(frozen=True, slots=True)
class Continuation:
    """What the new flow is for: `method` goes on in it; `pending` and `link` are kept in it from its start."""

    kind: FlowKind
    method: str
    reason: str
    pending: str | None = field(default=None, repr=False)
    link: Link | None = None


async def turn(desk: Desk, work: Work, into: Continuation, request: Request) -> Flow:
    """Opens the flow that `work.flow` goes on as, and ends that one with it. Raises what opening a flow raises."""
    left = work.flow

    if left.busy_until is not None:  # what a provider said is kept before other actions are asked
        await work.commit()

    def end(new: Work) -> None:
        work.step.put = [row for row in work.step.put if (row.owner, row.kind) != (left.id, PENDING)]
        work.step.drop.append(VaultKey(left.id, PENDING))
        left.fire("turn", new.flow.updated_at, method=into.method, reason=into.reason, into=new.flow.id)
        new.absorb(work)

    try:
        return await follow(desk, work, into, request, end)
    except StoreConflict as conflict:
        raise (FlowBusy(left.id) if left.id in conflict.streams else conflict) from conflict
    except LimenError:
        await _release(desk, left)
        raise


async def follow(
    desk: Desk, work: Work, into: Continuation, request: Request, end: Callable[[Work], None] | None = None
) -> Flow:
    """Opens a flow that comes after `work.flow`, asked for by the same request."""
    keyring, left = desk.services.tools.keyring, work.flow

    def opened(new: Work) -> None:
        if into.pending is not None:
            new.step.put.append(pending_row(keyring, new.flow, into.method, into.pending))
        if into.link is not None:
            new.step.put.append(into.link.row(keyring, new.flow))
        if end is not None:
            end(new)

    # what was sent along for the actions comes with the submission: before-actions are not given it (Kratos)
    asked = {**desk.presenter.request(left), "transient_payload": None}
    view = await Opening(desk).start(
        into.kind,
        request,
        type_=left.type,
        identity_schema=left.identity_schema,
        organization=str(left.organization_id) if left.organization_id is not None else None,
        started_by=left.id,
        asked=asked,
        opened=opened,
    )
    return await desk.services.streams.load(Flow, view.id)


async def _release(desk: Desk, left: Flow) -> None:
    """The flow that does not go on as another is its user's again, where its actions had begun."""
    flow = await desk.services.streams.load(Flow, left.id)
    if flow.state in ("authenticating", "finishing"):
        flow.fire("release", desk.services.tools.clock.now(), reason="not_turned", identity_id=flow.owner)
        await desk.work(flow).commit()
