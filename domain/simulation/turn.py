"""Turn: one decision of a recorded flow: its start, or a submission that was accepted, with the actions it ran."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from limen.domain.action_events import (
    ActionAnswered,
    ActionCanceled,
    ActionFailed,
    ActionRef,
    ActionsPlanned,
    ActionStarted,
    PlannedAction,
)
from limen.domain.configuration import FlowKind, Slot
from limen.domain.event import DomainEvent
from limen.domain.flow_events import (
    ChallengeSent,
    FlowCompleted,
    FlowExpired,
    FlowFailed,
    FlowInitiated,
    FlowInterrupted,
    FlowOpened,
    FlowOpenedChallenged,
    FlowRedirected,
    FlowRejected,
    FlowReleased,
    FlowTurned,
    FormAdvanced,
    MethodAccepted,
    MethodRefused,
    MethodSubmitted,
    SecretsShown,
    SubmissionDismissed,
)

BLOCKING = ("before", "before_commit")
"""The timings of actions that may still change the outcome."""
DELIVERED = ("after_commit", "delivery")
"""The timings of actions that the commit schedules."""
UNFINISHED = "unfinished"
UNHEARD = "unheard"
"""The verdict of an attempt that left and was never heard of again."""

Place = tuple[str, str, int]
"""An action within a turn: its hook, its id and its position in its list."""


def place(ref: ActionRef) -> Place:
    """Where an action stands within its turn."""
    return ref.hook, ref.id, ref.position


@dataclass(slots=True)
class Act:
    """A blocking action as it ran, all its attempts together; the last one's answer counts.

    `verdict` is that of the record, `fail` and `cancel` beside it; None where it left and was never heard of again.
    `after` are the acts of the turn whose modifications it was given, `ended` is the version of its last event.
    `spent` is in seconds, pauses included.
    """

    ref: ActionRef
    began: datetime
    version: int
    after: tuple[int, ...]
    context: str | None = None
    request: str | None = None
    attempts: int = 0
    verdict: str | None = None
    reason: str | None = None
    status: int | None = None
    answer: str | None = None
    modified: tuple[str, ...] = ()
    spent: float = 0.0
    ended: int = 0


@dataclass(slots=True)
class Turn:
    """One decision. `version` and `at` are those of the event that began it.

    `end` of a start: opened, rejected, failed. Of a submission: completed, interrupted, refused (what it came to does
    not fit or is somebody else's: then it may go on as another flow), released (an action failed, or another submission
    went first). `unfinished` where its process died. `started` are the flows it started by itself.
    """

    flow: UUID
    slot: Slot
    at: datetime
    version: int
    configuration: UUID
    identity: UUID | None = None
    planned: tuple[PlannedAction, ...] = ()
    acts: list[Act] = field(default_factory=list)
    with_commit: dict[Place, str] = field(default_factory=dict)
    end: str = UNFINISHED
    end_version: int | None = None
    reason: str | None = None
    deliveries: tuple[UUID, ...] = ()
    started: tuple[UUID, ...] = ()
    modifications: tuple[int, ...] = ()

    def act(self, ref: ActionRef) -> Act | None:
        """What a planned action did, if it got that far."""
        wanted = place(ref)
        return next((act for act in self.acts if place(act.ref) == wanted), None)


@dataclass(slots=True)
class Submitted:
    """A submission of a recorded flow. `end`: accepted (then a turn begins), challenged, refused, failed.

    `dismissed` and `expired` are those in which no method was tried; `method` is None then. `opened` is the start of a
    flow that another one started: nobody submitted anything and no action ran.
    """

    method: str | None
    at: datetime
    version: int
    end: str = UNFINISHED


@dataclass(slots=True)
class Recorded:
    """A recorded flow: how it began, its submissions, its turns, and how it stands."""

    initiated: FlowInitiated
    submissions: list[Submitted] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    state: str = "preparing"
    by_another: bool = False
    """Whether another flow started it with its code on the way: then it had no before-actions."""

    @property
    def id(self) -> UUID:
        """The flow's id."""
        return self.initiated.originator_id

    @property
    def kind(self) -> FlowKind:
        """Which of the five."""
        return self.initiated.kind

    def steps(self) -> list[Turn | Submitted]:
        """Its turns, and the submissions that none began with, in order."""
        rest = [one for one in self.submissions if one.end != "accepted"]
        return sorted([*self.turns, *rest], key=lambda one: one.version) if rest else [*self.turns]


def recorded(events: Iterable[DomainEvent]) -> Recorded | None:
    """The decisions of a flow from its events, the first of them first; None where they do not begin with one."""
    reading: _Reading | None = None
    for event in events:
        if reading is not None:
            reading.hear(event)
        elif isinstance(event, FlowInitiated):
            reading = _Reading(event)
        else:
            return None
    return reading.told() if reading is not None else None


