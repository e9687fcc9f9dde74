"""Stage: the blocking actions of a slot, run in order until one of them stops the flow.

The plan is appended before anything leaves the process: which actions, in which order, by which rule, under which
configuration, and until when the flow is theirs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from limen.domain.answer import Failure, Interruption, Modification
from limen.domain.message import Message
from limen.domain.placement import PLACEMENT
from limen.domain.plan import Plan, Planned
from limen.domain.runner import Runner
from limen.domain.work import Work

MARGIN = 30.0
"""Seconds beyond the actions' own deadlines after which the process that ran them counts as dead."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """An action stopped the flow: with `messages` for its user, or by `failure`."""

    planned: Planned
    messages: tuple[Message, ...] = ()
    failure: Failure | None = None


def announce(plan: Plan, work: Work, at: datetime) -> None:
    """Records the plan, if there is anything in it. It is appended with what comes next."""
    if not plan.actions:
        return
    work.flow.fire(
        "plan",
        at,
        phase=plan.slot.phase,
        method=plan.slot.method,
        rule=plan.rule,
        configuration=work.flow.configuration,
        actions=plan.events,
        deadline=at + timedelta(seconds=plan.patience + MARGIN),
    )


def absent(runner: Runner, planned: Planned, work: Work) -> Failure:
    """A name the configuration uses and nobody registers any more: the action fails, and the record says so."""
    failure = Failure("handler", f"no handler is registered as '{planned.ref.hook}'")
    now = runner.tools.clock.now()
    work.flow.fire(
        "fail_action", now, action=planned.ref, attempt=1, reason=failure.reason, detail=failure.detail, duration=0.0
    )
    return failure


async def run(
    runner: Runner,
    blocking: list[Planned],
    work: Work,
    context: Callable[[], Mapping[str, Any]],
    *,
    modify: Callable[[Mapping[str, Any]], None] | None = None,
    builtin: Callable[[Planned], Stopped | None] | None = None,
) -> Stopped | None:
    """Runs these actions; None when all of them let the flow go on.

    `context` gives each action the document as it stands then; `modify` takes an identity's changes over (None where
    this kind of flow has none, then they are recorded as ignored); `builtin` decides what asks nobody and is no
    handler.
    """
    work.note_context(context, runner.tools.clock.now())
    for planned in blocking:
        asks = planned.action is not None and planned.action.asks
        if planned.handler is None and not asks and planned.ref.hook not in PLACEMENT:
            return Stopped(planned, failure=absent(runner, planned, work))
        if builtin is not None and planned.handler is None and not asks:
            stopped = builtin(planned)
            if stopped is not None:
                return stopped
            continue
        verdict = await runner.run(planned, work, context, modifies=modify is not None)
        match verdict:
            case Interruption():
                return Stopped(planned, messages=tuple(verdict.messages))
            case Failure() if not planned.forgiven:
                return Stopped(planned, failure=verdict)
            case Modification() if modify is not None:
                modify(verdict.changes)
                work.note_context(context, runner.tools.clock.now())
            case _:
                pass
    return None
