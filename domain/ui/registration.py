"""The registration form."""

from limen.domain.configuration import FlowKind
from limen.domain.identity_schema import IdentitySchema
from limen.domain.message import Message
from limen.domain.ui import labels, messages, nodes
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView


def registration(view: FormView) -> list[Node]:
    """The traits and a button for each way to sign up; or the traits, hidden, and the code that was sent."""
    form = [nodes.csrf(view.csrf_token)]
    if view.code_sent:
        return form + _traits(view, "hidden") + _code(view)
    if view.by_code or view.by_password:
        form += _traits(view)
    if view.by_code:
        form.append(nodes.submit("method", "code", "code", labels.SIGN_UP_BY_CODE))
    if view.by_password:
        form.append(nodes.password("new-password", labels.PASSWORD))
        form.append(nodes.submit("method", "password", "password", labels.SIGN_UP))
    return form


def registration_message(view: FormView) -> Message | None:
    """What the flow says as long as nothing else is to be said."""
    return messages.code_sent(FlowKind.REGISTRATION) if view.code_sent else None


def _traits(view: FormView, kind: str | None = None) -> list[Node]:
    known = IdentitySchema.of(view.schema).trait_nodes
    return [nodes.trait(node, "default", view.trait(node.name), kind) for node in known]


def _code(view: FormView) -> list[Node]:
    """The fields for the code. After a refusal Kratos shows them in another order; a client may go by either."""
    code = nodes.field("code", "text", "code", required=True, label=labels.REGISTRATION_CODE)
    hidden = nodes.hidden_method("code")
    go_on = nodes.submit("method", "code", "code", labels.CONTINUE)
    resend = nodes.submit("resend", "code", "code", labels.RESEND)
    if any(message.id != 1040005 for message in view.messages):
        return [code, resend, hidden, go_on]
    return [hidden, code, go_on, resend]
