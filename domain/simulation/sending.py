"""Sending: what runs after the commit. It changes nothing in the outcome; what is sent is compared all the same."""

from collections.abc import Mapping
from dataclasses import replace

from limen.domain.configuration import Action
from limen.domain.simulation.asking import NEVER_ASKED
from limen.domain.simulation.bodies import Context
from limen.domain.simulation.contexts import Modifications
from limen.domain.simulation.foresight import UNKNOWN, Foreseen
from limen.domain.simulation.means import Means
from limen.domain.simulation.pairing import Pair, same_target, template_of
from limen.domain.simulation.records import Sent
from limen.domain.simulation.turn import Place, place


class Sending:
    """The deliveries of one turn."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self._sent: Mapping[Place, Sent] | None = None

    async def foresee(self, pair: Pair, modifications: Modifications | None) -> Foreseen:
        """One delivery, of the identity after these modifications."""
        planned, means = pair.planned, self.means
        if self._sent is None:
            self._sent = await means.records.sent(means.turn)
        sent = self._sent.get(place(pair.old)) if pair.old is not None else None
        told = means.turn.with_commit.get(place(pair.old)) if pair.old is not None else None
        recorded = sent.state if sent is not None else told
        seen = Foreseen(planned.ref, planned.source, UNKNOWN, "unknown", recorded=recorded)
        kept = recorded is not None and modifications == means.turn.modifications
        if planned.action is None or not planned.action.asks:
            return _as_recorded(seen, sent) if kept and pair.same else seen
        ctx = await means.contexts.with_commit(modifications)
        if kept and await self._unchanged(pair, planned.action, sent, ctx):
            return _as_recorded(seen, sent)
        return await self._rendered(seen, pair, planned.action, sent, ctx)

    async def _unchanged(self, pair: Pair, action: Action, sent: Sent | None, ctx: Context | None) -> bool:
        before = pair.before
        if before is None or template_of(before) != template_of(action):
            return False
        if sent is not None and not same_target(before, action):
            return False
        return await self.means.bodies.unmoved(action, ctx)

    async def _rendered(
        self, seen: Foreseen, pair: Pair, action: Action, sent: Sent | None, ctx: Context | None
    ) -> Foreseen:
        body = await self.means.bodies.of(action, ctx)
        if body.verdict is not None:
            return replace(seen, verdict=body.verdict, by="decided")
        if sent is None:
            return replace(seen, request="new", why=body.why or NEVER_ASKED)
        digest = await self.means.digest(body.data) if body.data is not None else None
        target = pair.before is not None and same_target(pair.before, action)
        if target and digest is not None and digest == sent.request:
            return _as_recorded(seen, sent)
        if target and body.why is not None:
            return replace(seen, request="unknown", why=body.why)
        more = await self.means.compared(pair, body, ctx)
        return replace(seen, request="differs", why=body.why or NEVER_ASKED, **more)


def _as_recorded(seen: Foreseen, sent: Sent | None) -> Foreseen:
    """The same is sent, or not sent, as then."""
    assert seen.recorded is not None
    return replace(seen, verdict=seen.recorded, by="recorded", request="same" if sent is not None else "none")
