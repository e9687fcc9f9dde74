"""The verification form: by code, or by link."""

from limen.domain.configuration import FlowKind
from limen.domain.message import Message
from limen.domain.ui import labels, link_messages, messages, nodes
from limen.domain.ui.by_link import by_link
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView


def verification(view: FormView) -> list[Node]:
    """The address; the code, once one was sent; and a link that leads on, once the address is verified.

    Kratos gives a native flow no CSRF field here until something went wrong, and puts it last where there is one.
    """
    if view.passed:
        return [
            nodes.csrf(view.csrf_token),
            nodes.anchor("continue", continue_url(view), view.use, labels.CONTINUE),
        ]
    if view.use == "link":
        return by_link(view)
    csrf = [nodes.csrf(view.csrf_token)] if view.browser or (view.messages and not view.code_sent) else []
    if not view.method("code").enabled or view.active not in (None, "code"):
        return csrf
    if view.code_sent:
        return [
            nodes.hidden_method("code"),
            nodes.field("code", "text", "code", required=True, label=labels.VERIFICATION_CODE),
            nodes.submit("method", "code", "code", labels.CONTINUE),
            *csrf,
            nodes.submit("email", view.address or "", "code", labels.RESEND),
        ]
    return [_address(view), nodes.submit("method", "code", "code", labels.CONTINUE), *csrf]


def verification_message(view: FormView) -> Message | None:
    """What the flow says as long as nothing else is to be said."""
    if view.passed:
        return messages.verified()
    if view.use == "link":
        return link_messages.link_sent(FlowKind.VERIFICATION) if view.state == "sent_email" else None
    return messages.code_sent(FlowKind.VERIFICATION) if view.code_sent else None


def continue_url(view: FormView) -> str:
    """Where the person goes on to."""
    return view.return_url or view.base_url


def _address(view: FormView) -> Node:
    """The address field; after a refusal it shows at least the empty text, as Kratos does."""
    value = view.values.get("email")
    if not isinstance(value, str):
        value = "" if view.messages else None
    return nodes.field("email", "email", "code", value=value, required=True, label=labels.EMAIL)
