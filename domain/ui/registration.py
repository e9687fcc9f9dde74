"""The registration form."""

from limen.domain.configuration import FlowKind
from limen.domain.identity_schema import IdentitySchema
from limen.domain.message import Message
from limen.domain.screen import CREDENTIALS
from limen.domain.ui import keys, labels, messages, nodes, providers
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView


def registration(view: FormView) -> list[Node]:
    """The traits and a button for each way to sign up, at once or in two steps; or the code that was sent."""
    form, steps = [nodes.csrf(view.csrf_token)], two_steps(view)
    if view.code_sent:
        return form + _traits(view, "hidden") + _code(view) + (_back("credential-selection") if steps else [])
    form = [*providers.sign_up(view), *form]
    if providers.completing(view) is not None:
        return form + _traits(view)
    if steps and view.screen != CREDENTIALS:
        return [*form, *_traits(view), nodes.submit("method", "profile", "profile", labels.SIGN_UP)]
    ways, password = keys.new(view) + _by_code(view), _by_password(view)
    traits = _traits(view, "hidden" if steps else None) if steps or ways or password else []
    if not ways:  # where nothing stands between them Kratos has the password after the first trait
        traits, password = [*traits[:1], *password[:1], *traits[1:]], password[1:]
    return [*form, *traits, *ways, *password, *(_back("previous") if steps else [])]


def two_steps(view: FormView) -> bool:
    """Whether the traits are asked for first, and then how to sign up."""
    return view.style == "profile_first" and view.method("profile").enabled


def registration_message(view: FormView) -> Message | None:
    """What the flow says as long as nothing else is to be said."""
    return messages.code_sent(FlowKind.REGISTRATION) if view.code_sent else None


def _by_code(view: FormView) -> list[Node]:
    return [nodes.submit("method", "code", "code", labels.SIGN_UP_BY_CODE)] if view.by_code else []


def _by_password(view: FormView) -> list[Node]:
    if not view.by_password:
        return []
    return [
        nodes.password("new-password", labels.PASSWORD),
        nodes.submit("method", "password", "password", labels.SIGN_UP),
    ]


def _back(screen: str) -> list[Node]:
    """A button back to an earlier screen: it names no method (Kratos)."""
    return [nodes.submit("screen", screen, "profile", labels.BACK)]


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
