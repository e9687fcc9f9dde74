"""The events of actions, on the stream of their flow: names and fields are the storage format."""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from limen.domain.flow_events import FlowEvent
from limen.domain.precedence import Rule


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
