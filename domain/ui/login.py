"""The login form."""

from limen.domain.configuration import FlowKind
from limen.domain.identity_schema import IdentitySchema
from limen.domain.message import Message
from limen.domain.ui import factors, identifying, keys, labels, messages, nodes, providers, sent_code
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView


def login(view: FormView) -> list[Node] | None:
    """Identifier and a button for each way in, at once or in two steps; the code that was sent; or the second factors.

    Whoever confirms that it is them need not type who they are, unless by a code (Kratos).
    """
    if view.requested_aal != "aal1":
        return sent_code.second_factor(view) if view.code_sent else _second_factors(view)
    if view.code_sent:
        return sent_code.first_factor(view)
    if view.by_key and view.values.get(keys.ASKED):
        return keys.asked(view)
    if identifying.begins(view) and not providers.linking(view):
        first = [*identifying.asked(view), *providers.sign_in(view), nodes.csrf(view.csrf_token)]
        return first + keys.proposed(view)
    if identifying.done(view):
        ways = [_by_code(view), _by_password(view)] if view.messages else [_by_password(view), _by_code(view)]
        through = providers.sign_in(view) if identifying.offers(view, "oidc") else []
        known = [*through, identifying.known(view), nodes.csrf(view.csrf_token)]
        return [*known, *keys.offered(view), *ways[0], *ways[1]]
    form = [*providers.sign_in(view), nodes.csrf(view.csrf_token)]
    if view.by_code or view.by_password or view.by_key or view.by_passkey:
        form.append(_identifier(view))
    return form + keys.offered(view) + _by_code(view) + _by_password(view)


def login_message(view: FormView) -> Message | None:
    """What the flow says as long as nothing else is to be said."""
    if view.code_sent:
        return messages.code_sent(FlowKind.LOGIN)
    if view.refresh:
        return messages.reauthenticate()
    return messages.second_factor() if view.requested_aal != "aal1" else None


def _second_factors(view: FormView) -> list[Node] | None:
    """None (Kratos: null) for an app whose user has no second factor, until something went wrong."""
    form = factors.asked(view)
    offers = any(node["group"] != "default" for node in form)
    return form if offers or view.browser or view.messages else None


def _by_code(view: FormView) -> list[Node]:
    offered = view.by_code and identifying.offers(view, "code")
    return [nodes.submit("method", "code", "code", labels.SIGN_IN_BY_CODE)] if offered else []


def _by_password(view: FormView) -> list[Node]:
    if not view.by_password or not view.has("password") or not identifying.offers(view, "password"):
        return []
    label = labels.SIGN_IN if view.refresh else labels.SIGN_IN_BY_PASSWORD
    return [
        nodes.password("current-password", labels.PASSWORD),
        nodes.submit("method", "password", "password", label),
    ]


def _identifier(view: FormView) -> Node:
    schema = IdentitySchema.of(view.schema)
    if view.refresh and view.traits is not None and not view.by_code:
        return keys.identifier(view)
    label, value = schema.label_of_identifier, view.values.get("identifier")
    waiting = providers.linking(view).get("identifier")
    kind, value = ("text", value) if waiting is None else ("hidden", waiting)
    return nodes.field(
        "identifier",
        kind,
        "default",
        value=value if isinstance(value, str) else "",
        required=True,
        label=label,
        **({"autocomplete": "username webauthn"} if view.by_key or view.by_passkey else {}),
    )