class _Reading:
    """Takes a flow's events in, one after the other. `turn` is the one that is under way."""

    def __init__(self, event: FlowInitiated) -> None:
        self.flow = Recorded(event)
        self.timings: dict[Place, str] = {}
        self.turn: Turn | None = None
        self._begin(event, Slot(event.kind, "before"))

    def told(self) -> Recorded:
        """All that was heard. No action ran at the start of a flow that another one started, or made room for."""
        if self.flow.by_another or self.flow.initiated.replaces is not None:
            start = self.flow.turns.pop(0)
            self.flow.submissions.insert(0, Submitted(None, start.at, start.version, "opened"))
        return self.flow

    def _begin(self, event: DomainEvent, slot: Slot, identity: UUID | None = None) -> None:
        configuration = self.flow.initiated.configuration
        self.turn = Turn(self.flow.id, slot, event.timestamp, event.originator_version, configuration, identity)
        self.flow.turns.append(self.turn)
        self.timings = {}

    def hear(self, event: DomainEvent) -> None:
        """Takes the next event in."""
        match event:
            case ActionStarted() | ActionAnswered() | ActionCanceled() | ActionFailed():
                if self.turn is not None:
                    self._action(self.turn, event)
            case ActionsPlanned():
                assert self.turn is not None
                self.turn.planned = tuple(one for one in event.actions if one.timing != "ignored")
                self.timings = {place(one): one.timing for one in event.actions}
            case MethodSubmitted():
                self.flow.submissions.append(Submitted(event.method, event.timestamp, event.originator_version))
                self.flow.state = "authenticating"
            case MethodAccepted():
                submission = self.flow.submissions[-1]
                submission.end = "accepted"
                self._begin(event, Slot(self.flow.kind, "after", submission.method), event.identity_id)
                self.flow.state = "finishing"
            case _:
                self._end(event)

    # -- the actions

    def _action(self, turn: Turn, event: ActionStarted | ActionAnswered | ActionCanceled | ActionFailed) -> None:
        if self.timings.get(place(event.action), "before_commit") not in BLOCKING:
            turn.with_commit[place(event.action)] = _verdict(event)
            return
        act = turn.act(event.action)
        if act is None:
            act = Act(event.action, event.timestamp, event.originator_version, turn.modifications)
            turn.acts.append(act)
        if isinstance(event, ActionStarted):
            act.attempts, act.context, act.request = event.attempt, event.context, event.request_digest
            act.verdict = None
            return
        act.ended = event.originator_version
        act.spent = max((event.timestamp - act.began).total_seconds(), event.duration / 1000)
        act.verdict = _verdict(event)
        if isinstance(event, ActionFailed):
            act.reason, act.status, act.answer = event.reason, event.status, event.response_digest
        elif isinstance(event, ActionAnswered):
            act.status, act.answer, act.modified = event.status, event.response_digest, event.modified
            if event.verdict == "modify":
                turn.modifications += (turn.acts.index(act),)

    # -- the ends

    def _end(self, event: DomainEvent) -> None:
        if isinstance(event, FlowOpenedChallenged):
            self.flow.by_another = self.flow.initiated.started_by is not None
        end, self.flow.state = _ENDS.get(type(event), (UNFINISHED, self.flow.state))
        turn = self.turn
        if turn is None:
            self._submitted(event)  # one that was not accepted is no turn
            return
        if isinstance(event, FlowReleased | FlowFailed) and event.reason in _SURPRISES:
            end = UNFINISHED
        turn.end, turn.end_version, self.turn = end, event.originator_version, None
        turn.reason = getattr(event, "reason", None)
        turn.deliveries = getattr(event, "deliveries", ())
        turn.started = getattr(event, "started", ())

    def _submitted(self, event: DomainEvent) -> None:
        """What came of a submission that was not accepted."""
        if isinstance(event, SubmissionDismissed | FlowExpired):
            end = "dismissed" if isinstance(event, SubmissionDismissed) else "expired"
            self.flow.submissions.append(Submitted(None, event.timestamp, event.originator_version, end))
        elif self.flow.submissions and self.flow.submissions[-1].end == UNFINISHED:
            self.flow.submissions[-1].end = _NOT_ACCEPTED.get(type(event), UNFINISHED)


_NOT_ACCEPTED: Mapping[type[DomainEvent], str] = {
    ChallengeSent: "challenged",
    MethodRefused: "refused",
    FlowTurned: "refused",
    FlowFailed: "failed",
}
_SURPRISES = ("abandoned", "canceled", "error")
"""Reasons why a flow came back, or ended, that no action gave: its process died, or its call broke off."""

_ENDS: Mapping[type[DomainEvent], tuple[str, str]] = {
    FlowOpened: ("opened", "open"),
    FlowOpenedChallenged: ("opened", "open"),
    ChallengeSent: (UNFINISHED, "open"),
    FlowRejected: ("rejected", "rejected"),
    FlowTurned: ("refused", "turned"),
    FlowFailed: ("failed", "failed"),
    FlowCompleted: ("completed", "completed"),
    FlowInterrupted: ("interrupted", "open"),
    FlowReleased: ("released", "open"),
    MethodRefused: ("refused", "open"),
    SecretsShown: (UNFINISHED, "open"),
    FormAdvanced: (UNFINISHED, "open"),
    FlowRedirected: (UNFINISHED, "open"),
    SubmissionDismissed: (UNFINISHED, "open"),
    FlowExpired: (UNFINISHED, "expired"),
}
"""What an event ends: the turn, and how the flow stands then (`open`: it waits for its user)."""


def _verdict(event: ActionStarted | ActionAnswered | ActionCanceled | ActionFailed) -> str:
    match event:
        case ActionAnswered():
            return event.verdict
        case ActionCanceled():
            return "cancel"
        case _:
            return "fail"
