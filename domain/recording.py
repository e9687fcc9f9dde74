"""Recording: what came of an attempt of an action goes on its flow, and is appended with what comes next."""

from datetime import datetime
from typing import Any

from limen.domain.answer import Continue, Failure, Ignored, Interruption, Modification, Verdict
from limen.domain.plan import Planned
from limen.domain.ports import Answer, CallFailed
from limen.domain.tools import Tools
from limen.domain.work import Work


def spent(tools: Tools, since: datetime) -> float:
    """Milliseconds since then."""
    return round((tools.clock.now() - since).total_seconds() * 1000, 3)


def record(
    tools: Tools,
    planned: Planned,
    work: Work,
    verdict: Verdict,
    *,
    attempt: int,
    since: datetime,
    answer: Answer | CallFailed | None = None,
    final: bool = True,
) -> None:
    """Records how an attempt ended. `final`: no further one follows."""
    flow, at = work.flow, tools.clock.now()
    fields: dict[str, Any] = {"action": planned.ref, "attempt": attempt, "duration": spent(tools, since)}
    if isinstance(answer, Answer):
        fields |= {"status": answer.status, "response_digest": tools.keyring.digest(flow.id, answer.body)}
    if isinstance(verdict, Failure):
        flow.fire("fail_action", at, reason=verdict.reason, detail=verdict.detail, final=final, **fields)
        return
    modified = tuple(verdict.changes) if isinstance(verdict, Modification) else ()
    flow.fire("answer_action", at, verdict=verdict_name(verdict), modified=modified, **fields)


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
