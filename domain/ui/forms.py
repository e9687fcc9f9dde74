"""`ui`: what clients and templates see of a flow, in Ory Kratos' JSON shape, for the five flows.

The nodes, their order and their attributes are what Kratos 26.2 was seen to give; the wording is limen's own. Methods
that are not built yet have no nodes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from limen.domain.configuration import FlowKind
from limen.domain.message import Message
from limen.domain.ui import nodes
from limen.domain.ui.login import login, login_message
from limen.domain.ui.nodes import Node
from limen.domain.ui.recovery import recovery, recovery_message
from limen.domain.ui.registration import registration, registration_message
from limen.domain.ui.settings import settings, settings_message
from limen.domain.ui.verification import continue_url, verification, verification_message
from limen.domain.ui.view import FormView

_FORMS: Mapping[FlowKind, tuple[Callable[[FormView], list[Node] | None], Callable[[FormView], Message | None]]] = {
    FlowKind.LOGIN: (login, login_message),
    FlowKind.REGISTRATION: (registration, registration_message),
    FlowKind.SETTINGS: (settings, settings_message),
    FlowKind.RECOVERY: (recovery, recovery_message),
    FlowKind.VERIFICATION: (verification, verification_message),
}
_SORTED = frozenset({FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS})
"""Flows whose nodes Kratos sorts by group: a node that a message made stands there with the general fields."""


def form(view: FormView) -> dict[str, Any]:
    """Kratos' `ui`: `action`, `method`, `nodes`, and `messages` where there are any. A fresh dict, safe to change.

    Messages with a node stand there; a node that the form lacks is made, as a text field of that name. Where the view
    has no messages, the flow says what its state calls for by itself (a code was sent, changes are saved, please
    confirm that it is you). `nodes` is None (Kratos: null) in the two places where Kratos has none.
    """
    draw, own_message = _FORMS[view.kind]
    drawn = draw(view)
    above: list[dict[str, Any]] = []
    given = () if _settled(view) else view.messages
    for message in given:
        if message.node:
            drawn = _place(view.kind, drawn or [], message)
        else:
            above.append(message.body())
    if not given and (own := own_message(view)) is not None:
        above.append(own.body())
    ui: dict[str, Any] = {"action": _action(view), "method": "POST", "nodes": drawn}
    if view.kind is FlowKind.VERIFICATION and view.passed:
        ui["action"], ui["method"] = continue_url(view), "GET"
    if above:
        ui["messages"] = above
    return ui


def _settled(view: FormView) -> bool:
    """Whether what was said before no longer counts: Kratos clears it when these flows have passed."""
    if view.kind is FlowKind.SETTINGS:
        return view.state == "completed"
    return view.passed and view.kind in (FlowKind.RECOVERY, FlowKind.VERIFICATION)


def _action(view: FormView) -> str:
    base = view.base_url if view.base_url.endswith("/") else view.base_url + "/"
    return f"{base}self-service/{view.kind.value}?flow={view.flow_id}"


def _place(kind: FlowKind, drawn: list[Node], message: Message) -> list[Node]:
    """Puts a message on the node it names, made for the purpose where there is none."""
    named = [node for node in drawn if nodes.name_of(node) == message.node]
    if named:
        buttons = [node for node in named if node["attributes"].get("type") == "submit"]
        target = buttons[0] if message.node == "method" and buttons else named[0]
        target["messages"].append(message.body())
        return drawn
    made = nodes.field(message.node or "", "text", "default")
    made["messages"].append(message.body())
    place = len(drawn)
    if kind in _SORTED:
        place = max((at for at, node in enumerate(drawn, 1) if node["group"] == "default"), default=0)
    drawn.insert(place, made)
    return drawn
