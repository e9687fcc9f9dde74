"""Flow: one self-service journey of one person, from its start to its end.

Read top-down: the events (the storage format), the fold, the triggers.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from limen.domain.aggregate import Aggregate
from limen.domain.configuration import FlowKind
from limen.domain.event import EVENT_TYPES, DomainEvent
from limen.domain.machine import FLOWS, fire
from limen.domain.sealed import Sealed


class FlowEvent(DomainEvent):
    """Base of the events of a flow's stream."""

    stream: ClassVar[str] = "flow"


class ActionRef(BaseModel):
    """Which action: its hook, id, position in its list, phase and method. `delivery` where it became one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hook: str
    id: str
    position: int
    phase: str
    method: str | None = None


class PlannedAction(ActionRef):
    """An action in a plan: where the configuration names it, when it runs, and as which delivery."""

    source: str
    timing: str
    origin: str = "configured"
    """`configured` or `python`."""
    delivery: UUID | None = None


class FlowInitiated(FlowEvent):
    """The flow was asked for. `request` (sealed): method, url, client_ip, user_agent, return_to, transient_payload."""

    kind: FlowKind
    type: str
    configuration: UUID
    expires_at: datetime
    request: Sealed
    refresh: bool = False
    requested_aal: str = "aal1"
    identity_id: UUID | None = None
    session_id: UUID | None = None
    started_by: UUID | None = None


class FlowOpened(FlowEvent):
    """The before-actions let it pass; it waits for a submission. `deliveries` were scheduled with it."""

    deliveries: tuple[UUID, ...] = ()


class FlowOpenedChallenged(FlowEvent):
    """Started by another flow, with its code already on the way. `challenge` (sealed): address, via, messages."""

    method: str
    challenge: Sealed
    code_expires_at: datetime
    deliveries: tuple[UUID, ...] = ()


class MethodSubmitted(FlowEvent):
    """A method was submitted. `submission` (sealed): what the form keeps of it, and the transient payload."""

    method: str
    submission: Sealed | None = None


class MethodAccepted(FlowEvent):
    """The method's verdict is yes. `identity_id` is who it is, or will be."""

    method: str
    identity_id: UUID | None = None
    aal: str = "aal1"


class MethodRefused(FlowEvent):
    """The verdict is no. `reason` is a class of reasons; `form` (sealed) holds the messages and kept values."""

    method: str
    reason: str
    form: Sealed | None = None


class SubmissionDismissed(FlowEvent):
    """A submission that named no method of this flow: nothing was tried. `form` (sealed) holds the message."""

    reason: str
    form: Sealed | None = None


class ChallengeSent(FlowEvent):
    """A code is on its way, or would be if the address were known. `challenge` (sealed): address, via, messages."""

    method: str
    challenge: Sealed
    code_expires_at: datetime
    resent: bool = False
    deliveries: tuple[UUID, ...] = ()


class ActionsPlanned(FlowEvent):
    """Which actions run, in which order, chosen by which rule (`default` or `method`), under which configuration.

    `deadline` is when the flow comes back to its user should the process that runs them die.
    """

    phase: str
    method: str | None
    rule: str
    configuration: UUID
    actions: tuple[PlannedAction, ...]
    deadline: datetime


class ActionStarted(FlowEvent):
    """An attempt is about to leave the process. `context` names the vault row of the document it is given."""

    action: ActionRef
    attempt: int
    trigger_id: UUID
    context: str | None = None
    request_digest: str | None = None


class ActionAnswered(FlowEvent):
    """The action answered. `verdict`: continue, modify, interrupt or ignored. `duration` in milliseconds.

    `modified` names the parts of the identity that were replaced.
    """

    action: ActionRef
    attempt: int
    verdict: str
    status: int | None = None
    duration: float
    response_digest: str | None = None
    modified: tuple[str, ...] = ()


class ActionCanceled(FlowEvent):
    """The action's template said cancel: no request was made."""

    action: ActionRef
    duration: float


class ActionFailed(FlowEvent):
    """The attempt failed. `reason`: upstream, timeout, template, handler, address. `final`: no further try follows."""

    action: ActionRef
    attempt: int
    reason: str
    detail: str = ""
    status: int | None = None
    duration: float
    response_digest: str | None = None
    final: bool = True


class FlowInterrupted(FlowEvent):
    """An action said no: the flow is back with its user. `form` (sealed) holds the messages."""

    action: str
    form: Sealed | None = None


class FlowReleased(FlowEvent):
    """The flow is back with its user without a verdict: an action failed, or the process that ran them died."""

    reason: str


class FlowCompleted(FlowEvent):
    """Done. `deliveries` were scheduled with it, `started` are the flows it started by itself."""

    method: str
    identity_id: UUID | None = None
    session_id: UUID | None = None
    deliveries: tuple[UUID, ...] = ()
    started: tuple[UUID, ...] = ()


class FlowRejected(FlowEvent):
    """A before-action said no. `form` (sealed) holds the messages."""

    action: str
    form: Sealed | None = None


class FlowFailed(FlowEvent):
    """Ended without success: a before-action failed, too many wrong codes, or its process died while preparing."""

    reason: str
    form: Sealed | None = None


class FlowExpired(FlowEvent):
    """Its lifespan was over."""


