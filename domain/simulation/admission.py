"""Admission: whether the new configuration would have taken a start or a submission at all, before any action runs."""

from datetime import datetime

from limen.domain.configuration import Configuration, FlowKind
from limen.domain.method import offers
from limen.domain.placement import LIST_METHODS, SINGLE_LIST_METHODS
from limen.domain.selection import selectable
from limen.domain.simulation.foresight import UNKNOWN
from limen.domain.simulation.turn import Recorded, Submitted, Turn

Refusal = tuple[str, str]
"""How it ends, and why."""


def refusal(new: Configuration, flow: Recorded, turn: Turn) -> Refusal | None:
    """What becomes of a recorded turn that the new configuration would not have begun."""
    if turn.slot.phase == "before":
        return _unopened(new, flow)
    return _refused(new, flow, turn.slot.method or "", turn.at)


def otherwise(old: Configuration | None, new: Configuration, flow: Recorded, one: Submitted) -> Refusal | None:
    """What becomes of a submission that no method accepted, where it is not the same; `old` is None where it is gone.

    One in which nothing was tried is not on record with its method: whether another configuration would have taken it
    is unknown.
    """
    if one.end == "opened":
        return _unopened(new, flow)
    if one.end == "expired":
        return (UNKNOWN, "its time would not have been over") if _in_time(new, flow, one.at) else None
    if not _in_time(new, flow, one.at):
        return _EXPIRED
    if one.end == "dismissed":
        more = old is None or _offered(new, flow) - _offered(old, flow)
        return (UNKNOWN, "which method was tried is not on record") if more else None
    return _refused(new, flow, one.method or "", one.at)


_EXPIRED: Refusal = ("expired", "the flow's time would have been over")


def _unopened(new: Configuration, flow: Recorded) -> Refusal | None:
    if not new.flow(flow.kind).enabled:
        return "refused", f"{flow.kind.value} is switched off"
    schema = flow.initiated.identity_schema
    if schema is not None and not selectable(new, schema):
        return "refused", f"the identity schema '{schema}' may not be chosen"
    return None


def _refused(new: Configuration, flow: Recorded, method: str, at: datetime) -> Refusal | None:
    if not _in_time(new, flow, at):
        return _EXPIRED
    if not offers(new, flow.kind, method, flow.initiated.requested_aal):
        return "dismissed", f"{method} is switched off"
    return None


def _in_time(new: Configuration, flow: Recorded, at: datetime) -> bool:
    return at - flow.initiated.timestamp < new.flow(flow.kind).lifespan


_STEPS = {
    FlowKind.SETTINGS: ("code", "profile"),
    FlowKind.REGISTRATION: ("profile",),
    FlowKind.LOGIN: ("identifier_first",),
}
"""Methods without a list of actions of their own."""


def _offered(configuration: Configuration, flow: Recorded) -> set[str]:
    methods = LIST_METHODS[flow.kind] or SINGLE_LIST_METHODS
    listed = {*methods, *_STEPS.get(flow.kind, ())}
    return {one for one in listed if offers(configuration, flow.kind, one, flow.initiated.requested_aal)}
