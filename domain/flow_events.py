"""The events of a flow's stream: their names and fields are the storage format."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from limen.domain.configuration import FlowKind
from limen.domain.event import DomainEvent
from limen.domain.precedence import Rule
from limen.domain.sealed import Sealed


class FlowEvent(DomainEvent):
    """Base of the events of a flow's stream."""

    stream: ClassVar[str] = "flow"


def _unknown(field: str) -> Callable[[dict[str, Any]], None]:
    """The step from a version that did not record this."""
    return lambda state: state.update({field: None})


class ActionRef(BaseModel):
    """Which action: its hook, id, position in its list, phase and method. `delivery` where it became one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hook: str
    id: str
    position: int
    phase: str
    method: str | None = None


Origin = Literal["configured", "bus", "python"]
"""Whose list an action stands in: the configuration's, that of the hooks over the bus, or the Python handlers'."""


class PlannedAction(ActionRef):
    """An action in a plan: where its list names it, when it runs, whose list it is, and the rule that chose it.

    `origin` is `configured`, `bus` or `python`. Each of them has lists of its own, and `rule` says which of those it
    was: the `default` one or that of the `method`; null where an older limen did not record it.
    """

    source: str
    timing: str
    origin: Origin = "configured"
    rule: Rule | None
    delivery: UUID | None = None


class FlowInitiated(FlowEvent):
    """The flow was asked for. `request` (sealed): method, url, client_ip, user_agent, return_to, transient_payload.

    `network`: keyed hash of the network it was asked for from (`limen.domain.network`), None where that is not known.
    `replaces` is the ended flow whose place it took: then no before-action ran.
    """

    class_version: ClassVar[int] = 2

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
    replaces: UUID | None = None
    network: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("network"))


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
    """A method was submitted. `submission` (sealed): what the form keeps of it, and the transient payload.

    `network` as in `FlowInitiated`, of who submitted.
    """

    class_version: ClassVar[int] = 2

    method: str
    submission: Sealed | None = None
    network: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("network"))


class MethodAccepted(FlowEvent):
    """The method's verdict is yes. `identity_id` is who it is, or will be."""

    method: str
    identity_id: UUID | None = None
    aal: str = "aal1"


class MethodRefused(FlowEvent):
    """The verdict is no. `reason` is a class of reasons; `form` (sealed) holds the messages and kept values.

    `identity_id` is whose identifier was given, or whose code it should have been, where that is somebody known: not
    necessarily who tried.
    """

    class_version: ClassVar[int] = 2

    method: str
    reason: str
    form: Sealed | None = None
    identity_id: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("identity_id"))


class SubmissionDismissed(FlowEvent):
    """No method of this flow was named: nothing was tried. `form` (sealed) holds the message; `network`: whose try."""

    class_version: ClassVar[int] = 2

    reason: str
    form: Sealed | None = None
    network: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("network"))


class SecretsShown(FlowEvent):
    """The person is shown secrets: `what` is generated (not in force yet) or revealed. `form` (sealed) holds none."""

    method: str
    what: str
    form: Sealed | None = None


class ChallengeSent(FlowEvent):
    """A code is on its way, or would be if the address were known. `challenge` (sealed): address, via, messages.

    `identity_id` is whom the code went to, None where nobody is known there.
    """

    class_version: ClassVar[int] = 2

    method: str
    challenge: Sealed
    code_expires_at: datetime
    resent: bool = False
    deliveries: tuple[UUID, ...] = ()
    identity_id: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("identity_id"))


class ActionsPlanned(FlowEvent):
    """Which actions run, in which order, chosen by which rule (`default` or `method`), under which configuration.

    `rule` is that of the configured list, an empty one included; each action carries that of its own list. `deadline`
    is when the flow comes back to its user should the process that runs them die.
    """

    class_version: ClassVar[int] = 2

    phase: str
    method: str | None
    rule: str
    configuration: UUID
    actions: tuple[PlannedAction, ...]
    deadline: datetime

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Version 1 knew hooks over the bus as configured, and the rule of the configured list alone."""
        for action in state["actions"]:
            # an application may have named a handler `bus` too: that one stands in the configured list
            if action["hook"] == "bus" and action["source"].startswith("limen.yml#"):
                action["origin"] = "bus"
            action["rule"] = state["rule"] if action.get("origin", "configured") == "configured" else None


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
    """An action said no: the flow is back with its user. `form` (sealed) holds the messages.

    `identity_id` is whom the method had taken them for: the next submission may make the flow somebody else's.
    """

    class_version: ClassVar[int] = 2

    action: str
    form: Sealed | None = None
    identity_id: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("identity_id"))


class FlowReleased(FlowEvent):
    """The flow is back with its user without a verdict: an action failed, or the process that ran them died.

    `identity_id` as in `FlowInterrupted`.
    """

    class_version: ClassVar[int] = 2

    reason: str
    identity_id: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("identity_id"))


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
