"""The placement matrix: which action may stand where, and which methods have a list of their own."""

from limen.adapters.reference.markdown import code, page, table
from limen.domain.configuration import FlowKind, Slot
from limen.domain.placement import (
    LIST_METHODS,
    PERFORMED,
    PLACEMENT,
    SINGLE_LIST_METHODS,
    SLOTS,
    TRIGGER_NAMES,
    TRIGGERS,
)

_INTRODUCTION = """`x`: the action may stand in every list there; otherwise the methods under which it may. What stands
elsewhere is refused when the file is read. An action in parentheses is accepted and listed as ignored.
[action-rules.md](action-rules.md) says which list runs, and when; [matrix.md](matrix.md) lists every case."""

_TRIGGERS = """A `web_hook` may stand there, and a name that was registered for the slot with `when="delivery"`: all of
it is delivered ([how](../how-to/react-to-failed-logins.md))."""


def actions_page() -> str:
    """The matrix and the lists."""
    sides = [(flow, phase) for flow in FlowKind for phase in ("before", "after")]
    rows = []
    for hook in PLACEMENT:
        name = code(hook) if hook in PERFORMED else f"({code(hook)})"
        rows.append([name, *(_cell(hook, flow, phase) for flow, phase in sides)])
    lists = [
        [code(flow.value), ", ".join(map(code, LIST_METHODS[flow])) or f"none: one list for {_single()}"]
        for flow in FlowKind
    ]
    return page(
        "Where actions may stand",
        _INTRODUCTION,
        table(["action", *(f"{flow.value} {phase}" for flow, phase in sides)], rows),
        "## Methods with a list of their own, under `after`",
        table(["flow", "methods"], lists),
        "## Triggers of `limen.yml`",
        _TRIGGERS,
        table(["trigger", "methods with a list of their own", "slot"], [_trigger(name) for name in TRIGGER_NAMES]),
    )


def _trigger(name: str) -> list[str]:
    slot = TRIGGER_NAMES[name]
    methods = sorted(one.method for one in TRIGGERS if one.method and one.phase == slot.phase)
    return [code(name), ", ".join(map(code, methods)) or "none", code(str(slot))]


def _single() -> str:
    return " and ".join(map(code, SINGLE_LIST_METHODS))


def _cell(hook: str, flow: FlowKind, phase: str) -> str:
    every = {slot for slot in SLOTS if slot.flow is flow and slot.phase == phase}
    allowed = every & PLACEMENT[hook]
    if not allowed or allowed == every:
        return "x" if allowed else ""
    default = ["default"] if any(slot.method is None for slot in allowed) else []
    return ", ".join([*default, *(name for name in LIST_METHODS[flow] if Slot(flow, "after", name) in allowed)])
