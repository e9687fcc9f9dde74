"""Walk: the actions of one turn, one after the other, as the new configuration would run them."""

import asyncio
from dataclasses import replace

from limen.domain.answer import Failure, Modification, Verdict
from limen.domain.configuration import FlowKind
from limen.domain.handler import RegisteredHandler
from limen.domain.placement import PLACEMENT
from limen.domain.precedence import VERIFY_NEW_ADDRESS
from limen.domain.recording import verdict_name
from limen.domain.runner import call_handler, said
from limen.domain.simulation.address_change import held
from limen.domain.simulation.asking import Asking
from limen.domain.simulation.bodies import NOT_KEPT, Context
from limen.domain.simulation.contexts import Modifications
from limen.domain.simulation.foresight import UNKNOWN, Foreseen, Source
from limen.domain.simulation.means import Means
from limen.domain.simulation.pairing import Pair
from limen.domain.simulation.remembering import stays_out
from limen.domain.simulation.sending import Sending
from limen.domain.simulation.turn import BLOCKING, Act, place

UNFIT = "unfit"
"""Why a submission is refused whose identity an action made unfit for its schema: nothing runs after it."""
NO_SCHEMA = "the identity schema it went by is gone"
NOT_RUN = "a Python handler's answer is not foreseen, unless it is pure and at hand"
"""A handler may have changed since, and is not run unless it says that nothing leaves the process through it."""


