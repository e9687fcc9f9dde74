"""The events of a flow's stream: their names and fields are the storage format."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.event import DomainEvent
from limen.domain.sealed import Sealed


class FlowEvent(DomainEvent):
    """Base of the events of a flow's stream."""

    stream: ClassVar[str] = "flow"


def _unknown(*fields: str) -> Callable[[dict[str, Any]], None]:
    """The step from a version that did not record this."""
    return lambda state: state.update(dict.fromkeys(fields))


def _no_deliveries(state: dict[str, Any]) -> None:
    """The step from a version with which none were scheduled."""
    state["deliveries"] = []


class FlowInitiated(FlowEvent):
    """The flow was asked for. `request` (sealed): method, url, client_ip, user_agent, return_to, transient_payload.

    `network`: keyed hash of the network it was asked for from (`limen.domain.network`), None where that is not known.
    `replaces` is the ended flow whose place it took: then no before-action ran. `identity_schema` and `organization_id`
    are those its start chose (`limen.domain.selection`), None where it chose none.
    """

    class_version: ClassVar[int] = 3

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
    identity_schema: str | None = None
    organization_id: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("network"))
    upcast_v2_v3: ClassVar = staticmethod(_unknown("identity_schema", "organization_id"))


class FlowOpened(FlowEvent):
    """The before-actions let it pass; it waits for a submission. `deliveries` were scheduled with it.

    `form` (sealed) holds what a flow says from the start that takes the place of another.
    """

    class_version: ClassVar[int] = 2

    deliveries: tuple[UUID, ...] = ()
    form: Sealed | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("form"))


class FlowOpenedChallenged(FlowEvent):
    """It opens with its code or link on the way already. `challenge` (sealed): address, via, values.

    Started by another flow (`started_by`), without before-actions; or a login for a second factor, which let it pass.
    """

    method: str
    challenge: Sealed
    code_expires_at: datetime
    deliveries: tuple[UUID, ...] = ()


class MethodSubmitted(FlowEvent):
    """A method was submitted. `submission` (sealed): what the form keeps of it, and the transient payload.

    `network` as in `FlowInitiated`, of who submitted. `deadline`: appended before somebody else is asked for the
    verdict (an OpenID provider); when it is over, the process that asked counts as dead.
    """

    class_version: ClassVar[int] = 3

    method: str
    submission: Sealed | None = None
    network: UUID | None = None
    deadline: datetime | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("network"))
    upcast_v2_v3: ClassVar = staticmethod(_unknown("deadline"))


class MethodAccepted(FlowEvent):
    """The method's verdict is yes. `identity_id` is who it is, or will be."""

    method: str
    identity_id: UUID | None = None
    aal: str = "aal1"


class MethodRefused(FlowEvent):
    """The verdict is no. `reason` is a class of reasons; `form` (sealed) holds the messages and kept values.

    `identity_id` is whose identifier was given, or whose code it should have been, where that is somebody known: not
    necessarily who tried. `deliveries` tell of a failed login, and were scheduled with it.
    """

    class_version: ClassVar[int] = 3

    method: str
    reason: str
    form: Sealed | None = None
    identity_id: UUID | None = None
    deliveries: tuple[UUID, ...] = ()

    upcast_v1_v2: ClassVar = staticmethod(_unknown("identity_id"))
    upcast_v2_v3: ClassVar = staticmethod(_no_deliveries)


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


class FormAdvanced(FlowEvent):
    """The form goes on to its next step, or back to the one before: nothing was proven yet.

    `step` is where it goes: `credentials` or `profile` in two-step registration, `identified` where a login knows who
    it may be, `asked` where an authenticator has been asked and `back` from there, `linking` where it waits for an
    account to be proven that a provider is to be linked to. `form` (sealed) holds what the form keeps.
    """

    method: str
    step: str
    form: Sealed | None = None


class FlowRedirected(FlowEvent):
    """The person was sent elsewhere, to come back through `resume`. `provider` is the id of an OpenID provider."""

    method: str
    provider: str | None = None
    form: Sealed | None = None


class FlowTurned(FlowEvent):
    """It was the wrong kind of flow for this person and goes on as another, `into`, that it started.

    `reason`: `known` (a registration of somebody who is here already becomes a login), `unknown` (a login of nobody
    becomes a registration), `taken` (the address is somebody's: a login that may link the account at the provider).
    """

    method: str
    reason: str
    into: UUID


class ChallengeSent(FlowEvent):
    """A code or link is on its way, or would be if the address were known. `challenge` (sealed): address, via, values.

    `identity_id` is whom it went to, None where nobody is known there.
    """

    class_version: ClassVar[int] = 2

    method: str
    challenge: Sealed
    code_expires_at: datetime
    resent: bool = False
    deliveries: tuple[UUID, ...] = ()
    identity_id: UUID | None = None

    upcast_v1_v2: ClassVar = staticmethod(_unknown("identity_id"))


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
    """Ended without success: a before-action failed, too many wrong codes, or its process died while preparing.

    `deliveries` tell of a login that failed so, and were scheduled with it.
    """

    class_version: ClassVar[int] = 2

    reason: str
    form: Sealed | None = None
    deliveries: tuple[UUID, ...] = ()

    upcast_v1_v2: ClassVar = staticmethod(_no_deliveries)


class FlowExpired(FlowEvent):
    """Its lifespan was over."""
