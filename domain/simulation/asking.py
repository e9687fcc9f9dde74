"""Asking: an action before the commit that asks somebody outside; a recorded answer to the same request is its answer.

Nothing is asked anew, unless the one who simulates named the action and a real endpoint is to be asked.
"""

from typing import Any

from limen.domain.action import Action
from limen.domain.recording import verdict_name
from limen.domain.simulation.bodies import Body
from limen.domain.simulation.contexts import Modifications
from limen.domain.simulation.foresight import UNKNOWN, Foreseen, Request
from limen.domain.simulation.means import Means
from limen.domain.simulation.pairing import Pair, same_target, template_of
from limen.domain.simulation.records import Sent
from limen.domain.simulation.rereading import reread
from limen.domain.simulation.turn import Act, Place, place

NEVER_ASKED = "nobody has answered this request yet"
READ_OTHERWISE = "its answer is not on record, and would be read in another way"
UNHEARD_OF = "it was asked, and its answer was never heard"
CONTRADICTED = "the same request got different answers, one after the other"
TAKEN = "the one answer there is was given to another action"


class Asking:
    """The asking actions of one turn. `modified` is the recorded act whose modification the last one took over."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self.modified: Act | None = None
        self._used: set[Place] = set()

    async def foresee(self, pair: Pair, action: Action, modifications: Modifications | None) -> Foreseen:
        """One action, after these modifications of the identity."""
        self.modified = None
        told = _Told(pair, await self.means.recorded(pair))
        found = await self._unchanged(pair, action, modifications)
        if found is not None and found.request is None:
            return told.decided(found.verdict or UNKNOWN)  # its template said no
        body = Body()
        if found is None:
            ctx = await self.means.contexts.before_commit(modifications, self.means.act(pair))
            body = await self.means.bodies.of(action, ctx)
            if body.verdict is not None:
                return told.decided(body.verdict)
            found = await self._donor(action, body.data)
        if found is not None:
            return await self._reuse(told, action, found, body)
        return await self._unanswered(told, body, modifications)

    # -- a recorded answer

    async def _unchanged(self, pair: Pair, action: Action, modifications: Modifications | None) -> Act | None:
        """A recorded act of the same template, context and target; the one it takes the place of first."""
        own = self.means.act(pair)
        others = [act for act in self.means.turn.acts if act is not own]
        for act in [own, *others] if own is not None else others:
            if self._alike(act, action, modifications) and await self._undrifted(action, modifications):
                return act
        return None

    def _alike(self, act: Act, action: Action, modifications: Modifications | None) -> bool:
        before = self.means.action_of(act)
        if before is None or not before.asks or act.verdict is None or place(act.ref) in self._used:
            return False
        if act.after != modifications or template_of(before) != template_of(action):
            return False
        if act.request is None:  # canceled or failed by its template; else it was not even tried
            return act.verdict == "cancel" or act.reason == "template"
        return same_target(before, action)

    async def _undrifted(self, action: Action, modifications: Modifications | None) -> bool:
        ctx = await self.means.contexts.before_commit(modifications) if self.means.bodies.drifts else None
        return await self.means.bodies.unmoved(action, ctx)

    async def _donor(self, action: Action, body: bytes | None) -> Act | None:
        """A recorded act that sent this very body to this target."""
        digest = await self.means.digest(body) if body is not None else None
        for act in self.means.turn.acts if digest is not None else ():
            before = self.means.action_of(act)
            free = act.verdict is not None and place(act.ref) not in self._used
            if free and before is not None and same_target(before, action) and act.request == digest:
                return act
        return None

    async def _reuse(self, told: "_Told", action: Action, act: Act, body: Body) -> Foreseen:
        before = self.means.action_of(act)
        assert before is not None
        request, more = await self._beside(told.pair, action, act, body)
        alone = not self._contradicted(act, action)
        self._used.add(place(act.ref))
        empty = act.answer is not None and act.answer == await self.means.digest(b"")
        reading = reread(act, before, action, empty=empty) if alone else None
        if reading is None:
            return told.unknown(request, **more, why=READ_OTHERWISE if alone else CONTRADICTED)
        if reading.verdict == "modify":
            self.modified = act
        return told.told(reading.verdict, "recorded", request=request, **more)

    async def _beside(self, pair: Pair, action: Action, act: Act, body: Body) -> tuple[Request, dict[str, Any]]:
        """The request of a recorded act beside that of the action in whose place it is made now."""
        own = self.means.act(pair)
        if own is None or own.request is None:
            return "new", {}
        if own is act or (own.request == act.request and pair.before is not None and same_target(pair.before, action)):
            return "same", {}
        contexts = self.means.contexts
        if body.data is None:
            body = await self.means.bodies.of(action, await contexts.before_commit(act.after, act))
        return "differs", await self.means.compared(pair, body, await contexts.before_commit(own.after, own))

    def _contradicted(self, act: Act, action: Action) -> bool:
        """Whether the same request also got another answer, and would not be made as often before as it was then."""
        acts = self.means.turn.acts
        for one in acts:
            if one.request != act.request or (one.verdict, one.status) == (act.verdict, act.status):
                continue
            before = self.means.action_of(one)
            if before is None or not same_target(before, action):
                continue
            if (place(one.ref) in self._used) != (acts.index(one) < acts.index(act)):
                return True
        return False

    # -- none

    async def _unanswered(self, told: "_Told", body: Body, modifications: Modifications | None) -> Foreseen:
        request, more = await self._difference(told.pair, body, modifications)
        live = self.means.live
        if body.request is None or live is None or not live.wanted(told.pair.planned):
            return told.unknown(request, **more)
        verdict = await live.ask(told.pair.planned, body.request, modifies=self.means.modifies)
        return told.told(verdict_name(verdict), "live", request=request, **{**more, "why": None})

    async def _difference(
        self, pair: Pair, body: Body, modifications: Modifications | None
    ) -> tuple[Request, dict[str, Any]]:
        """How the request differs from the recorded one."""
        act, sent = self.means.act(pair), await self.means.sent(pair)
        if act is None and sent is not None:
            return await self._difference_from(pair, sent, body)
        if act is None or act.request is None:
            return ("unknown", {"why": body.why}) if body.why is not None else ("new", {"why": NEVER_ASKED})
        more = await self.means.compared(pair, body, await self.means.contexts.before_commit(act.after, act))
        if not more["changed"] and body.why is not None:
            return "unknown", {"why": body.why}
        alike = act.after == modifications and _same_template(pair)
        if not more["changed"] and (alike or await self._sent(act, body)):
            return "same", {"why": TAKEN if act.verdict is not None else UNHEARD_OF}
        return "differs", {**more, "why": NEVER_ASKED}

    async def _sent(self, act: Act, body: Body) -> bool:
        return body.data is not None and act.request == await self.means.digest(body.data)

    async def _difference_from(self, pair: Pair, sent: Sent, body: Body) -> tuple[Request, dict[str, Any]]:
        """How it differs from what was sent after the commit: its answer went unread, or was not waited for."""
        assert pair.planned.action is not None
        if pair.before is not None and same_target(pair.before, pair.planned.action):
            if body.data is None:
                return "unknown", {"why": body.why or READ_OTHERWISE}
            if sent.request == await self.means.digest(body.data):
                return "same", {"why": READ_OTHERWISE}
        more = await self.means.compared(
            pair, body, await self.means.contexts.with_commit(self.means.turn.modifications)
        )
        return "differs", {**more, "why": NEVER_ASKED}


def _same_template(pair: Pair) -> bool:
    """Whether both are rendered alike: of bodies without a template, which hold the time, no digest says so."""
    return (
        pair.before is not None
        and pair.planned.action is not None
        and template_of(pair.before) == template_of(pair.planned.action)
    )


class _Told:
    """What is told of one action."""

    def __init__(self, pair: Pair, recorded: str | None) -> None:
        self.pair = pair
        self.recorded = recorded

    def told(self, verdict: str, by: Any, **more: Any) -> Foreseen:
        planned = self.pair.planned
        return Foreseen(planned.ref, planned.source, verdict, by, recorded=self.recorded, **more)

    def decided(self, verdict: str) -> Foreseen:
        return self.told(verdict, "decided")

    def unknown(self, request: Request, **more: Any) -> Foreseen:
        return self.told(UNKNOWN, "unknown", request=request, **more)
