"""Slots by their names: as handlers are registered, as the command line asks, as a record says them."""

from limen.domain.configuration import FlowKind, Phase, Slot
from limen.domain.placement import LOGOUT, TRIGGER_NAMES
from limen.domain.precedence import known_methods


def slot_of(flow: str, phase: Phase, method: str | None) -> Slot:
    """A slot by its names; a flow or method that does not exist is refused.

    `login_failed` and `logout` are the triggers of `limen.yml`; there is nothing before them.
    """
    trigger = TRIGGER_NAMES.get(flow)
    if trigger is not None and phase == "before":
        raise ValueError(f"there is no flow '{flow}': nothing runs before it, it is told when it has happened")
    try:
        kind = trigger.flow if trigger is not None else FlowKind(flow)
    except ValueError:
        raise ValueError(f"there is no flow '{flow}'; there are {', '.join(FlowKind)}") from None
    known = known_methods(kind) if phase != "before" else ()
    if method is not None and method not in known:
        raise ValueError(f"{flow}.{phase} knows no method '{method}'; it knows {', '.join(known) or 'none'}")
    return Slot(kind, trigger.phase if trigger is not None else phase, method)


def parse_slot(text: str) -> Slot:
    """`login.before`, `login.after`, `login.after.password`, `login.failed`, `logout` → the slot."""
    flow, _, rest = text.partition(".")
    phase, _, method = rest.partition(".")
    if text == str(LOGOUT):
        return LOGOUT
    if (flow, phase) == ("login", "failed"):
        return slot_of("login_failed", "after", method or None)
    if phase not in ("before", "after") or "." in method or text.endswith("."):
        raise ValueError(f"'{text}' is no slot; one reads like 'login.before' or 'login.after.password'")
    return slot_of(flow, "before" if phase == "before" else "after", method or None)
