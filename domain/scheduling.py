"""Scheduling: what runs after the commit is decided, rendered and sealed before it, in the same append."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from limen.domain.calling import render
from limen.domain.delivery import Delivery, DeliveryScheduled
from limen.domain.plan import Planned
from limen.domain.ports import Ids, Keyring, Mail, PreparedRequest
from limen.domain.preparation import prepare
from limen.domain.templating import TemplateCanceled, TemplateFailed, Templates
from limen.domain.work import Work, dump

LEASE_MARGIN = 15.0
"""Seconds beyond its deadline after which a process that took a delivery counts as dead."""


@dataclass(slots=True)
class Schedule:
    """What was scheduled: the awaited ones in order, all ids, and the first awaited action whose template failed.

    `patience` is how many seconds the awaited ones may take together: they are sent one after the other.
    """

    awaited: list[UUID] = field(default_factory=list)
    ids: list[UUID] = field(default_factory=list)
    failed: tuple[Planned, str] | None = None
    patience: float = 0.0


class Scheduler:
    """Makes deliveries of actions and messages. Each becomes part of the work's next append."""

    def __init__(self, templates: Templates, keyring: Keyring, ids: Ids, configuration: UUID) -> None:
        self.templates = templates
        self.keyring = keyring
        self.ids = ids
        self.configuration = configuration

    async def actions(
        self,
        planned: list[Planned],
        work: Work,
        context: Callable[[], Mapping[str, Any]],
        at: datetime,
        *,
        identity_id: UUID | None = None,
        name: str | None = None,
        after: Schedule | None = None,
    ) -> Schedule:
        """Schedules these actions, rendered with `context`; a canceled or failed template is recorded on the flow.

        `name` tells the context apart from another one of the same commit; `after`: what the same commit has scheduled
        before them, to which they are added.
        """
        schedule = after or Schedule()
        if not planned:
            work.note_context(context, at, scheduling=True, of=name)
            return schedule
        ctx = context()
        work.document(ctx, at, scheduling=True, of=name)
        for one in planned:
            try:
                payload, digest, trigger_id = await self.payload(
                    one, ctx, at, owner=work.flow.id, method=one.ref.method
                )
            except TemplateCanceled:
                work.flow.fire("cancel_action", at, action=one.ref, duration=0.0)
                continue
            except TemplateFailed as failed:
                work.flow.fire(
                    "fail_action", at, action=one.ref, attempt=1, reason="template", detail=failed.detail, duration=0.0
                )
                if one.timing == "after_commit" and schedule.failed is None:
                    schedule.failed = (one, failed.detail)
                continue
            delivery = self._deliver(one, work, at, trigger_id, digest, identity_id, schedule)
            work.keep("payload", str(delivery), payload, at)
        return schedule

    async def payload(
        self, planned: Planned, ctx: Mapping[str, Any], at: datetime, *, owner: UUID, method: str | None
    ) -> tuple[dict[str, Any], str, UUID]:
        """What is sent for an action, its digest under the key of `owner`, and its trigger id.

        Raises `TemplateCanceled` and `TemplateFailed`.
        """
        trigger_id = self.ids.new()
        if planned.action is None or planned.action.web_hook is None:
            digest = self.keyring.digest(owner, dump(ctx))
            slot = str(planned.handler.slots[0]) if planned.handler and planned.action is None else None
            name = planned.handler.id if planned.handler else planned.ref.hook
            return {"handler": name, "slot": slot, "context": dict(ctx)}, digest, trigger_id
        rendered = await render(self.templates, planned, ctx)
        request = prepare(planned.action, rendered, trigger_id=trigger_id, ctx=ctx, method=method, at=at)
        return request_record(request), self.keyring.digest(owner, request.body or b""), trigger_id

    def _deliver(
        self,
        planned: Planned,
        work: Work,
        at: datetime,
        trigger_id: UUID,
        digest: str,
        identity_id: UUID | None,
        schedule: Schedule,
    ) -> UUID:
        """An awaited one is taken on at once, until its turn would be over if those before it took all their time."""
        awaited = planned.timing == "after_commit"
        delivery = self.scheduled(
            planned,
            self.ids.new(),
            at,
            flow_id=work.flow.id,
            identity_id=identity_id,
            trigger_id=trigger_id,
            awaited=awaited,
            request_digest=digest,
        )
        due = at
        if awaited:
            schedule.patience += planned.settings.timeout
            due = at + timedelta(seconds=schedule.patience + LEASE_MARGIN)
            delivery.fire("attempt", at, attempt=1, lease=due)
            schedule.awaited.append(delivery.id)
        schedule.ids.append(delivery.id)
        work.add(delivery)
        work.step.due.append((delivery.id, due))
        return delivery.id

    def scheduled(self, planned: Planned, id: UUID, at: datetime, **fields: Any) -> Delivery:
        """A delivery of an action, with its first event pending."""
        delivery = Delivery(id)
        delivery.record(
            DeliveryScheduled,
            at,
            channel="web_hook" if planned.action is not None and planned.action.web_hook is not None else "handler",
            action=planned.ref.id,
            hook=planned.ref.hook,
            phase=planned.ref.phase,
            method=planned.ref.method,
            position=planned.ref.position,
            configuration=self.configuration,
            **fields,
        )
        return delivery

    def message(self, mail: Mail, work: Work, at: datetime, *, identity_id: UUID | None = None) -> UUID:
        """Schedules a message to a person."""
        delivery = Delivery(self.ids.new())
        delivery.record(
            DeliveryScheduled,
            at,
            flow_id=work.flow.id,
            identity_id=identity_id,
            channel="message",
            action=mail.template,
            hook="courier",
            phase="after",
            method=work.flow.method,
            trigger_id=delivery.id,
            configuration=self.configuration,
        )
        work.add(delivery)
        work.keep("payload", str(delivery.id), {"mail": asdict(mail)}, at)
        work.step.due.append((delivery.id, at))
        return delivery.id


def request_record(request: PreparedRequest) -> dict[str, Any]:
    """A prepared request as JSON, for the vault."""
    return {
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": [list(pair) for pair in request.headers],
            "body": request.body.decode() if request.body is not None else None,
            "trigger_id": str(request.trigger_id),
            "credentials": list(request.credentials),
            "signing_secrets": list(request.signing_secrets),
        }
    }


def request_of(record: Mapping[str, Any]) -> PreparedRequest:
    """The prepared request again from `request_record`."""
    request = record["request"]
    return PreparedRequest(
        method=request["method"],
        url=request["url"],
        headers=tuple((name, value) for name, value in request["headers"]),
        body=request["body"].encode() if request["body"] is not None else None,
        trigger_id=UUID(request["trigger_id"]),
        credentials=tuple(request["credentials"]),
        signing_secrets=tuple(request["signing_secrets"]),
    )
