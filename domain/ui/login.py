"""The login form."""

from limen.domain.configuration import FlowKind
from limen.domain.identity_schema import IdentitySchema
from limen.domain.message import Message
from limen.domain.ui import factors, labels, messages, nodes
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView


def login(view: FormView) -> list[Node]:
    """Identifier and a button for each way in; the code that was sent; or the second factors.

    Whoever confirms that it is them need not type who they are, unless by a code (Kratos).
    """
    if view.requested_aal != "aal1":
        return [nodes.csrf(view.csrf_token), *factors.asked(view)]
    if view.code_sent:
        return _refused_code(view) if _was_refused(view) else _code(view)
    form = [nodes.csrf(view.csrf_token)]
    if view.by_code or view.by_password:
        form.append(_identifier(view))
    if view.by_code:
        form.append(nodes.submit("method", "code", "code", labels.SIGN_IN_BY_CODE))
    if view.by_password:
        form.append(nodes.password("current-password", labels.PASSWORD))
        label = labels.SIGN_IN if view.refresh else labels.SIGN_IN_BY_PASSWORD
        form.append(nodes.submit("method", "password", "password", label))
    return form


def login_message(view: FormView) -> Message | None:
    """What the flow says as long as nothing else is to be said."""
    if view.code_sent:
        return messages.code_sent(FlowKind.LOGIN)
    if view.refresh:
        return messages.reauthenticate()
    return messages.second_factor() if view.requested_aal != "aal1" else None


def _identifier(view: FormView) -> Node:
    schema = IdentitySchema.of(view.schema)
    if view.refresh and view.traits is not None and not view.by_code:
        known = schema.identifiers(view.traits).get("password", [])
        return nodes.field("identifier", "hidden", "default", value=known[0] if known else "")
    label, value = schema.label_of_identifier, view.values.get("identifier")
    return nodes.field(
        "identifier", "text", "default", value=value if isinstance(value, str) else "", required=True, label=label
    )


def _was_refused(view: FormView) -> bool:
    """Whether something went wrong since the code was sent.

    Kratos redraws the form then, in another order, the identifier without its label; a client may go by either.
    """
    return any(message.id != 1010014 for message in view.messages)


def _code(view: FormView) -> list[Node]:
    label = IdentitySchema.of(view.schema).label_of_identifier
    form = [
        nodes.field("identifier", "hidden", "default", value=_address(view), required=True, label=label),
        nodes.hidden_method("code"),
        nodes.field("code", "text", "code", required=True, label=labels.LOGIN_CODE),
        nodes.submit("method", "code", "code", labels.CONTINUE),
        nodes.submit("resend", "code", "code", labels.RESEND),
    ]
    return [*form, nodes.csrf(view.csrf_token)] if view.browser else form


def _refused_code(view: FormView) -> list[Node]:
    return [
        nodes.csrf(view.csrf_token),
        nodes.field("identifier", "hidden", "default", value=_address(view)),
        nodes.field("code", "text", "code", required=True, label=labels.LOGIN_CODE),
        nodes.submit("resend", "code", "code", labels.RESEND),
        nodes.hidden_method("code"),
        nodes.submit("method", "code", "code", labels.CONTINUE),
    ]


def _address(view: FormView) -> str:
    value = view.values.get("identifier")
    return value if isinstance(value, str) and value else view.address or ""
