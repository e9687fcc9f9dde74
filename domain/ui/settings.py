"""The settings form."""

from limen.domain.identity_schema import IdentitySchema
from limen.domain.message import Message
from limen.domain.ui import factors, labels, messages, nodes, providers
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView


def settings(view: FormView) -> list[Node] | None:
    """The traits as they are, a new password, providers, and the second factors, each with its own button.

    None (Kratos: null) while the `before` actions run: Kratos draws the form after them.
    """
    if view.state == "preparing":
        return None
    form = [nodes.csrf(view.csrf_token)]
    if view.method("profile").enabled:
        known = IdentitySchema.of(view.schema).trait_nodes
        form += [nodes.trait(node, "profile", view.trait(node.name)) for node in known]
        form.append(nodes.submit("method", "profile", "profile", labels.SAVE))
    if view.by_password:
        form.append(nodes.password("new-password", labels.PASSWORD))
        form.append(nodes.submit("method", "password", "password", labels.SAVE))
    return form + providers.kept(view) + factors.kept(view)


def settings_message(view: FormView) -> Message | None:
    """What the flow says as long as nothing else is to be said."""
    if view.state == "completed":
        return messages.settings_saved()
    if view.recovered_until is not None and view.state in ("show_form", "finishing"):
        return messages.recovered(view.recovered_until)
    return None
