"""Simulator: recorded flows decided again under another configuration. Nothing is sent and nothing is written.

Each flow is decided on its own recorded past: that somebody's earlier flow would have ended otherwise is not followed
into their later ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from limen.domain.action import Action
from limen.domain.action_events import PlannedAction
from limen.domain.configuration import FlowKind, Slot
from limen.domain.handler import Actions
from limen.domain.plan import SETTINGS, Plan, Planned, left_of, plan
from limen.domain.precedence import VERIFY_NEW_ADDRESS
from limen.domain.rules import Rules
from limen.domain.simulation.admission import otherwise, refusal
from limen.domain.simulation.bodies import Bodies
from limen.domain.simulation.contexts import Contexts
from limen.domain.simulation.drift import Path, drift, schemas_differ
from limen.domain.simulation.foresight import UNKNOWN, Foresight, TurnForesight
from limen.domain.simulation.means import Means
from limen.domain.simulation.pairing import Pairing, actions_of, pair
from limen.domain.simulation.records import Live, Records
from limen.domain.simulation.remembering import as_it_was, cut_short, ids, not_any_more, ran_in
from limen.domain.simulation.stand_ins import with_stand_ins
from limen.domain.simulation.turn import UNFINISHED, Recorded, Submitted, Turn, place
from limen.domain.simulation.walk import UNFIT, Walk
from limen.domain.templating import Templates

_STOPS: Mapping[tuple[str, str], str] = {
    ("before", "interrupt"): "rejected",
    ("before", "fail"): "failed",
    ("after", "interrupt"): "interrupted",
    ("after", "fail"): "released",
    ("after", UNFIT): "refused",
}
"""How a turn ends that an action stopped, by its phase and the verdict."""

_GONE = "the configuration it ran under is not in this store any more"
_MODIFIED = "what the identity would have been is not on record"


@dataclass(slots=True)
class _Past:
    """A recorded configuration: its actions by place, None where it is gone, and how its contexts drift by flow."""

    rules: Rules | None
    actions: Mapping[str, Action] | None
    drifts: dict[FlowKind, frozenset[Path]] = field(default_factory=dict)
    pairings: dict[tuple[Any, ...], tuple[Plan, Pairing]] = field(default_factory=dict)


class Simulator:
    """Decides recorded flows again under `rules`.

    `handlers` are the application's; None where they are not at hand: then those on record take their places, their
    answers unknown. `live` may ask real endpoints.
    """

    def __init__(
        self, rules: Rules, handlers: Actions | None, templates: Templates, records: Records, live: Live | None = None
    ) -> None:
        self.rules = rules
        self.handlers = handlers
        self.templates = templates
        self.records = records
        self.live = live
        self._pasts: dict[UUID, _Past] = {}

    def at_once(self, flow: Recorded) -> Foresight | None:
        """What becomes of a flow in which nothing needs to be looked at; None where something does."""
        past = self._pasts.get(flow.initiated.configuration)
        if past is None:
            return None
        turns: list[TurnForesight] = []
        for step in flow.steps():
            seen = self._otherwise(flow, step, past)
            if isinstance(step, Turn):
                seen = seen or self._settled(flow, step, past)
                if seen is None:
                    return None
            turns += [seen] if seen is not None else []
            if seen is not None and seen.outcome != "same":
                break
        return _whole(flow, turns)

    async def foresee(self, flow: Recorded) -> Foresight:
        """What becomes of one flow, turn by turn, until one of them ends otherwise."""
        past = await self._past(flow.initiated.configuration)
        turns: list[TurnForesight] = []
        for step in flow.steps():
            seen = self._otherwise(flow, step, past)
            if isinstance(step, Turn):
                seen = seen or self._settled(flow, step, past) or await self._turn(flow, step, past)
            turns += [seen] if seen is not None else []
            if seen is not None and seen.outcome != "same":
                break
        return _whole(flow, turns)

    async def _past(self, configuration: UUID) -> _Past:
        if configuration not in self._pasts:
            rules = await self.records.rules(configuration)
            self._pasts[configuration] = _Past(rules, actions_of(rules.configuration) if rules else None)
        return self._pasts[configuration]

    # -- what no action decides

    def _otherwise(self, flow: Recorded, step: Turn | Submitted, past: _Past) -> TurnForesight | None:
        """A start or submission that the new configuration would not have taken at all, or not as the recorded one."""
        new = self.rules.configuration
        if isinstance(step, Turn):
            found = refusal(new, flow, step)
            return cut_short(step, *found) if found is not None else None
        found = otherwise(past.rules.configuration if past.rules else None, new, flow, step)
        if found is None:
            return None
        slot = Slot(flow.kind, "before" if step.end == "opened" else "after", step.method)
        return TurnForesight(slot, step.at, step.version, step.end, found[0], "default", why=found[1])

    # -- a turn

    def _settled(self, flow: Recorded, turn: Turn, past: _Past) -> TurnForesight | None:
        """A turn in which nothing differs, nor needs to be looked at: no context is read, nothing is rendered."""
        plan_, pairing = self._paired(turn, past)
        if not pairing.identical:
            return None
        drift_, planned = self._drifts(flow.kind, turn, past), [one.planned for one in pairing.pairs]
        if drift_ and any(one.calls_out or one.delivered for one in planned):
            return None
        remade = flow.kind is FlowKind.SETTINGS and schemas_differ(drift_)
        if remade and any(one.ref.hook == VERIFY_NEW_ADDRESS for one in planned):
            return None
        return as_it_was(turn, plan_, pairing)

    async def _turn(self, flow: Recorded, turn: Turn, past: _Past) -> TurnForesight:
        plan_, pairing = self._paired(turn, past)
        until = next((one.version for one in flow.turns if one.version > turn.version), None)
        means = Means(
            rules=self.rules,
            turn=turn,
            pairing=pairing,
            records=self.records,
            bodies=Bodies(self.templates, turn, self._drifts(flow.kind, turn, past)),
            contexts=Contexts(self.records, turn, until),
            live=self.live,
            modifies=turn.slot.phase == "after" and flow.kind in (FlowKind.REGISTRATION, FlowKind.SETTINGS),
            given=self.handlers is not None,
        )
        walk = Walk(means)
        await walk.run()
        end, why = await self._end(means, walk)
        return TurnForesight(
            turn.slot,
            turn.at,
            turn.version,
            turn.end,
            end,
            plan_.rule,
            tuple(walk.seen),
            not_any_more(turn, pairing, walk.seen),
            ran=ids(ran_in(turn)),
            why=why or (_GONE if past.rules is None else None),
        )

    def _paired(self, turn: Turn, past: _Past) -> tuple[Plan, Pairing]:
        """The new plan of a slot beside a recorded one; worked out once for all turns that had the same."""
        signature = tuple((*place(one), one.source, one.timing) for one in turn.planned)
        key = (turn.slot, signature)
        if key not in past.pairings:
            new = plan(self.rules, self.handlers or Actions(), turn.slot)
            past.pairings[key] = new, pair(self._listed(new, turn), turn.planned, past.actions)
        return past.pairings[key]

    def _listed(self, new: Plan, turn: Turn) -> list[Planned]:
        """What runs in a turn; in one that made a waiting change true, what was left of the settings' list too."""
        if turn.slot.flow is not FlowKind.VERIFICATION or VERIFY_NEW_ADDRESS not in {one.hook for one in turn.planned}:
            return self._with_handlers(new.actions, turn.planned)
        settings = plan(self.rules, self.handlers or Actions(), SETTINGS)
        theirs = [one for one in turn.planned if one.method == SETTINGS.method]
        left = left_of(settings) if settings.has(VERIFY_NEW_ADDRESS) else []
        own = [one for one in turn.planned if one.method != SETTINGS.method]
        return [*self._with_handlers(left, theirs), *self._with_handlers(new.actions, own)]

    def _with_handlers(self, new: Sequence[Planned], old: Sequence[PlannedAction]) -> list[Planned]:
        return list(new) if self.handlers is not None else with_stand_ins(new, old)

    def _drifts(self, kind: FlowKind, turn: Turn, past: _Past) -> frozenset[Path]:
        """What differs of the contexts; of those of settings too, where a change of theirs came true."""
        waited = kind is FlowKind.VERIFICATION and any(one.method == SETTINGS.method for one in turn.planned)
        return self._drift(kind, past) | (self._drift(FlowKind.SETTINGS, past) if waited else frozenset())

    def _drift(self, kind: FlowKind, past: _Past) -> frozenset[Path]:
        if past.rules is None:
            return frozenset()
        if kind not in past.drifts:
            past.drifts[kind] = drift(past.rules.configuration, self.rules.configuration, kind)
        return past.drifts[kind]

    # -- how it ends

    async def _end(self, means: Means, walk: Walk) -> tuple[str, str | None]:
        """How the turn ends, and why nobody knows where nobody does."""
        turn = means.turn
        if walk.stopped == UNKNOWN or not walk.sure:
            return UNKNOWN, None
        if walk.stopped is not None:
            return _STOPS[turn.slot.phase, walk.stopped], None
        if turn.slot.phase == "before":
            return "opened", None
        if means.modifies and walk.modifications != turn.modifications:
            return UNKNOWN, _MODIFIED
        if turn.end in ("completed", "refused"):
            return turn.end, None
        if turn.end == UNFINISHED or (turn.end == "released" and turn.reason == "overtaken"):
            return UNKNOWN if turn.end == UNFINISHED else turn.end, None
        if not means.modifies:
            return "completed", None
        return await self._stored(means, walk)

    async def _stored(self, means: Means, walk: Walk) -> tuple[str, str | None]:
        """A registration or a change that was stopped and now is not: stored, unless an identifier was taken."""
        ctx = await means.contexts.before_commit(walk.modifications)
        identity = ctx.get("identity") if ctx is not None else None
        if identity is None:
            return UNKNOWN, _MODIFIED
        taken = await self.records.taken(self.rules, means.turn, identity)
        if taken is None:
            return UNKNOWN, _MODIFIED
        return ("refused" if taken else "completed"), None


def _whole(flow: Recorded, turns: list[TurnForesight]) -> Foresight:
    return Foresight(
        flow.id,
        flow.kind.value,
        flow.initiated.timestamp,
        flow.initiated.configuration,
        tuple(turns),
        left_out=sum(one.version > turns[-1].version for one in flow.turns) if turns else 0,
    )
