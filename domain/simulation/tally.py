"""Tally: what a simulation comes to, by flow and by action."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from limen.domain.simulation.foresight import Foreseen, Foresight, TurnForesight

Key = tuple[str, str, str | None, str]
"""Flow, phase, method and the action's id."""


@dataclass(slots=True)
class ActionTally:
    """One action in one place: how often it ran, and would run; what would be asked; what would be answered.

    `unsure` of those that would run, run only if an unknown answer lets them. `verdicts` counts (recorded, simulated)
    where these differ, `new` the verdicts of actions that did not run then.
    """

    hook: str
    recorded: int = 0
    simulated: int = 0
    unsure: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    new: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class FlowTally:
    """The flows of one kind, by what becomes of them; and how many differ in anything, or are unknown in anything."""

    flows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    differing: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Tally:
    """Everything that was simulated."""

    flows: dict[str, FlowTally] = field(default_factory=dict)
    actions: dict[Key, ActionTally] = field(default_factory=dict)

    @property
    def whole(self) -> FlowTally:
        """All kinds of flow together."""
        total = FlowTally()
        for one in self.flows.values():
            total.flows += one.flows
            total.outcomes += one.outcomes
            total.ends += one.ends
            total.differing += one.differing
            total.unknown += one.unknown
        return total

    def add(self, flow: Foresight) -> None:
        """Counts one flow."""
        mine = self.flows.get(flow.flow)
        if mine is None:
            mine = self.flows[flow.flow] = FlowTally()
        mine.flows += 1
        mine.outcomes[flow.outcome] += 1
        mine.differing += flow.differs
        mine.unknown += flow.unknown
        for turn in flow.turns:
            if turn.outcome != "same":
                mine.ends[turn.recorded, turn.end] += 1
            self._turn(flow.flow, turn)

    def _turn(self, flow: str, turn: TurnForesight) -> None:
        place = (flow, turn.slot.phase, turn.slot.method)
        for one in turn.actions:
            _count(self._action((*place, one.ref.id), one.ref.hook), one)
        for gone in turn.removed:
            self._action((*place, gone.id), gone.hook).recorded += 1

    def _action(self, key: Key, hook: str) -> ActionTally:
        tally = self.actions.get(key)
        if tally is None:
            tally = self.actions[key] = ActionTally(hook)
        return tally

    def body(self) -> dict[str, Any]:
        """As `--json` prints it."""
        whole = self.whole
        return {
            "flows": whole.flows,
            "same": whole.outcomes["same"],
            "differs": whole.outcomes["differs"],
            "unknown": whole.outcomes["unknown"],
            "differing_flows": whole.differing,
            "unknown_flows": whole.unknown,
            "by_flow": {kind: _flow_body(one) for kind, one in sorted(self.flows.items())},
            "by_action": [_action_body(key, one) for key, one in sorted(self.actions.items(), key=_order)],
        }


def _count(tally: ActionTally, one: Foreseen) -> None:
    tally.recorded += one.recorded is not None
    tally.simulated += 1
    tally.unsure += not one.sure
    tally.unknown += one.verdict == "unknown"
    if one.request != "none":
        tally.requests[one.request] += 1
    if one.recorded is None and one.verdict != "unknown":
        tally.new[one.verdict] += 1
    if one.recorded is not None and "unknown" not in (one.verdict, one.recorded) and one.verdict != one.recorded:
        tally.verdicts[one.recorded, one.verdict] += 1


def _order(item: tuple[Key, ActionTally]) -> tuple[str, ...]:
    flow, phase, method, id_ = item[0]
    return flow, "0" if phase == "before" else "1", method or "", id_


def _flow_body(one: FlowTally) -> dict[str, Any]:
    return {
        "flows": one.flows,
        "same": one.outcomes["same"],
        "differs": one.outcomes["differs"],
        "unknown": one.outcomes["unknown"],
        "differing_flows": one.differing,
        "unknown_flows": one.unknown,
        "ends": [_change(change, count) for change, count in sorted(one.ends.items())],
    }


def _action_body(key: Key, one: ActionTally) -> dict[str, Any]:
    flow, phase, method, id_ = key
    return {
        "flow": flow,
        "phase": phase,
        "method": method,
        "hook": one.hook,
        "id": id_,
        "recorded": one.recorded,
        "simulated": one.simulated,
        "unsure": one.unsure,
        "requests": {name: one.requests[name] for name in ("same", "differs", "new", "unknown")},
        "unknown": one.unknown,
        "verdicts": [_change(change, count) for change, count in sorted(one.verdicts.items())],
        "new": dict(sorted(one.new.items())),
    }


def _change(change: tuple[str, str], count: int) -> dict[str, Any]:
    return {"recorded": change[0], "simulated": change[1], "count": count}
