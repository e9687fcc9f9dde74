"""Sending: what runs after the commit. It changes nothing in the outcome; what is sent is compared all the same."""

from dataclasses import replace

from limen.domain.action import Action
from limen.domain.simulation.asking import NEVER_ASKED
from limen.domain.simulation.bodies import Context
from limen.domain.simulation.contexts import Modifications
from limen.domain.simulation.foresight import UNKNOWN, Foreseen
from limen.domain.simulation.means import Means
from limen.domain.simulation.pairing import Pair, same_target, template_of
from limen.domain.simulation.records import Sent

TRIED_OTHERWISE = "it would be tried more or less often, or waited for longer or shorter"


class Sending:
    """The deliveries of one turn."""

    def __init__(self, means: Means) -> None:
        self.means = means

    async def foresee(self, pair: Pair, modifications: Modifications | None) -> Foreseen:
        """One delivery, of the identity after these modifications."""
        planned, means = pair.planned, self.means
        sent = await means.sent(pair)
        recorded = await means.recorded(pair)
        seen = Foreseen(planned.ref, planned.source, UNKNOWN, "unknown", recorded=recorded)
        kept = recorded is not None and means.act(pair) is None and modifications == means.turn.modifications
        if planned.action is None or not planned.action.asks:
            return self._as_recorded(seen, pair, sent) if kept and pair.same else seen
        ctx = await means.contexts.with_commit(modifications, planned.ref.method)
        if kept and await self._unchanged(pair, planned.action, sent, ctx):
            return self._as_recorded(seen, pair, sent)
        return await self._rendered(seen, pair, planned.action, ctx)

    async def _unchanged(self, pair: Pair, action: Action, sent: Sent | None, ctx: Context | None) -> bool:
        before = pair.before
        if before is None or template_of(before) != template_of(action):
            return False
        if sent is not None and not same_target(before, action):
            return False
        return await self.means.bodies.unmoved(action, ctx)

    async def _rendered(self, seen: Foreseen, pair: Pair, action: Action, ctx: Context | None) -> Foreseen:
        body = await self.means.bodies.of(action, ctx)
        if body.verdict is not None:
            return replace(seen, verdict=body.verdict, by="decided")
        sent, act = await self.means.sent(pair), self.means.act(pair)
        asked = sent.request if sent is not None else act.request if act is not None else None
        if asked is None:
            return replace(seen, request="new" if body.why is None else "unknown", why=body.why or NEVER_ASKED)
        if pair.before is not None and same_target(pair.before, action):
            if body.data is not None and asked == await self.means.digest(body.data):
                return self._as_recorded(seen, pair, sent)
            if body.why is not None:
                return replace(seen, request="unknown", why=body.why)
        more = await self.means.compared(pair, body, ctx if sent is not None else None)
        return replace(seen, request="differs", why=NEVER_ASKED, **more)

    def _as_recorded(self, seen: Foreseen, pair: Pair, sent: Sent | None) -> Foreseen:
        """The same is sent, or not sent, as then; what comes of it is the same where it is tried as often."""
        if sent is None and self.means.act(pair) is not None:
            return replace(seen, request="same", why=TRIED_OTHERWISE)
        if sent is not None and not self._as_patient(pair, sent):
            return replace(seen, request="same", why=TRIED_OTHERWISE)
        assert seen.recorded is not None
        return replace(seen, verdict=seen.recorded, by="recorded", request="same" if sent is not None else "none")

    def _as_patient(self, pair: Pair, sent: Sent) -> bool:
        """Whether the same comes of a delivery: it is tried as before, or the first try would be enough again.

        How often a worker tries is no part of a configuration on record, so it is taken to be the same.
        """
        assert pair.old is not None
        before, now = pair.before, pair.planned.action
        if before is None or now is None or sent.state in ("scheduled", "canceled"):
            return True
        old, new = before.settings, now.settings
        awaited = pair.planned.timing == "after_commit"
        as_often = pair.old.timing == pair.planned.timing and (not awaited or old.retry == new.retry)
        if as_often and old.timeout == new.timeout:
            return True
        return sent.state == "delivered" and sent.attempts == 1 and new.timeout >= old.timeout