class Flow(Aggregate):
    """The state of a flow, folded from its events. Sealed values stay sealed here."""

    kind: FlowKind
    type: str
    configuration: UUID
    issued_at: datetime
    expires_at: datetime
    request: Sealed

    def __init__(self, id: UUID) -> None:  # noqa: A002
        super().__init__(id)
        self.state = ""
        self.back = ""
        self.method: str | None = None
        self.active: str | None = None
        self.updated_at: datetime
        self.refresh = False
        self.requested_aal = "aal1"
        self.identity_id: UUID | None = None
        self.session_id: UUID | None = None
        self.form: Sealed | None = None
        self.submission: Sealed | None = None
        self.challenge: Sealed | None = None
        self.code_expires_at: datetime | None = None
        self.wrong_codes = 0
        self.busy_until: datetime | None = None
        self.deliveries: tuple[UUID, ...] = ()

    # -- the fold: facts only

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says. No machine, callback or action runs here."""
        handler = _FOLDS.get(type(event).__name__)
        if handler is not None:
            handler(self, event)
        self.updated_at = event.timestamp

    def _initiated(self, event: FlowInitiated) -> None:
        self.kind, self.type, self.state = event.kind, event.type, "preparing"
        self.configuration, self.request = event.configuration, event.request
        self.issued_at, self.expires_at = event.timestamp, event.expires_at
        self.refresh, self.requested_aal = event.refresh, event.requested_aal
        self.identity_id, self.session_id = event.identity_id, event.session_id

    def _opened(self, event: FlowOpened) -> None:
        self.state = self.back = FLOWS[self.kind].backs[0]
        self.deliveries += event.deliveries
        self.busy_until = None

    def _challenged(self, event: ChallengeSent | FlowOpenedChallenged) -> None:
        self.state = self.back = "sent_email"
        self.method = self.active = event.method
        self.form, self.challenge = None, event.challenge
        self.code_expires_at = event.code_expires_at
        self.deliveries += event.deliveries
        self.busy_until = None

    def _submitted(self, event: MethodSubmitted) -> None:
        self.state, self.method = "authenticating", event.method
        self.submission = event.submission

    def _accepted(self, event: MethodAccepted) -> None:
        self.state, self.active = "finishing", event.method
        self.identity_id = event.identity_id or self.identity_id

    def _refused(self, event: MethodRefused) -> None:
        self.state, self.form, self.busy_until = self.back, event.form, None
        if event.reason == "wrong_code":
            self.wrong_codes += 1

    def _dismissed(self, event: SubmissionDismissed) -> None:
        self.form = event.form

    def _planned(self, event: ActionsPlanned) -> None:
        self.busy_until = event.deadline

    def _interrupted(self, event: FlowInterrupted) -> None:
        self.state, self.form, self.busy_until = self.back, event.form, None

    def _released(self, event: FlowReleased) -> None:
        self.state, self.busy_until = self.back, None

    def _completed(self, event: FlowCompleted) -> None:
        self.state, self.form, self.busy_until = "completed", None, None
        self.method = self.active = event.method
        self.identity_id = event.identity_id or self.identity_id
        self.session_id = event.session_id or self.session_id
        self.deliveries += event.deliveries

    def _ended(self, event: FlowRejected | FlowFailed | FlowExpired) -> None:
        self.state = {"FlowRejected": "rejected", "FlowFailed": "failed", "FlowExpired": "expired"}[type(event).__name__]
        self.form, self.busy_until = getattr(event, "form", None), None

    # -- the triggers: the only way on

    def emit(self, event: str, at: datetime, fields: Mapping[str, Any]) -> None:
        """Records the event of a transition (called by the machine alone)."""
        self.record(EVENT_TYPES[event], at, **fields)

    def fire(self, trigger: str, at: datetime, **fields: Any) -> None:
        """Moves by one row of the table of this kind of flow. Raises `IllegalTrigger`; then nothing happened."""
        fire(self.kind, self, trigger, at, **fields)

    @property
    def ended(self) -> bool:
        """Whether the flow has come to one of its ends."""
        return self.state in ("completed", "rejected", "failed", "expired")

    @property
    def busy(self) -> bool:
        """Whether a submission, or its start, is still under way."""
        return self.state in ("preparing", "authenticating", "finishing")


_FOLDS: Mapping[str, Any] = {
    "FlowInitiated": Flow._initiated,
    "FlowOpened": Flow._opened,
    "FlowOpenedChallenged": Flow._challenged,
    "ChallengeSent": Flow._challenged,
    "MethodSubmitted": Flow._submitted,
    "MethodAccepted": Flow._accepted,
    "MethodRefused": Flow._refused,
    "SubmissionDismissed": Flow._dismissed,
    "ActionsPlanned": Flow._planned,
    "FlowInterrupted": Flow._interrupted,
    "FlowReleased": Flow._released,
    "FlowCompleted": Flow._completed,
    "FlowRejected": Flow._ended,
    "FlowFailed": Flow._ended,
    "FlowExpired": Flow._ended,
}


def initiate(id: UUID, at: datetime, **fields: Any) -> Flow:  # noqa: A002
    """A new flow, in `preparing`, with its first event pending."""
    flow = Flow(id)
    flow.record(FlowInitiated, at, **fields)
    return flow
