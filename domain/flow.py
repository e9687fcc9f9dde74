"""Flow: one self-service journey of one person, from its start to its end: the fold, then the triggers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from limen.domain.action_events import ActionsPlanned
from limen.domain.aggregate import Aggregate
from limen.domain.configuration import FlowKind
from limen.domain.event import EVENT_TYPES, DomainEvent
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
from limen.domain.machine import FLOWS, fire
from limen.domain.screen import SCREENS
from limen.domain.sealed import Sealed


class Flow(Aggregate):
    """The state of a flow, folded from its events. Sealed values stay sealed here."""

    stream: ClassVar[str] = "flow"

    kind: FlowKind
    type: str
    configuration: UUID
    issued_at: datetime
    expires_at: datetime
    request: Sealed

    state = ""
    back = ""
    method: str | None = None
    active: str | None = None
    trip: str | None = None
    """The method that its user came back to from elsewhere last."""
    linking = False
    """Whether it waits for an account to be proven, to link a provider to it."""
    updated_at: datetime
    refresh = False
    requested_aal = "aal1"
    identity_id: UUID | None = None
    session_id: UUID | None = None
    started_by: UUID | None = None
    network: UUID | None = None
    identity_schema: str | None = None
    organization_id: UUID | None = None
    form: Sealed | None = None
    submission: Sealed | None = None
    challenge: Sealed | None = None
    code_expires_at: datetime | None = None
    wrong_codes = 0
    screen: str | None = None
    busy_until: datetime | None = None
    deliveries: tuple[UUID, ...] = ()
    into: UUID | None = None
    """The flow that it goes on as, where it was of the wrong kind."""

    # -- the fold: facts only

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says. No machine, callback or action runs here."""
        handler = _FOLDS.get(type(event))
        if handler is not None:
            handler(self, event)
        self.updated_at = event.timestamp

    def _initiated(self, event: FlowInitiated) -> None:
        self.kind, self.type, self.state = event.kind, event.type, "preparing"
        self.configuration, self.request = event.configuration, event.request
        self.issued_at, self.expires_at = event.timestamp, event.expires_at
        self.refresh, self.requested_aal = event.refresh, event.requested_aal
        self.identity_id, self.session_id = event.identity_id, event.session_id
        self.started_by, self.network = event.started_by, event.network
        self.identity_schema, self.organization_id = event.identity_schema, event.organization_id

    def _opened(self, event: FlowOpened) -> None:
        self.state = self.back = FLOWS[self.kind].backs[0]
        self.form = event.form
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
        self.submission, self.busy_until = event.submission, event.deadline
        came_from_a_login = self.started_by is not None and self.kind is FlowKind.REGISTRATION
        if event.deadline is not None or came_from_a_login:  # with what a provider said
            self.trip = self.active = event.method

    def _accepted(self, event: MethodAccepted) -> None:
        self.state, self.active = "finishing", event.method
        self.identity_id = event.identity_id or self.identity_id

    def _refused(self, event: MethodRefused) -> None:
        self.state, self.form, self.busy_until = self.back, event.form, None
        self.deliveries += event.deliveries
        if event.reason == "wrong_code":
            self.wrong_codes += 1
        if event.reason == "other_account" or (event.reason, event.method) == ("traits", "oidc"):
            self.active = event.method  # it did say who it is

    def _shown(self, event: SecretsShown | FormAdvanced | FlowRedirected) -> None:
        self.state, self.form, self.busy_until = self.back, event.form, None
        if isinstance(event, FlowRedirected) and self.kind is FlowKind.LOGIN:
            self.active = event.method
        elif isinstance(event, FormAdvanced) and event.step == "linking":
            self.linking = True

    def _advanced(self, event: FormAdvanced) -> None:
        self.back = FLOWS[self.kind].backs[0]
        if event.step in SCREENS:
            self.screen, self.active = event.step, None
        self._shown(event)

    def _dismissed(self, event: SubmissionDismissed) -> None:
        self.form = event.form

    def _planned(self, event: ActionsPlanned) -> None:
        self.busy_until = event.deadline

    def _interrupted(self, event: FlowInterrupted) -> None:
        self.state, self.form, self.busy_until = self.back, event.form, None

    def _released(self, _: FlowReleased) -> None:
        self.state, self.busy_until = self.back, None

    def _completed(self, event: FlowCompleted) -> None:
        self.state, self.form, self.busy_until = "completed", None, None
        self.method = self.active = event.method
        self.identity_id = event.identity_id or self.identity_id
        self.session_id = event.session_id or self.session_id
        self.deliveries += event.deliveries

    def _ended(self, event: FlowRejected | FlowFailed | FlowExpired | FlowTurned) -> None:
        ends = {"FlowRejected": "rejected", "FlowFailed": "failed", "FlowExpired": "expired", "FlowTurned": "turned"}
        self.state = ends[type(event).__name__]
        self.form, self.busy_until = getattr(event, "form", None), None
        self.into = getattr(event, "into", None)
        self.deliveries += getattr(event, "deliveries", ())

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
        return self.state in ("completed", "turned", "rejected", "failed", "expired")

    @property
    def owner(self) -> UUID | None:
        """Whose flow it is. Who registers is nobody until the registration is completed."""
        registers = self.kind is FlowKind.REGISTRATION and self.state != "completed"
        return None if registers else self.identity_id

    @property
    def busy(self) -> bool:
        """Whether a submission, or its start, is still under way."""
        return self.state in ("preparing", "authenticating", "finishing")


_FOLDS: Mapping[type[DomainEvent], Any] = {
    FlowInitiated: Flow._initiated,
    FlowOpened: Flow._opened,
    FlowOpenedChallenged: Flow._challenged,
    ChallengeSent: Flow._challenged,
    MethodSubmitted: Flow._submitted,
    MethodAccepted: Flow._accepted,
    MethodRefused: Flow._refused,
    SecretsShown: Flow._shown,
    FormAdvanced: Flow._advanced,
    FlowRedirected: Flow._shown,
    SubmissionDismissed: Flow._dismissed,
    ActionsPlanned: Flow._planned,
    FlowInterrupted: Flow._interrupted,
    FlowReleased: Flow._released,
    FlowCompleted: Flow._completed,
    FlowTurned: Flow._ended,
    FlowRejected: Flow._ended,
    FlowFailed: Flow._ended,
    FlowExpired: Flow._ended,
}


def initiate(id: UUID, at: datetime, **fields: Any) -> Flow:
    """A new flow, in `preparing`, with its first event pending."""
    flow = Flow(id)
    flow.record(FlowInitiated, at, **fields)
    return flow
