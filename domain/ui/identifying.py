"""The login form in two steps (`style: identifier_first`): who it is, then the ways in."""

from limen.domain.identity_schema import IdentitySchema
from limen.domain.screen import IDENTIFIED
from limen.domain.ui import labels, nodes
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView

GROUP = "identifier_first"
WAYS = "ways"
"""What the form keeps where the ways in are those of one account: their names."""


def begins(view: FormView) -> bool:
    """Whether the form asks who it is, and nothing else yet. Whoever confirms that it is them is known (Kratos)."""
    return view.style == GROUP and not view.refresh and view.screen != IDENTIFIED


def done(view: FormView) -> bool:
    """Whether the form knows who it may be."""
    return view.style == GROUP and not view.refresh and view.screen == IDENTIFIED


def offers(view: FormView, method: str) -> bool:
    """Whether the form offers a way in that is switched on."""
    ways = view.values.get(WAYS)
    return not done(view) or ways is None or method in ways


def asked(view: FormView) -> list[Node]:
    """The identifier, and a button that leads on."""
    return [_identifier(view, "text"), nodes.submit("method", GROUP, GROUP, labels.CONTINUE)]


def known(view: FormView) -> Node:
    """The identifier that was given."""
    return _identifier(view, "hidden")


def _identifier(view: FormView, kind: str) -> Node:
    label, value = IdentitySchema.of(view.schema).label_of_identifier, view.values.get("identifier")
    shown = value if isinstance(value, str) else ""
    return nodes.field(
        "identifier", kind, GROUP, value=shown, required=True, label=label, autocomplete="username webauthn"
    )
