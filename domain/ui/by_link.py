"""The form of recovery and verification by link: the address, before and after a link was sent to it."""

from limen.domain.ui import labels, nodes
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView


def by_link(view: FormView) -> list[Node]:
    """The address, which stays once a link was sent, so that another can be asked for."""
    form = [nodes.csrf(view.csrf_token)]
    if not view.method("link").enabled:
        return form
    typed = view.values.get("email")
    address = nodes.field(
        "email", "email", "link", value=typed if isinstance(typed, str) else None, required=True, label=labels.EMAIL
    )
    return [*form, address, nodes.submit("method", "link", "link", labels.CONTINUE)]
