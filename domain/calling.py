"""Calling: an action asks a web hook's target or a service on the bus, with its retries, and every attempt is recorded.

Before an attempt leaves the process, all that has been decided so far is appended; so a crash never hides that a call
may have been made. Each answer is appended with the next attempt, or with what the stage comes to.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from limen.domain.action import ActionSettings
from limen.domain.answer import Failure, Verdict, interpret, pause, retriable
from limen.domain.patience import OutOfTime, either, first
from limen.domain.plan import Planned
from limen.domain.ports import Answer, CallFailed, Question
from limen.domain.preparation import JSON, prepare, standard_payload
from limen.domain.recording import record, spent
from limen.domain.templating import TemplateCanceled, TemplateFailed, Templates
from limen.domain.tools import Tools
from limen.domain.work import Work

ContextSource = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Canceled:
    """The template said cancel: no request was made, the flow goes on."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What an action is about to ask. `send` makes one attempt, within so many seconds, at that time."""

    planned: Planned
    trigger_id: UUID
    context: str
    body: bytes = field(repr=False)
    send: Callable[[float, datetime], Awaitable[Answer]]
    parses: bool


class Calling:
    """Runs the actions that ask somebody outside while their flow waits."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    async def run(self, planned: Planned, work: Work, context: ContextSource, *, modifies: bool) -> Verdict | Canceled:
        """One action, with its retries. `modifies`: whether this kind of flow lets an action change the identity."""
        tools, since = self.tools, self.tools.clock.now()
        if planned.action is not None and planned.action.bus is not None and tools.asker is None:
            closed = Failure("handler", "there is no bus to ask over; give bus in limen.yml")
            record(tools, planned, work, closed, attempt=1, since=since)
            return closed
        ctx = context()
        name = work.document(ctx, since)
        try:
            errand = await self._errand(planned, work, ctx, name, since)
        except TemplateCanceled:
            work.flow.fire("cancel_action", tools.clock.now(), action=planned.ref, duration=spent(tools, since))
            return Canceled()
        except TemplateFailed as failed:
            broken = Failure("template", failed.detail)
            record(tools, planned, work, broken, attempt=1, since=since)
            return broken
        return await self._attempts(errand, work, since, modifies=modifies)

    # -- what is asked

    async def _errand(
        self, planned: Planned, work: Work, ctx: Mapping[str, Any], context: str, since: datetime
    ) -> Errand:
        trigger_id = self.tools.ids.new()
        rendered = await render(self.tools.templates, planned, ctx)
        action = planned.action
        assert action is not None
        if action.bus is not None:
            place = (work.flow.kind, planned.ref.phase)
            body = standard_payload(place, ctx, work.flow.method, since) if rendered is None else rendered
            send = self._question(action.bus.subject, body, trigger_id)
            return Errand(planned, trigger_id, context, body, send, parses=True)
        assert action.web_hook is not None
        request = prepare(action, rendered, trigger_id=trigger_id, ctx=ctx, method=work.flow.method, at=since)

        async def send_request(timeout: float, now: datetime) -> Answer:
            id_ = self.tools.ids.new()
            return await self.tools.caller.call(request, request_id=id_, timeout=timeout, sent_at=now)

        body = request.body or b""
        return Errand(planned, trigger_id, context, body, send_request, parses=action.web_hook.parses)

    def _question(self, subject: str, body: bytes, trigger_id: UUID) -> Callable[[float, datetime], Awaitable[Answer]]:
        asker, ids = self.tools.asker, self.tools.ids
        assert asker is not None

        async def send(timeout: float, _: datetime) -> Answer:
            headers = {
                "content-type": JSON,
                "Ory-Webhook-Trigger-ID": str(trigger_id),
                "Ory-Webhook-Request-ID": str(ids.new()),
            }
            return await asker.ask(Question(subject, body, headers, trigger_id), timeout=timeout)

        return send

    # -- the attempts

    async def _attempts(self, errand: Errand, work: Work, since: datetime, *, modifies: bool) -> Verdict:
        tools, planned, settings = self.tools, errand.planned, errand.planned.settings
        digest = tools.keyring.digest(work.flow.id, errand.body)
        deadline = since + timedelta(seconds=settings.timeout)
        attempt = 0
        while True:
            attempt += 1
            started = tools.clock.now()
            work.flow.fire(
                "begin_action",
                started,
                action=planned.ref,
                attempt=attempt,
                trigger_id=errand.trigger_id,
                context=errand.context,
                request_digest=digest,
            )
            await work.commit()
            answer = await self._call(errand, settings, deadline)
            verdict = judge(answer, parses=errand.parses, modifies=modifies)
            wait = self._wait(answer, verdict, attempt, errand, deadline)
            record(tools, planned, work, verdict, attempt=attempt, since=started, answer=answer, final=wait is None)
            if wait is None:
                return verdict
            await either(tools.clock.sleep(wait), asyncio.sleep(wait))

    async def _call(self, errand: Errand, settings: ActionSettings, deadline: datetime) -> Answer | CallFailed:
        """One attempt, made when the action's gate lets it through: the time it waits there is its own."""
        tools = self.tools

        async def call() -> Answer:
            now = tools.clock.now()
            return await errand.send(remaining(deadline, now), now)

        asking = tools.gate.through(errand.planned.ref.id, settings.concurrency, call)
        try:
            return await first(tools.clock, remaining(deadline, tools.clock.now()), asking)
        except CallFailed as failed:
            return failed
        except OutOfTime:
            return CallFailed("timeout", "no answer in time")

    def _wait(
        self, answer: Answer | CallFailed, verdict: Verdict, attempt: int, errand: Errand, deadline: datetime
    ) -> float | None:
        """Seconds until the next try, or None when there is none: the tries or the time are used up."""
        if not isinstance(verdict, Failure) or not retriable(answer, parses=errand.parses):
            return None
        left = (deadline - self.tools.clock.now()).total_seconds()
        random = self.tools.chance()
        asked = answer.retry_after if isinstance(answer, Answer) else None
        return pause(attempt, random=random, retry_after=asked, remaining=left, retry=errand.planned.settings.retry)


def remaining(deadline: datetime, now: datetime) -> float:
    """Seconds until the deadline; a moment where it is over."""
    return max((deadline - now).total_seconds(), 0.001)


def judge(answer: Answer | CallFailed, *, parses: bool, modifies: bool) -> Verdict:
    """What an answer, or the lack of one, means."""
    if isinstance(answer, CallFailed):
        return Failure("upstream" if answer.reason == "too_large" else answer.reason, answer.detail)
    return interpret(answer, parses=parses, modifies=modifies)


async def render(templates: Templates, planned: Planned, ctx: Mapping[str, Any]) -> bytes | None:
    """The body an action's template gives; None where it has none."""
    asking = (planned.action.web_hook or planned.action.bus) if planned.action else None
    if asking is None or asking.template is None:
        return None
    return await templates.render(asking.template, ctx, name=planned.ref.id)