class Walk:
    """Runs through the actions of a turn. `modifications` are those in force, None when nobody knows them any more.

    `stopped` is the verdict that stopped the flow, UNFIT where it was what an action made of the identity; `sure` says
    whether all that was seen is reached for certain.
    """

    def __init__(self, means: Means) -> None:
        self.means = means
        self.asking = Asking(means)
        self.sending = Sending(means)
        self.modifications: Modifications | None = ()
        self.stopped: str | None = None
        self.sure = True
        self.seen: list[Foreseen] = []

    async def run(self) -> None:
        """All of them in order, until one stops the flow."""
        for pair in sorted(self.means.pairing.pairs, key=lambda one: one.planned.timing not in BLOCKING):
            if (
                pair.planned.delivered
                and stays_out(self.means.turn)
                and self.modifications == self.means.turn.modifications
            ):
                continue
            foreseen = await self._foresee(pair)
            self.seen.append(
                replace(
                    foreseen,
                    rule=pair.planned.rule,
                    timing=pair.planned.timing,
                    added=pair.old is None,
                    moved=pair.moved,
                    sure=self.sure,
                )
            )
            if pair.planned.timing in BLOCKING and (self._stops(pair, foreseen.verdict) or self.stopped is not None):
                return

    def _stops(self, pair: Pair, verdict: str) -> bool:
        """Whether the flow goes no further; notes what is not certain any more."""
        if verdict in ("interrupt", "fail") and not (verdict == "fail" and pair.planned.forgiven):
            self.stopped = verdict if self.sure else UNKNOWN
            return True
        if verdict == UNKNOWN:
            self.sure = False
            self.modifications = None if self.means.modifies else self.modifications
        return False

    async def _foresee(self, pair: Pair) -> Foreseen:
        planned = pair.planned
        if planned.timing == "with_commit":
            return self._told(pair, "continue", "decided", self._with_commit(pair))
        if planned.timing not in BLOCKING:
            return await self.sending.foresee(pair, self.modifications)
        if planned.action is not None and planned.action.asks:
            foreseen = await self.asking.foresee(pair, planned.action, self.modifications)
            if foreseen.verdict == "modify":
                self._modified(self.asking.modified)
            return foreseen
        if planned.handler is not None or planned.ref.hook not in PLACEMENT:
            return await self._handler(pair)
        return await self._builtin(pair)

    def _told(
        self, pair: Pair, verdict: str, by: Source, recorded: str | None = None, why: str | None = None
    ) -> Foreseen:
        return Foreseen(pair.planned.ref, pair.planned.source, verdict, by, recorded=recorded, why=why)

    def _with_commit(self, pair: Pair) -> str | None:
        turn = self.means.turn
        if pair.old is None or turn.end != "completed":
            return None
        return turn.with_commit.get(place(pair.old), "continue")

    async def _builtin(self, pair: Pair) -> Foreseen:
        """`require_verified_address` and `verify_new_address`, which look at the identity alone."""
        act, new_address = self.means.act(pair), pair.planned.ref.hook == VERIFY_NEW_ADDRESS
        asked = new_address and self.means.turn.slot.flow is FlowKind.SETTINGS  # not where it came true
        remade = asked and self.means.bodies.remakes_identities
        if act is not None and act.verdict is not None and self.modifications == act.after and not remade:
            return self._told(pair, act.verdict, "decided", act.verdict)
        if new_address:
            return await self._new_address(pair, act.verdict if act is not None else None, remade=remade)
        verified = await self.means.records.verified(self.means.turn)
        if verified is None:
            return self._told(pair, UNKNOWN, "unknown", why=NOT_KEPT)
        return self._told(pair, "continue" if verified else "interrupt", "decided")

    async def _new_address(self, pair: Pair, recorded: str | None, *, remade: bool) -> Foreseen:
        """A change waits where it brings an address that is not verified: then the flow started to verify one.

        `remade`: by other schemas, which may make other addresses of the same traits.
        """
        turn, contexts = self.means.turn, self.means.contexts
        ctx = await contexts.before_commit(self.modifications) or await contexts.with_commit(self.modifications)
        if not remade and turn.end == "completed" and turn.started and self.modifications == turn.modifications:
            return self._told(pair, "interrupt", "decided", recorded)
        if ctx is None or "previous_identity" not in ctx:
            return self._told(pair, UNKNOWN, "unknown", recorded, NOT_KEPT)
        stops = held(self.means.rules.schemas, ctx, remade=remade)
        if stops is None:
            return self._told(pair, UNKNOWN, "unknown", recorded, NO_SCHEMA)
        return self._told(pair, "interrupt" if stops else "continue", "decided", recorded)

    # -- handlers

    async def _handler(self, pair: Pair) -> Foreseen:
        handler, act = pair.planned.handler, self.means.act(pair)
        recorded = act.verdict if act is not None else None
        if handler is None and self.means.given and pair.planned.action is not None:
            return self._told(pair, "fail", "decided", recorded)  # a name that nobody registers
        if handler is None or not handler.pure:
            return self._told(pair, UNKNOWN, "unknown", recorded, NOT_RUN)
        ctx = await self.means.contexts.before_commit(self.modifications)
        if ctx is None or self.means.bodies.drifts:
            return self._told(pair, UNKNOWN, "unknown", recorded, NOT_KEPT)
        verdict = await self._run(handler, ctx, pair.planned.settings.timeout)
        if isinstance(verdict, Modification):
            same = act is not None and act.verdict == "modify" and set(act.modified) == set(verdict.changes)
            self._modified(act if same else None)
        return self._told(pair, verdict_name(verdict), "decided", recorded)

    async def _run(self, handler: RegisteredHandler, ctx: Context, seconds: float) -> Verdict:
        try:
            async with asyncio.timeout(seconds):
                answered = await call_handler(handler, ctx)
            return said(answered, modifies=self.means.modifies)
        except Exception as error:  # whatever a handler raises is its failure, as in the engine
            return Failure("handler", type(error).__name__)

    def _modified(self, act: Act | None) -> None:
        """A modification is in force: that of a recorded act, or one that nobody has seen the result of."""
        if act is None or self.modifications is None:
            self.modifications = None
        else:
            turn = self.means.turn
            self.modifications += (turn.acts.index(act),)
            if turn.reason == UNFIT and act is turn.acts[-1] and self.modifications == turn.modifications:
                self.stopped = UNFIT if self.sure else UNKNOWN
