"""Runner: runs the actions of one stage of a flow, one after the other, and records every attempt.

Before an attempt leaves the process, all that has been decided so far is appended; so a crash never hides that a call
may have been made. Each answer is appended with the next attempt, or with what the stage comes to.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from limen.domain.answer import (
    Continue,
    Failure,
    Ignored,
    Interruption,
    Modification,
    Verdict,
    check_parts,
    interpret,
    pause,
    retriable,
)
from limen.domain.configuration import Action, Retry
from limen.domain.document import Deferred
from limen.domain.gate import Gate
from limen.domain.guard import guard
from limen.domain.handler import ActionContext, Actions, Interrupt, Modify, RegisteredHandler
from limen.domain.patience import OutOfTime, either, first, in_thread
from limen.domain.plan import Planned
from limen.domain.ports import (
    Answer,
    Caller,
    CallFailed,
    Clock,
    Ids,
    Keyring,
    PreparedRequest,
    Secrets,
    TemplateCanceled,
    TemplateFailed,
    Templates,
)
from limen.domain.preparation import prepare
from limen.domain.work import Work

ContextSource = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Canceled:
    """The template said cancel: no request was made, the flow goes on."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What running an action takes."""

    clock: Clock
    ids: Ids
    secrets: Secrets
    keyring: Keyring
    templates: Templates
    caller: Caller
    gate: Gate = field(default_factory=Gate)


class Runner:
    """Runs blocking actions: web hooks and Python handlers."""

    def __init__(self, tools: Tools, handlers: Actions) -> None:
        self.tools = tools
        self.handlers = handlers

    async def run(self, planned: Planned, work: Work, context: ContextSource, *, modifies: bool) -> Verdict | Canceled:
        """One action, with its retries. `modifies`: whether this kind of flow lets an action change the identity."""
        if planned.handler is not None:
            return await self._handler(planned, work, context, modifies=modifies)
        return await self._web_hook(planned, work, context, modifies=modifies)

    # -- Python handlers

    async def _handler(self, planned: Planned, work: Work, context: ContextSource, *, modifies: bool) -> Verdict:
        handler, clock = planned.handler, self.tools.clock
        assert handler is not None
        started = clock.now()
        if not handler.pure:
            name = work.document(context(), started)
            work.flow.fire(
                "begin_action", started, action=planned.ref, attempt=1, trigger_id=self.tools.ids.new(), context=name
            )
            await work.commit()
        settings = planned.settings
        try:
            # a pure handler often looks at nothing or little: what it does not look at is not put together
            given = Deferred(context) if handler.pure else context()
            if handler.pure and not handler.is_async:
                answered = handler.function(ActionContext(given))
                if isinstance(answered, Awaitable):
                    answered = await first(clock, settings.timeout, answered)
            else:
                gate, limit = self.tools.gate, settings.concurrency
                asking = gate.through(planned.ref.id, limit, lambda: call_handler(handler, given))
                answered = await first(clock, settings.timeout, asking)
            verdict = _said(answered, modifies=modifies)
        except OutOfTime:
            verdict = Failure("timeout", f"no answer within {settings.timeout:g} s")
        except Exception as error:
            verdict = Failure("handler", type(error).__name__)
        self._record(planned, work, verdict, attempt=1, since=started)
        return verdict

    # -- web hooks

    async def _web_hook(
        self, planned: Planned, work: Work, context: ContextSource, *, modifies: bool
    ) -> Verdict | Canceled:
        action, tools = planned.action, self.tools
        assert action is not None
        assert action.web_hook is not None
        since, ctx = tools.clock.now(), context()
        name = work.document(ctx, since)
        trigger_id = tools.ids.new()
        try:
            rendered = await render(tools.templates, planned, ctx)
            request = prepare(action, rendered, trigger_id=trigger_id, ctx=ctx, method=work.flow.method, at=since)
        except TemplateCanceled:
            work.flow.fire("cancel_action", tools.clock.now(), action=planned.ref, duration=self._spent(since))
            return Canceled()
        except TemplateFailed as failed:
            broken = Failure("template", failed.detail)
            self._record(planned, work, broken, attempt=1, since=since)
            return broken
        digest = tools.keyring.digest(work.flow.id, request.body or b"")
        deadline = since + timedelta(seconds=action.settings.timeout)
        attempt = 0
        while True:
            attempt += 1
            started = tools.clock.now()
            work.flow.fire(
                "begin_action",
                started,
                action=planned.ref,
                attempt=attempt,
                trigger_id=trigger_id,
                context=name,
                request_digest=digest,
            )
            await work.commit()
            answer = await self._call(action, request, deadline)
            verdict = judge(answer, parses=action.web_hook.parses, modifies=modifies)
            wait = self._wait(answer, verdict, attempt, action.settings.retry, deadline, parses=action.web_hook.parses)
            self._record(planned, work, verdict, attempt=attempt, since=started, answer=answer, final=wait is None)
            if wait is None:
                return verdict
            await either(tools.clock.sleep(wait), asyncio.sleep(wait))

    async def _call(self, action: Action, request: PreparedRequest, deadline: datetime) -> Answer | CallFailed:
        """One attempt, made when the action's gate lets it through: the time it waits there is its own."""
        tools = self.tools

        async def call() -> Answer:
            now = tools.clock.now()
            left = remaining(deadline, now)
            return await tools.caller.call(request, request_id=tools.ids.new(), timeout=left, sent_at=now)

        asking = tools.gate.through(action.id, action.settings.concurrency, call)
        try:
            return await first(tools.clock, remaining(deadline, tools.clock.now()), asking)
        except CallFailed as failed:
            return failed
        except OutOfTime:
            return CallFailed("timeout", "no answer in time")

    def _wait(
        self,
        answer: Answer | CallFailed,
        verdict: Verdict,
        attempt: int,
        retry: Retry,
        deadline: datetime,
        *,
        parses: bool,
    ) -> float | None:
        """Seconds until the next try, or None when there is none: the tries or the time are used up."""
        if not isinstance(verdict, Failure) or not retriable(answer, parses=parses):
            return None
        remaining = (deadline - self.tools.clock.now()).total_seconds()
        random = int.from_bytes(self.tools.secrets.bytes(4), "big") / 2**32
        asked = answer.retry_after if isinstance(answer, Answer) else None
        return pause(attempt, random=random, retry_after=asked, remaining=remaining, retry=retry)

    # -- the record

    def _spent(self, since: datetime) -> float:
        return round((self.tools.clock.now() - since).total_seconds() * 1000, 3)

    def _record(
        self,
        planned: Planned,
        work: Work,
        verdict: Verdict,
        *,
        attempt: int,
        since: datetime,
        answer: Answer | CallFailed | None = None,
        final: bool = True,
    ) -> None:
        flow, at = work.flow, self.tools.clock.now()
        fields: dict[str, Any] = {"action": planned.ref, "attempt": attempt, "duration": self._spent(since)}
        if isinstance(answer, Answer):
            fields |= {"status": answer.status, "response_digest": self.tools.keyring.digest(flow.id, answer.body)}
        if isinstance(verdict, Failure):
            flow.fire("fail_action", at, reason=verdict.reason, detail=verdict.detail, final=final, **fields)
            return
        modified = tuple(verdict.changes) if isinstance(verdict, Modification) else ()
        flow.fire("answer_action", at, verdict=verdict_name(verdict), modified=modified, **fields)


