"""Triggers: what is told of a failed login and of a logout, scheduled in the append that says so.

Kratos has neither; its users ask for both. What stands there changes nothing any more, so all of it is delivered: the
worker sends it, with retries, at least once, under one trigger id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.body import identity_body, session_body
from limen.domain.configuration import FlowKind, Slot
from limen.domain.desk import Desk
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.mention import mention
from limen.domain.placement import LOGIN_FAILED, LOGOUT, TRIGGERS
from limen.domain.plan import Planned
from limen.domain.ports import Step, VaultRow
from limen.domain.request import Request
from limen.domain.sessions import SignedIn
from limen.domain.templating import TemplateCanceled, TemplateFailed
from limen.domain.work import Work, dump

NOT_TRIED = frozenset({"missing"})
"""Reasons of a refusal that is no failed login: a field was empty, so nothing was tried."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a trigger runs, and the ids of the deliveries it becomes, known before they are made."""

    planned: tuple[Planned, ...] = ()
    ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed login: its method, the class of its reason, and whose identifier was given, where it is somebody's."""

    reason: str
    request: Request = field(repr=False)
    identity_id: UUID | None = None
    signed_in: SignedIn | None = field(default=None, repr=False)


class Triggers:
    """Schedules what is told, under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.tools = desk.services.tools

    # -- a failed login

    def of_failure(self, flow: Flow, reason: str) -> Due:
        """What is told of a submission that was refused, or that ended its flow; nothing where it is no failed login.

        What an action stopped is none: that is the action's doing, and it knows.
        """
        if flow.kind is not FlowKind.LOGIN or reason in NOT_TRIED:
            return Due()
        slot = Slot(LOGIN_FAILED.flow, LOGIN_FAILED.phase, flow.method)
        return self._due(slot if slot in TRIGGERS else LOGIN_FAILED)

    async def tell_failure(self, due: Due, work: Work, failure: Failure, at: datetime) -> None:
        """Makes it part of the work's next append. The flow stands as the failure left it.

        Who is known is looked up and who is not alike: the time that takes says nothing.
        """
        if not due.planned:
            return
        people, flow = self.desk.people, work.flow
        identity = await people.identity(failure.identity_id or self.tools.ids.new())
        ctx = self.desk.presenter.context(flow, failure.request, phase="after", person=failure.signed_in)
        ctx |= {"method": flow.method, "reason": failure.reason}
        if identity is not None:
            ctx["identity"] = self._identity(identity)
            mention(work.step, flow.id, identity.reservations)  # the flow speaks of them now: erasing finds it
        made = await self._schedule(due, work.step, ctx, at, flow=flow, identity_id=failure.identity_id)
        work.add(*made)

    # -- a logout

    def of_logout(self) -> Due:
        """What is told of a logout."""
        return self._due(LOGOUT)

    async def tell_logout(
        self, due: Due, step: Step, signed_in: SignedIn, request: Request, at: datetime
    ) -> Sequence[Aggregate]:
        """Makes it part of the append in which the session ends, sealed under the identity's key."""
        if not due.planned:
            return ()
        identity = self._identity(signed_in.identity)
        ctx = self.desk.presenter.asked(request)
        ctx |= {"session": session_body(signed_in.session, identity, signed_in.devices, at), "identity": identity}
        return await self._schedule(due, step, ctx, at, flow=None, identity_id=signed_in.identity.id)

    # -- both

    def _due(self, slot: Slot) -> Due:
        planned = self.desk.plan(slot).actions
        return Due(planned, tuple(self.tools.ids.new() for _ in planned))

    def _identity(self, identity: Identity) -> dict[str, Any]:
        base = self.desk.rules.configuration.base_url
        return identity_body(identity, self.desk.people.profile(identity), base, admin=True)

    async def _schedule(
        self,
        due: Due,
        step: Step,
        ctx: Mapping[str, Any],
        at: datetime,
        *,
        flow: Flow | None,
        identity_id: UUID | None,
    ) -> list[Aggregate]:
        """A canceled template and one that fails are on record too: as deliveries that have come to their end."""
        made: list[Aggregate] = []
        scheduler, keyring = self.desk.scheduler, self.tools.keyring
        owner = flow.id if flow is not None else identity_id
        assert owner is not None
        method = flow.method if flow is not None else None
        until = at + self.desk.rules.configuration.settings.payload_retention
        for planned, id_ in zip(due.planned, due.ids, strict=True):
            fields: dict[str, Any] = {"flow_id": flow.id if flow is not None else None, "identity_id": identity_id}
            fields |= {"rule": planned.rule, "source": planned.source}
            try:
                payload, digest, trigger_id = await scheduler.payload(planned, ctx, at, owner=owner, method=method)
            except TemplateCanceled:
                delivery = scheduler.scheduled(planned, id_, at, trigger_id=self.tools.ids.new(), **fields)
                delivery.fire("cancel", at, reason="template")
            except TemplateFailed as failed:
                delivery = scheduler.scheduled(planned, id_, at, trigger_id=self.tools.ids.new(), **fields)
                delivery.fire("attempt", at, attempt=1, lease=at)
                delivery.fire("park", at, attempt=1, reason="template", detail=failed.detail, duration=0.0)
            else:
                fields |= {"trigger_id": trigger_id, "request_digest": digest}
                delivery = scheduler.scheduled(planned, id_, at, **fields)
                sealed = keyring.encrypt(owner, dump(payload))
                step.put.append(VaultRow(owner, "payload", str(id_), sealed, expires_at=until))
                step.due.append((id_, at))
            made.append(delivery)
        return made
