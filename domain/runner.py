"""Runner: runs the actions of one stage of a flow, one after the other, and records every attempt.

Before a handler that is not pure is called, all that has been decided so far is appended, as before a call that leaves
the process (`limen.domain.calling`).
"""

from collections.abc import Awaitable, Mapping
from typing import Any

from limen.domain.answer import Continue, Failure, Verdict, check_parts, modification
from limen.domain.calling import Calling, Canceled, ContextSource
from limen.domain.document import Deferred
from limen.domain.guard import guard
from limen.domain.handler import ActionContext, Actions, Interrupt, Modify, RegisteredHandler
from limen.domain.patience import OutOfTime, first, in_thread
from limen.domain.plan import Planned
from limen.domain.recording import record
from limen.domain.tools import Tools
from limen.domain.work import Work


class Runner:
    """Runs blocking actions: web hooks, hooks over the bus and Python handlers."""

    def __init__(self, tools: Tools, handlers: Actions) -> None:
        self.tools = tools
        self.handlers = handlers
        self.calling = Calling(tools)

    async def run(self, planned: Planned, work: Work, context: ContextSource, *, modifies: bool) -> Verdict | Canceled:
        """One action, with its retries. `modifies`: whether this kind of flow lets an action change the identity."""
        if planned.handler is not None:
            return await self._handler(planned, work, context, modifies=modifies)
        return await self.calling.run(planned, work, context, modifies=modifies)

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
            verdict = said(answered, modifies=modifies)
        except OutOfTime:
            verdict = Failure("timeout", f"no answer within {settings.timeout:g} s")
        except Exception as error:
            verdict = Failure("handler", type(error).__name__)
        record(self.tools, planned, work, verdict, attempt=1, since=started)
        return verdict


async def call_handler(handler: RegisteredHandler, context: Mapping[str, Any]) -> Any:
    """Runs a handler: awaited, or in a thread when it is a plain function (a pure one runs where it is)."""
    given = ActionContext(context)
    if handler.is_async or handler.pure:
        answered = handler.function(given)
    else:
        answered = await in_thread(handler.function, given)
    return await answered if isinstance(answered, Awaitable) else answered


def said(answered: Any, *, modifies: bool) -> Verdict:
    """What a handler's answer means. Raises TypeError for what is none."""
    match answered:
        case None:
            return Continue()
        case Interrupt():
            guard({"messages": [message.record() for message in answered.messages]})
            return answered.verdict()
        case Modify() if modifies:
            guard(answered.changes)
            check_parts(answered.changes)
            return modification(answered.changes)
        case Modify():
            raise TypeError("Modify is for registration and settings")
        case _:
            raise TypeError(f"a handler answers None, Modify or Interrupt, not {type(answered).__name__}")