def remaining(deadline: datetime, now: datetime) -> float:
    """Seconds until the deadline; a moment where it is over."""
    return max((deadline - now).total_seconds(), 0.001)


def verdict_name(verdict: Verdict) -> str:
    """The name a verdict has in the record."""
    match verdict:
        case Continue():
            return "continue"
        case Modification():
            return "modify"
        case Interruption():
            return "interrupt"
        case Ignored():
            return "ignored"
        case _:
            return "fail"


def judge(answer: Answer | CallFailed, *, parses: bool, modifies: bool) -> Verdict:
    """What an answer, or the lack of one, means."""
    if isinstance(answer, CallFailed):
        return Failure("upstream" if answer.reason == "too_large" else answer.reason, answer.detail)
    return interpret(answer, parses=parses, modifies=modifies)


async def render(templates: Templates, planned: Planned, ctx: Mapping[str, Any]) -> bytes | None:
    """The body an action's template gives; None where it has none."""
    hook = planned.action.web_hook if planned.action else None
    if hook is None or hook.template is None:
        return None
    return await templates.render(hook.template, ctx, name=planned.ref.id)


async def call_handler(handler: RegisteredHandler, context: Mapping[str, Any]) -> Any:
    """Runs a handler: awaited, or in a thread when it is a plain function (a pure one runs where it is)."""
    given = ActionContext(context)
    if handler.is_async or handler.pure:
        answered = handler.function(given)
    else:
        answered = await in_thread(handler.function, given)
    return await answered if isinstance(answered, Awaitable) else answered


def _said(answered: Any, *, modifies: bool) -> Verdict:
    match answered:
        case None:
            return Continue()
        case Interrupt():
            guard({"messages": [message.record() for message in answered.messages]})
            return answered.verdict()
        case Modify() if modifies:
            guard(answered.changes)
            check_parts(answered.changes)
            return Modification(answered.changes)
        case Modify():
            raise TypeError("Modify is for registration and settings")
        case _:
            raise TypeError(f"a handler answers None, Modify or Interrupt, not {type(answered).__name__}")
