"""Remembering: a recorded turn in the words of a simulation, without anything of it being looked at again."""

from limen.domain.action_events import PlannedAction
from limen.domain.plan import Plan
from limen.domain.simulation.foresight import Foreseen, Request, TurnForesight
from limen.domain.simulation.pairing import Pair, Pairing
from limen.domain.simulation.turn import BLOCKING, DELIVERED, UNHEARD, Act, Turn, place


def as_it_was(turn: Turn, plan_: Plan, pairing: Pairing) -> TurnForesight:
    """A turn in which nothing differs: its own verdicts, none of them looked at again."""
    seen = []
    for one in pairing.pairs:
        assert one.old is not None
        act = turn.act(one.old)
        not_reached = one.planned.timing in BLOCKING or turn.end not in ("completed", "opened")
        if act is None and (not_reached or (one.planned.delivered and stays_out(turn))):
            continue
        seen.append(_action(turn, one, act))
    ran = tuple(one.ref.id for one in seen)
    return TurnForesight(turn.slot, turn.at, turn.version, turn.end, turn.end, plan_.rule, tuple(seen), ran=ran)


def _action(turn: Turn, one: Pair, act: Act | None) -> Foreseen:
    """An action of such a turn."""
    assert one.old is not None
    told = turn.with_commit.get(place(one.old))
    verdict = (
        (act.verdict or UNHEARD) if act is not None else told or ("scheduled" if one.planned.delivered else "continue")
    )
    asked = one.planned.action is not None and one.planned.action.asks and told is None
    request: Request = "same" if asked and (act is None or act.request is not None) else "none"
    planned = one.planned
    return Foreseen(
        planned.ref, planned.source, verdict, "recorded", request, verdict, rule=planned.rule, timing=planned.timing
    )


def stays_out(turn: Turn) -> bool:
    """Whether what was to follow the commit did not: an action had made the new account inactive."""
    due = {place(one) for one in turn.planned if one.timing in DELIVERED}
    return turn.end == "completed" and bool(due) and not turn.deliveries and due.isdisjoint(turn.with_commit)


def cut_short(turn: Turn, end: str, why: str) -> TurnForesight:
    """A turn that comes to nothing before any action runs."""
    ran = ran_in(turn)
    return TurnForesight(turn.slot, turn.at, turn.version, turn.end, end, "default", removed=ran, ran=ids(ran), why=why)


def ran_in(turn: Turn) -> tuple[PlannedAction, ...]:
    """The recorded actions that ran, in order: those that got their turn before the flow was stopped."""
    passed = turn.end in ("completed", "opened")
    acts = {place(act.ref) for act in turn.acts}
    without: tuple[str, ...] = (*BLOCKING, *DELIVERED) if stays_out(turn) else BLOCKING
    return tuple(one for one in turn.planned if place(one) in acts or (passed and one.timing not in without))


def not_any_more(turn: Turn, pairing: Pairing, seen: list[Foreseen]) -> tuple[PlannedAction, ...]:
    """What ran then and would not now: it is not in the plan, or not reached."""
    reached = {place(one.ref) for one in seen}
    kept = {place(one.old) for one in pairing.pairs if one.old is not None and place(one.planned.ref) in reached}
    return tuple(one for one in ran_in(turn) if place(one) not in kept)


def ids(actions: tuple[PlannedAction, ...]) -> tuple[str, ...]:
    """The ids of these actions."""
    return tuple(one.id for one in actions)
