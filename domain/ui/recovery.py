"""The recovery form: by code, or by link."""

from limen.domain.code import DIGITS, LONG, LONG_DIGITS
from limen.domain.configuration import FlowKind
from limen.domain.message import Message
from limen.domain.ui import labels, link_messages, messages, nodes
from limen.domain.ui.by_link import by_link
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView


def recovery(view: FormView) -> list[Node]:
    """The address; or, once a code was sent, the code and a button that sends another to the same address."""
    if view.use == "link":
        return by_link(view)
    form = [nodes.csrf(view.csrf_token)]
    if not view.method("code").enabled or view.active not in (None, "code"):
        return form
    if not view.code_sent:
        return [*form, _address(view), nodes.submit("method", "code", "code", labels.CONTINUE)]
    return [
        *form,
        nodes.field(
            "code",
            "text",
            "code",
            required=True,
            label=labels.RECOVERY_CODE,
            pattern="[0-9]+",
            maxlength=LONG_DIGITS if view.values.get(LONG) else DIGITS,
        ),
        nodes.hidden_method("code"),
        nodes.submit("method", "code", "code", labels.CONTINUE),
        nodes.submit("email", view.address or "", "code", labels.RESEND),
    ]


def recovery_message(view: FormView) -> Message | None:
    """What the flow says as long as nothing else is to be said; nothing once it has passed."""
    if view.use == "link":
        return link_messages.link_sent(FlowKind.RECOVERY) if view.state == "sent_email" else None
    return messages.code_sent(FlowKind.RECOVERY) if view.code_sent and not view.passed else None


def _address(view: FormView) -> Node:
    """The address field; one found wanting shows the empty text it was sent with, as Kratos does."""
    value = view.values.get("email")
    if not isinstance(value, str):
        value = "" if any(message.node == "email" for message in view.messages) else None
    return nodes.field("email", "email", "code", value=value, required=True, label=labels.EMAIL)
