"""The form that asks for a code, at login: one that signs in, or one that is a second factor.

Kratos redraws it after a refusal, in another order, the identifier without its label; a client may go by either.
"""

from limen.domain.identity_schema import IdentitySchema
from limen.domain.ui import factor_messages, labels, nodes
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView

_SENT = 1010014


def first_factor(view: FormView) -> list[Node]:
    """The code that signs in."""
    label = IdentitySchema.of(view.schema).label_of_identifier
    identifier = nodes.field("identifier", "hidden", "default", value=_address(view), required=True, label=label)
    return _refused(view) if _was_refused(view) else _asked(view, identifier)


def second_factor(view: FormView) -> list[Node]:
    """The code that is a second factor, and where it went. Kratos says that once for each address somebody has."""
    address = view.address or ""
    identifier = nodes.field("identifier", "hidden", "code", value=address, label=factor_messages.code_to(address))
    return _refused(view) if _was_refused(view) else _asked(view, identifier)


def _asked(view: FormView, identifier: Node) -> list[Node]:
    form = [
        identifier,
        nodes.hidden_method("code"),
        nodes.field("code", "text", "code", required=True, label=labels.LOGIN_CODE),
        nodes.submit("method", "code", "code", labels.CONTINUE),
        nodes.submit("resend", "code", "code", labels.RESEND),
    ]
    return [*form, nodes.csrf(view.csrf_token)] if view.browser else form


def _refused(view: FormView) -> list[Node]:
    return [
        nodes.csrf(view.csrf_token),
        nodes.field("identifier", "hidden", "default", value=_address(view)),
        nodes.field("code", "text", "code", required=True, label=labels.LOGIN_CODE),
        nodes.submit("resend", "code", "code", labels.RESEND),
        nodes.hidden_method("code"),
        nodes.submit("method", "code", "code", labels.CONTINUE),
    ]


def _was_refused(view: FormView) -> bool:
    return any(message.id != _SENT for message in view.messages)


def _address(view: FormView) -> str:
    value = view.values.get("identifier")
    return value if isinstance(value, str) and value else view.address or ""
