"""Timing: when in its flow an action runs, seen from the commit.

Source: the rules of limen, "When in the flow each one runs"; where Kratos differs, they say why.
"""

from typing import Literal

from limen.domain.action import Action
from limen.domain.configuration import FlowKind, Phase
from limen.domain.placement import PERFORMED, PLACEMENT

Timing = Literal["before", "before_commit", "with_commit", "after_commit", "delivery", "ignored"]
"""`before`: before the flow opens. `before_commit`: may still change the outcome. `with_commit`: part of what is
appended. `after_commit`: awaited, its failure told, what was stored stands. `delivery`: left to the worker.
`ignored`: accepted in the file, not performed."""

_BUILT_IN: dict[str, Timing] = {
    "session": "with_commit",
    "revoke_active_sessions": "with_commit",
    "show_verification_ui": "with_commit",
    "verification": "with_commit",
    "notify_previous_addresses": "with_commit",
    "verify_new_address": "before_commit",
    "require_verified_address": "before_commit",
}


def timing_of(flow: FlowKind | None, phase: Phase, action: Action) -> Timing:
    """When `action` runs in this phase of this flow.

    A hook over the bus is read like a parsing web hook: it runs before the commit. An action that is neither of these
    nor built in is the application's own: it runs before the commit too, unless its registration says otherwise, which
    is not known here.
    """
    hook = action.web_hook
    if phase in ("failed", "logout") or (hook is not None and hook.ignore):
        return "delivery"
    if hook is None and action.hook in PLACEMENT and action.hook not in PERFORMED:
        return "ignored"
    if phase == "before":
        return "before"
    if action.hook in _BUILT_IN:
        return _BUILT_IN[action.hook]
    if hook is None or hook.parses or flow is FlowKind.LOGIN:
        return "before_commit"
    return "after_commit"
